"""Which function runs which kind of job. Apps register theirs in a module named `job_handlers`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import autodiscover_modules

if TYPE_CHECKING:
    from jobs.running import JobContext

Run = Callable[["JobContext"], dict[str, Any] | None]


@dataclass(frozen=True)
class Handler:
    """A handler with a queue is only ever run from that queue."""

    kind: str
    run: Run
    queue: str | None


_handlers: dict[str, Handler] = {}


class KindTaken(ValueError):
    """Two functions want the same kind of job."""


def handler(kind: str, *, queue: str | None = None) -> Callable[[Run], Run]:
    """Register the decorated function for a kind of job."""

    def register(run: Run) -> Run:
        known = _handlers.get(kind)
        if known is not None and known.run.__qualname__ != run.__qualname__:
            raise KindTaken(f"The kind {kind!r} is already handled by {known.run.__qualname__}.")
        _handlers[kind] = Handler(kind=kind, run=run, queue=queue)
        return run

    return register


def handler_for(kind: str) -> Handler:
    return _handlers[kind]


def kinds_for(queue: str) -> set[str]:
    """What this worker can run from a queue. Jobs of other kinds stay queued for a worker that knows them."""
    return {entry.kind for entry in _handlers.values() if entry.queue in {None, queue}}


def load_handlers() -> None:
    """Import every app's `job_handlers`; repeating it costs nothing."""
    autodiscover_modules("job_handlers")
