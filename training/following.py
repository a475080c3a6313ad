"""Watching a run from a terminal until it ends."""

import time
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from jobs.models import Job
from training.models import TrainingRun

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_UNTIL_IMPATIENT = 20.0


def follow(run: TrainingRun, *, tell: Callable[[str], None]) -> TrainingRun:
    """Tell each new sentence of progress until the run ends; tell once when no worker takes it."""
    last, started_at, complained = "", time.monotonic(), False
    while True:
        job = Job.objects.get(pk=run.job_id)
        line = (
            f"{job.progress:4.0%} {job.sentence}".rstrip()
            if job.state == Job.State.RUNNING
            else job.get_state_display()
        )
        if line != last:
            tell(line)
            last = line
        if job.has_ended:
            ended = TrainingRun.objects.select_related("job", "output_model").get(pk=run.pk)
            for alarm in ended.standing_alarms:
                tell(_("Alarm: %(reason)s %(hint)s") % {"reason": alarm.reason, "hint": alarm.hint})
            return ended
        waited = time.monotonic() - started_at
        if job.state == Job.State.QUEUED and waited > SECONDS_UNTIL_IMPATIENT and not complained:
            tell(_("No worker has taken the run yet. Is one running? Start everything with “make run”."))
            complained = True
        time.sleep(SECONDS_BETWEEN_LOOKS)


def outcome(run: TrainingRun) -> dict[str, Any]:
    """What a run came to, ready for JSON."""
    model = run.output_model
    return {
        "run": str(run.uid),
        "state": run.job.state,
        "model": str(model.uid) if model else None,
        "model_name": str(model) if model else None,
        "metrics": model.metrics if model else {},
        "alarms": run.result.get("alarms", []),
        "seconds": run.result.get("seconds"),
        "cpu_seconds": run.result.get("cpu_seconds"),
        "reason": run.job.reason,
        "hint": run.job.hint,
    }
