"""The supervisor by itself, with small shell scripts as its services."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from annotera.embedded.children import ON_LINUX
from annotera.embedded.home import PROJECT_ROOT
from tests.annotera.embedded.installations import within
from tests.conftest import poll

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not ON_LINUX, reason="orphans are adopted on Linux only"),
]

# Runs the services that the arguments name as NAME=SHELL-SCRIPT; a name in capitals outlives the others.
HARNESS = """
import os, sys
from pathlib import Path
from annotera.embedded.children import Launch
from annotera.embedded.refusals import Refused
from annotera.embedded.services import Service
from annotera.embedded.supervisor import Stopped, Supervisor

home = Path(sys.argv[1])

def service(argument):
    name, _, script = argument.partition("=")
    launch = Launch(
        argv=["sh", "-c", script] if script else ["no-such-program"],
        log=home / f"{name}.log", environment=dict(os.environ), cwd=home,
    )
    return Service(name=name, launch=launch, outlives_others=name.isupper())

def say(sentence):
    print(sentence, flush=True)

try:
    with Supervisor(say=say, adopt=True) as supervisor:
        supervisor.start([service(argument) for argument in sys.argv[2:]])
        say("started")
        supervisor.run()
except Refused as refusal:
    say(f"refused: {refusal}")
except Stopped:
    say("stopped")
"""


class Supervised:
    def __init__(self, home: Path, *services: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HARNESS, str(home), *services],
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip()

    def stop(self) -> float:
        started_at = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout=30)
        return time.monotonic() - started_at


def number_in(path: Path) -> int:
    poll(lambda: path.exists() and path.read_text().endswith("\n"), seconds=10, what=str(path))
    return int(path.read_text())


def is_alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_dead_service_is_started_again_and_its_end_is_told(home: Path) -> None:
    supervised = Supervised(
        home, 'web=echo run >> runs; [ "$(wc -l < runs)" -ge 3 ] && exec sleep 60; exit 3'
    )
    poll(lambda: (home / "runs").exists() and len((home / "runs").read_text().split()) == 3, seconds=10)
    told = [supervised.hear() for _ in range(3)]
    assert (
        sum(f"web ended with code 3; starting it again (its log is {home}/web.log)." in line for line in told)
        == 2
    )
    assert supervised.stop() < within(5)


def test_orphans_of_a_killed_service_are_ended(home: Path) -> None:
    # The first run leaves a child behind that ignores the polite signal.
    leaves_one = "(trap '' TERM; exec sleep 61) & echo $! > child; wait"
    script = f"[ -f child ] && exec sleep 60; {leaves_one}"
    supervised = Supervised(home, f"web={script}")
    orphan = number_in(home / "child")
    master = int(Path(f"/proc/{orphan}/stat").read_text().rpartition(")")[2].split()[1])
    subprocess.run(["kill", "-9", str(master)], check=True)
    poll(lambda: not is_alive(orphan), seconds=10, what="the orphan's end")
    assert supervised.stop() < within(5)


def test_programs_stop_before_the_servers_that_they_need(home: Path) -> None:
    def writes_at_its_end(name: str, seconds: str) -> str:
        at_the_end = f"trap 'sleep {seconds}; echo {name} >> ends; exit' TERM"
        return f"{name}={at_the_end}; touch {name}; while :; do sleep 0.1; done"

    supervised = Supervised(home, writes_at_its_end("SERVER", "0"), writes_at_its_end("web", "0.5"))
    poll(lambda: (home / "SERVER").exists() and (home / "web").exists(), seconds=10)
    supervised.stop()
    assert (home / "ends").read_text().split() == ["web", "SERVER"]


def test_services_that_ignore_every_request_still_end_within_ten_seconds(home: Path) -> None:
    stubborn = "trap '' TERM; touch $0; while :; do sleep 0.1; done"
    supervised = Supervised(home, f"web={stubborn}", f"SERVER={stubborn}")
    assert supervised.hear() == "started"
    assert supervised.stop() < within(10)


def test_a_hang_up_that_nohup_ignored_stays_ignored(home: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        supervised = Supervised(home, "web=exec sleep 60")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert supervised.hear() == "started"
    supervised.process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        supervised.process.wait(timeout=1)
    assert supervised.stop() < within(5)


def test_a_program_that_does_not_exist_is_refused_by_name(home: Path) -> None:
    supervised = Supervised(home, "web=")
    assert supervised.process.wait(timeout=20) == 0
    assert "web cannot be started (No such file or directory)" in supervised.hear()
    assert supervised.process.stdout is not None
    assert supervised.process.stdout.readlines()[-1].startswith("refused: web does not start; the end of")


def test_the_supervisor_sleeps_while_nothing_happens(home: Path) -> None:
    supervised = Supervised(home, "web=exec sleep 60")
    assert supervised.hear() == "started"

    def ticks() -> int:
        fields = Path(f"/proc/{supervised.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    deadline = time.monotonic() + 2
    poll(lambda: time.monotonic() > deadline, seconds=5)
    assert ticks() - before <= 4  # hundredths of a second of CPU in two seconds
    assert supervised.stop() < within(5)
    assert supervised.process.returncode == 0
