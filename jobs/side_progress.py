"""What long work needs of its job, and does without where it runs outside of one.

Progress of a long transaction is told from a thread with a connection of its own.

Written on the transaction's connection, it would stay invisible until the commit, and would lock the job's
row against its own heartbeat.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from django.db import connection

from jobs.models import Job

if TYPE_CHECKING:
    from jobs.running import JobContext


class Tell(Protocol):
    """Also stops the work when somebody asked for it."""

    def __call__(self, *, fraction: float, sentence: str = "") -> None: ...


def _nobody(*, fraction: float, sentence: str = "") -> None:
    return None


@contextmanager
def progress_beside(context: "JobContext | None") -> Iterator[Tell]:
    """What tells the progress while the block lasts; outside of a job it tells nobody."""
    if context is None:
        yield _nobody
        return
    job = context
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="progress") as thread:

        def tell(*, fraction: float, sentence: str = "") -> None:
            thread.submit(job.progress, fraction=fraction, sentence=sentence).result()

        try:
            yield tell
        finally:
            # `connection` is another one in every thread: only there does it name the thread's own.
            thread.submit(lambda: connection.close()).result()


def fence_of(context: "JobContext | None") -> AbstractContextManager[Job | None]:
    """The transaction in which the job's lease holds; nothing outside of a job."""
    return context.fenced() if context else nullcontext()
