"""How a job's handler ends early: with words for a person, or because it must let go of the job."""

from core.errors import DomainError


class JobFailed(DomainError):
    """The job cannot succeed; `reason` says why and `hint` what a person can do about it."""

    code = "job_failed"

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class JobRetry(JobFailed):
    """It may work later: queued again after a pause while attempts remain, failed with these words after."""

    def __init__(self, reason: str, hint: str = "", *, seconds: float | None = None) -> None:
        super().__init__(reason, hint)
        self.seconds = seconds


class JobInterrupted(Exception):
    """The handler must stop now. Handlers let it pass: the runner knows what to write."""


class JobCancelled(JobInterrupted):
    """A person asked for it."""


class WorkerStopping(JobInterrupted):
    """This worker cannot go on with a healthy job, so the job is queued again and keeps its attempt."""


class LeaseLost(JobInterrupted):
    """Another worker may have the job by now: nothing may be written any more."""
