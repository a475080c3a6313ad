"""Children end with their parent, and those that do not are found."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from annotera.embedded.children import ON_LINUX, Launch, processes_in, spawn, supervised_processes
from annotera.embedded.home import PROJECT_ROOT
from tests.conftest import poll

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not ON_LINUX, reason="parent-death signals and /proc are Linux's"),
]

PARENT = """
import sys, time
from pathlib import Path
from annotera.embedded.children import Launch, spawn
home = Path(sys.argv[1])
launch = Launch(argv=["sleep", "60"], log=home / "log", environment={"PATH": "/usr/bin:/bin"}, cwd=home)
print(spawn(launch).pid, flush=True)
time.sleep(60)
"""


def sleeper(home: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return spawn(Launch(argv=["sleep", "60"], log=home / "log", environment=environment, cwd=home))


def is_alive(pid: int) -> bool:
    """A zombie that nobody has reaped yet is dead."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_child_dies_when_its_parent_is_killed(home: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(home)], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_alive(child)
    parent.kill()
    parent.wait()
    poll(lambda: not is_alive(child), seconds=5, what="the child's end")


def test_a_child_is_found_by_its_working_directory_and_name_until_it_ends(home: Path) -> None:
    child = sleeper(home, {"PATH": "/usr/bin:/bin"})
    assert processes_in(home, program="sleep") == {child.pid}
    assert processes_in(home, program="postgres") == set()
    child.kill()
    poll(lambda: not processes_in(home, program="sleep"), seconds=5)
    child.wait()


def test_a_supervised_process_is_found_by_its_home_and_no_other(home: Path) -> None:
    child = sleeper(home, {"PATH": "/usr/bin:/bin", "ANNOTERA_SUPERVISED_HOME": str(home)})
    try:
        poll(lambda: supervised_processes(home) == {child.pid}, seconds=5)
        assert supervised_processes(home / "other") == set()
    finally:
        child.kill()
        child.wait()


def test_the_searching_process_never_finds_itself_or_its_ancestors(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from annotera.embedded.children import supervised_processes;"
        "sys.exit(len(supervised_processes(Path(sys.argv[1]))))"
    )
    marked = os.environ | {"ANNOTERA_SUPERVISED_HOME": str(home)}
    finished = subprocess.run([sys.executable, "-c", code, str(home)], cwd=PROJECT_ROOT, env=marked)
    assert finished.returncode == 0


def test_a_child_has_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(home: Path) -> None:
    child = sleeper(home, {"PATH": "/usr/bin:/bin"})
    try:
        assert os.getsid(child.pid) == child.pid
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def test_a_large_log_is_set_aside_before_it_grows_on(home: Path) -> None:
    log = home / "log"
    log.write_bytes(b"x" * 10_000_001)
    sleeper(home, {"PATH": "/usr/bin:/bin"}).kill()
    assert (home / "log.1").stat().st_size == 10_000_001
    assert log.stat().st_size == 0
