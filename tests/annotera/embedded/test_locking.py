"""One supervisor per home, whatever happens to it."""

import subprocess
import sys
from pathlib import Path

import pytest

from annotera.embedded.home import PROJECT_ROOT
from annotera.embedded.locking import home_lock, lock_holder, stop_holder
from annotera.embedded.refusals import Refused

HOLD = """
import sys, time
from pathlib import Path
from annotera.embedded.locking import home_lock
with home_lock(Path(sys.argv[1]), purpose=sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(home: Path, purpose: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home), purpose], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_free_home_has_no_holder(home: Path) -> None:
    assert lock_holder(home) is None
    with home_lock(home, purpose="up"):
        pass
    assert lock_holder(home) is None


def test_a_second_holder_is_refused_in_one_sentence_that_names_the_first(home: Path) -> None:
    first = holder(home, "up")
    try:
        with pytest.raises(Refused) as refusal, home_lock(home, purpose="up"):
            pass
    finally:
        first.kill()
        first.wait()
    assert str(refusal.value) == (
        f"Annotera already runs on {home} (process {first.pid}): "
        "stop it with make stop, or set another ANNOTERA_HOME."
    )


def test_a_killed_holder_leaves_the_home_free(home: Path) -> None:
    first = holder(home, "up")
    assert lock_holder(home) == (first.pid, "up")
    first.kill()
    first.wait()
    assert lock_holder(home) is None


def test_stop_ends_the_holder_and_waits_for_it(home: Path) -> None:
    first = holder(home, "up")
    assert stop_holder(home, seconds=10)
    assert first.wait(timeout=1) != 0


def test_the_lock_is_never_written_through_a_link(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "precious"
    elsewhere.write_text("precious")
    (home / "lock").symlink_to(elsewhere)
    with pytest.raises(OSError), home_lock(home, purpose="up"):
        pass
    assert elsewhere.read_text() == "precious"


def test_stop_says_when_nothing_runs(home: Path) -> None:
    assert not stop_holder(home, seconds=1)


def test_stop_does_not_end_a_backup(home: Path) -> None:
    first = holder(home, "backup")
    try:
        with pytest.raises(Refused, match=r"`manage.py backup` \(process \d+\) uses .*: wait until it ends"):
            stop_holder(home, seconds=1)
        assert first.poll() is None
    finally:
        first.kill()
        first.wait()
