"""One file that holds an installation: a database dump, the blobs, the secrets, and a manifest.

The archive is a plain tar that begins with the manifest, so that a restore can refuse before it reads on.
"""

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

from annotera.embedded.binaries import find_postgres
from annotera.embedded.refusals import Refused

SCHEMA = 1
MANIFEST = "manifest.json"
DUMP = "database.dump"
# These open the servers of one home and are worth nothing in another.
SERVER_SECRETS = frozenset({"postgres", "valkey"})
EMPTY_THE_DATABASE = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"


@dataclass(frozen=True)
class Database:
    """How PostgreSQL's own programs reach a database: their PG* variables."""

    variables: Mapping[str, str]

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> "Database":
        names = {
            "HOST": "PGHOST",
            "PORT": "PGPORT",
            "USER": "PGUSER",
            "PASSWORD": "PGPASSWORD",
            "NAME": "PGDATABASE",
        }
        variables = {variable: str(settings[name]) for name, variable in names.items() if settings.get(name)}
        options = settings.get("OPTIONS")
        if isinstance(options, dict) and options.get("sslmode"):
            variables["PGSSLMODE"] = str(options["sslmode"])
        return cls(variables)


@dataclass(frozen=True)
class Manifest:
    migrations: frozenset[tuple[str, str]]
    made_at: datetime
    holds_blobs: bool


def client_program(name: str, environment: Mapping[str, str]) -> str:
    """pg_dump and its kin lie beside the server; elsewhere they may be all there is."""
    try:
        found = find_postgres(environment).folder / name
    except Refused:
        found = Path()
    if found.is_file():
        return str(found)
    installed = shutil.which(name)
    if installed is None:
        raise Refused(f"{name} was not found: set ANNOTERA_PG_BIN to a folder that has it.")
    return installed


def run_client(command: Sequence[str], database: Database) -> None:
    environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", **database.variables}
    finished = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, cwd="/")
    if finished.returncode != 0:
        reasons = finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"]
        raise Refused(f"{Path(command[0]).name} failed: {reasons[0]}")


def write_archive(
    *,
    path: Path,
    database: Database,
    migrations: frozenset[tuple[str, str]],
    secrets: Path,
    blobs: Path | None,
    environment: Mapping[str, str],
) -> None:
    """Write the archive under a draft name first: a file of that name is always whole.

    The database is dumped before the blobs are read. Blobs are only ever added, so every one that the dump
    names is there; one that an erasure removed meanwhile is left out.
    """
    draft = path.with_name(f".{path.name}.part")
    dump = path.with_name(f".{path.name}.dump")
    try:
        run_client([client_program("pg_dump", environment), "--format=custom", f"--file={dump}"], database)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            _fill(file, dump=dump, migrations=migrations, secrets=secrets, blobs=blobs)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise Refused(f"The backup could not be written to {path}: {error.strerror or error}.") from error
    finally:
        dump.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)


def _fill(
    file: IO[bytes], *, dump: Path, migrations: frozenset[tuple[str, str]], secrets: Path, blobs: Path | None
) -> None:
    manifest = {
        "schema": SCHEMA,
        "made_at": datetime.now(tz=UTC).isoformat(),
        "holds_blobs": blobs is not None,
        "migrations": sorted(migrations),
    }
    with tarfile.open(fileobj=file, mode="w") as archive:
        _add_text(archive, MANIFEST, json.dumps(manifest, indent=1))
        archive.add(dump, DUMP)
        for name in sorted(path for path in secrets.glob("*") if path.is_file()):
            archive.add(name, f"secrets/{name.name}")
        for blob in _files_below(blobs):
            try:
                archive.add(blob, f"blobs/{blob.relative_to(str(blobs)).as_posix()}")
            except FileNotFoundError:
                continue


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o600
    archive.addfile(member, io.BytesIO(content))


def _files_below(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        return
    for top, _, files in os.walk(folder):
        yield from (Path(top) / name for name in sorted(files))


def read_manifest(path: Path) -> Manifest:
    """What the archive says of itself; refuses a file that is not one of ours or is of a later format."""
    try:
        with tarfile.open(path) as archive:
            first = archive.next()
            content = archive.extractfile(first) if first is not None and first.name == MANIFEST else None
            if content is None:
                raise Refused(f"{path} is not a backup of Annotera.")
            values = json.load(content)
    except FileNotFoundError as error:
        raise Refused(f"{path} does not exist: name a file that manage.py backup wrote.") from error
    except (tarfile.TarError, ValueError, OSError) as error:
        raise Refused(f"{path} is not a readable backup of Annotera ({error}).") from error
    if values.get("schema") != SCHEMA:
        raise Refused(f"{path} was made by a newer Annotera: restore it with that version.")
    return Manifest(
        migrations=frozenset((app, name) for app, name in values["migrations"]),
        made_at=datetime.fromisoformat(values["made_at"]),
        holds_blobs=bool(values["holds_blobs"]),
    )


def unpack(path: Path, into: Path) -> None:
    """Unpack dump, secrets and blobs; members of any other kind or name are never written."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                parts = PurePosixPath(member.name).parts
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or not _is_ours(parts):
                    continue
                target = into.joinpath(*parts)
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError) as error:
        raise Refused(f"{path} is damaged: {error}.") from error
    except OSError as error:
        raise Refused(f"{path} could not be unpacked into {into}: {error.strerror or error}.") from error


def _is_ours(parts: tuple[str, ...]) -> bool:
    if parts == (DUMP,):
        return True
    if ".." in parts or len(parts) < 2:
        return False
    return parts[0] == "blobs" or (parts[0] == "secrets" and len(parts) == 2)


def replace_database(dump: Path, database: Database, environment: Mapping[str, str]) -> None:
    """Empty the database and fill it from the dump in one transaction: a failure leaves it as it was."""
    script = dump.with_suffix(".sql")
    restore = client_program("pg_restore", environment)
    run_client([restore, "--no-owner", "--no-privileges", f"--file={script}", str(dump)], database)
    psql = [client_program("psql", environment), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    run_client(
        [*psql, "--single-transaction", f"--command={EMPTY_THE_DATABASE}", f"--file={script}"], database
    )


def replace_secrets(unpacked: Path, secrets: Path) -> None:
    """The keys that signed and hashed what the database holds; the servers' own passwords stay."""
    for path in sorted((unpacked / "secrets").glob("*")):
        if path.name not in SERVER_SECRETS:
            path.replace(secrets / path.name)


def replace_blobs(unpacked: Path, blobs: Path) -> None:
    fresh = unpacked / "blobs"
    retired = blobs.with_name(f"{blobs.name}.before-restore")
    try:
        fresh.mkdir(mode=0o700, exist_ok=True)
        if blobs.exists():
            blobs.rename(retired)
        shutil.move(fresh, blobs)
    except OSError as error:
        raise Refused(
            f"The database was restored, but its blobs could not be put into {blobs} ({error.strerror}): "
            "unpack the blobs folder of the backup there."
        ) from error
    shutil.rmtree(retired, ignore_errors=True)
