"""What a worker does beside answering doorbells: sweeping, and passing on that it must stop."""

import logging
import os
import signal
from typing import Any

from jobs.deafness import Deafness
from jobs.registry import load_handlers
from jobs.stopping import request_stop
from jobs.sweeps import Sweeper

logger = logging.getLogger(__name__)

# How the worker's main process tells its pool, whose tasks Celery would let run to their end.
STOP_SIGNAL = signal.SIGUSR2


class Running:
    """The parts of this worker's main process."""

    pool: Any = None
    sweeper: Sweeper | None = None


def prepare(**_: object) -> None:
    """Before the pool forks, so that its processes share the imported handlers."""
    load_handlers()


def begin(sender: Any, **_: object) -> None:
    load_handlers()
    Running.pool = sender.pool
    deafness = Deafness(list(sender.app.amqp.queues.consume_from), stop=_stop_this_worker)
    Running.sweeper = Sweeper(and_then=deafness.look)
    Running.sweeper.start()


def _stop_this_worker() -> None:
    """The supervisor starts a new one."""
    os.kill(os.getpid(), signal.SIGTERM)


def prepare_pool_process(**_: object) -> None:
    signal.signal(STOP_SIGNAL, request_stop)


def stop(**_: object) -> None:
    """Runs inside the signal handler of the main process: only flags and signals."""
    request_stop()
    if Running.sweeper is not None:
        Running.sweeper.stop()
    for pid in _pool_processes():
        try:
            os.kill(pid, STOP_SIGNAL)
        except ProcessLookupError:
            continue


def _pool_processes() -> list[int]:
    if Running.pool is None:
        return []
    return list(Running.pool.info.get("processes", []))
