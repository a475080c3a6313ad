"""The only Celery task: answering a doorbell."""

import os
import socket
from functools import partial

from celery import shared_task
from celery.signals import celeryd_init, worker_process_init, worker_ready, worker_shutting_down

from jobs import workers
from jobs.doorbells import DOORBELL, claimable, send_bells
from jobs.registry import load_handlers
from jobs.running import run_next
from jobs.stopping import stop_requested

celeryd_init.connect(workers.prepare)
worker_process_init.connect(workers.prepare_pool_process)
worker_ready.connect(workers.begin)
worker_shutting_down.connect(workers.stop)

# The pool replaces a process that ended itself because a callback hung.
HUNG = 70


@shared_task(name=DOORBELL, ignore_result=True)
def answer_doorbell(queue: str) -> None:
    """Run the best job of the queue, and ring again where more are waiting. May be called too often."""
    if stop_requested():
        # The next worker shall hear it.
        send_bells(queue, 1)
        return
    load_handlers()
    owner = f"{socket.gethostname()}:{os.getpid()}"
    if run_next(queue=queue, owner=owner, on_hung=partial(os._exit, HUNG)) and claimable(queue).exists():
        send_bells(queue, 1)
