"""The account that the servers run as.

PostgreSQL refuses to run as root, and nothing else here needs root either. For everybody but root the
account is their own and this module has nothing to do.
"""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from annotera.embedded.home import PROJECT_ROOT, home_directory, socket_directory
from annotera.embedded.refusals import Refused

ACCOUNT_NAME = "annotera"
# What an import of these proves: the interpreter, the packages and this code are readable.
PYTHON_PROBE = "import celery, django, gunicorn, redis, annotera.embedded"


# These start servers as the account, stop them, or write where only root may.
COMMANDS_OF_ROOT = frozenset({"up", "stop", "with-services", "backup", "restore"})


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int


def service_account() -> Account | None:
    """The account to drop to, made when it does not exist yet; None for anyone but root."""
    if os.geteuid() != 0:
        return None
    try:
        return _look_up()
    except KeyError:
        pass
    _create()
    try:
        return _look_up()
    except KeyError as error:
        raise Refused(
            f"The system account {ACCOUNT_NAME} could not be made: make it with "
            f"`useradd --system {ACCOUNT_NAME}`, or run Annotera as an ordinary user."
        ) from error


def _look_up() -> Account:
    entry = pwd.getpwnam(ACCOUNT_NAME)
    return Account(name=ACCOUNT_NAME, uid=entry.pw_uid, gid=entry.pw_gid)


def _create() -> None:
    """Debian and Red Hat ship useradd, Alpine ships adduser."""
    if shutil.which("useradd"):
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    else:
        command = ["adduser", "-S", "-D", "-H"]
    try:
        subprocess.run([*command, ACCOUNT_NAME], check=False, capture_output=True)
    except FileNotFoundError:
        return


def prepare_home(home: Path, account: Account | None) -> None:
    """Make the folders of a home and give them to the account; refuse somebody else's."""
    _refuse_others(home, account)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("secrets", "log", "valkey", "blobs", "backups"):
        (home / name).mkdir(mode=0o700, exist_ok=True)
    sockets = socket_directory(home)
    sockets.mkdir(mode=0o700, exist_ok=True)
    home.chmod(0o700)
    if account is None:
        return
    own(home, account)
    own(sockets, account)
    for entry in home.iterdir():
        # Commands that root ran may have left files; a whole tree is walked only when its top says so.
        if entry.name == "secrets" or entry.lstat().st_uid != account.uid:
            own_tree(entry, account)
    if not can_run(["test", "-w", str(home)], account=account):
        raise Refused(
            f"The account {account.name} cannot enter {home}: set ANNOTERA_HOME to a directory outside "
            "root's home, for example /var/lib/annotera."
        )


def _refuse_others(home: Path, account: Account | None) -> None:
    if not home.exists():
        return
    ours = {os.geteuid()} if account is None else {os.geteuid(), account.uid}
    if home.stat().st_uid not in ours:
        raise Refused(
            f"{home} belongs to another account: run this as that account, "
            "or set ANNOTERA_HOME to a new directory."
        )


def own(path: Path, account: Account) -> None:
    os.chown(path, account.uid, account.gid, follow_symlinks=False)


def own_tree(top: Path, account: Account) -> None:
    """By open directories, never by path: whoever owns the tree could swap a folder for a link meanwhile."""
    own(top, account)
    for _, directories, files, folder in os.fwalk(top, follow_symlinks=False):
        for name in (*directories, *files):
            os.chown(name, account.uid, account.gid, dir_fd=folder, follow_symlinks=False)


def can_run(command: Sequence[str], *, account: Account, cwd: Path = Path("/")) -> bool:
    """Whether the account can run this at all: a venv in root's home is closed to everybody else."""
    try:
        finished = subprocess.run(
            command,
            cwd=cwd,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            timeout=60,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
    except (PermissionError, FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return finished.returncode == 0


def python_account(account: Account | None, home: Path) -> Account | None:
    """The account for web and workers: the servers' own where it can reach the interpreter and this code.

    The decision is left in the home, so that commands which root runs later follow it.
    """
    if account is None:
        return None
    record = home / "python-account"
    probe = [sys.executable, "-c", PYTHON_PROBE]
    if not can_run(probe, account=account, cwd=PROJECT_ROOT):
        record.unlink(missing_ok=True)
        return None
    record.unlink(missing_ok=True)
    with record.open("x", encoding="ascii") as file:
        file.write(account.name)
    return account


def become_service_account(*, command: str) -> None:
    """Let root's commands run as the account of web and workers, which could not read root's files else."""
    record = home_directory() / "python-account"
    if os.geteuid() != 0 or command in COMMANDS_OF_ROOT or not record.exists():
        return
    account = _look_up()
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)
