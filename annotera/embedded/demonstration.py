"""`make demo`: servers, workers and inference for as long as the loop runs; the home stays to be seen."""

import json
import resource
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from annotera.embedded.accounts import prepare_home, python_account, service_account
from annotera.embedded.children import Launch, spawn_talking
from annotera.embedded.home import PROJECT_ROOT
from annotera.embedded.installation import (
    Say,
    demo_logins,
    prepare_database,
    refuse_full_disk,
    start_servers,
)
from annotera.embedded.locking import home_lock
from annotera.embedded.programs import inference_service, program_environment, worker_service
from annotera.embedded.refusals import Refused
from annotera.embedded.services import Place
from annotera.embedded.supervisor import Supervisor, last_line
from annotera.loop import report

# The rule that trains by itself is looked at by the workers' sweep: a demonstration need not wait for long.
# One thread: the models are so small that a second one costs more than it brings.
QUICK = {"ANNOTERA_JOB_SWEEP": "3", "ANNOTERA_ENGINE_THREADS": "1"}


def run_demonstration(*, home: Path, environment: Mapping[str, str], options: list[str], say: Say) -> Path:
    """Run `manage.py demo_loop` beside all services but the web; the path of the document that it wrote.

    Raises Refused with the loop's own words when it fails, and Stopped when it is interrupted.
    """
    refuse_full_disk(home)
    begun = time.monotonic()
    account = service_account()
    prepare_home(home, account)
    with home_lock(home, purpose="demo"), Supervisor(say=say, adopt=True) as supervisor:
        start_servers(supervisor, Place(home, account), environment)
        reachable = python_account(account, home)
        given = program_environment(home, reachable, {**QUICK, **environment})
        prepare_database(supervisor, home=home, account=reachable, environment=given, options=[])
        worker = partial(worker_service, concurrency=1, home=home, account=reachable, environment=given)
        inference = inference_service(home=home, account=reachable, environment=given)
        supervisor.start([worker(queue="light"), worker(queue="training"), inference])
        launch = Launch(
            argv=[
                *(sys.executable, "manage.py", "demo_loop"),
                *("--logins", str(demo_logins(home)), *options),
            ],
            log=home / "log" / "demo.log",
            environment=given,
            cwd=PROJECT_ROOT,
            account=reachable,
        )
        if supervisor.run_step(partial(spawn_talking, launch)) != 0:
            reason = last_line(launch.log.read_bytes()).removeprefix("CommandError: ")
            raise Refused(f"The demonstration failed: {reason}")
    document = home / report.NAME
    add_costs(document, seconds=time.monotonic() - begun)
    return document


def add_costs(document: Path, *, seconds: float) -> None:
    """All processes have ended, so what they used is known now: servers, workers, engines and the loop."""
    content = json.loads(document.read_text(encoding="utf-8"))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    content["cpu_seconds"] = round(sum(usage.ru_utime + usage.ru_stime for usage in used), 1)
    content["seconds"] = round(seconds, 1)
    report.write(document, content)
