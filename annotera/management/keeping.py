"""Backups and restores of the installation that the settings describe."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from annotera.embedded.archives import (
    DUMP,
    Database,
    read_manifest,
    replace_blobs,
    replace_database,
    replace_secrets,
    unpack,
    write_archive,
)
from annotera.embedded.refusals import Refused
from annotera.management.schema import applied_migrations, refuse_newer

KEPT_BEFORE_MIGRATIONS = 5


def local_blobs() -> Path | None:
    """The folder of the blobs, or None when they live in an object store, which has its own backups."""
    return None if "://" in settings.BLOB_ROOT else Path(settings.BLOB_ROOT)


def back_up(*, path: Path, with_blobs: Path | None) -> None:
    """Write database, secrets and the given blobs to one file; raises Refused with the reason."""
    write_archive(
        path=path.absolute(),
        database=_database(),
        migrations=applied_migrations(),
        secrets=settings.ANNOTERA_HOME / "secrets",
        blobs=with_blobs,
        environment=os.environ,
    )


def back_up_before_migration() -> Path:
    """The database and the secrets only, since migrations leave blobs alone; the newest few are kept."""
    folder = settings.ANNOTERA_HOME / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path: Path = folder / f"before-migration-{datetime.now(tz=UTC):%Y%m%d-%H%M%S}.tar"
    back_up(path=path, with_blobs=None)
    for old in sorted(folder.glob("before-migration-*.tar"))[:-KEPT_BEFORE_MIGRATIONS]:
        old.unlink()
    return path


def restore(*, path: Path, say: Callable[[str], None]) -> None:
    """Make this installation what the backup holds; the database changes wholly or not at all.

    Raises Refused for a damaged backup, or one of a newer schema.
    """
    manifest = read_manifest(path)
    refuse_newer(manifest.migrations, what=f"The backup {path}", remedy="restore it with that version.")
    unpacked = settings.ANNOTERA_HOME / "restore.new"
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        say("Unpacking the backup ...")
        unpack(path, unpacked)
        say("Restoring the database ...")
        replace_database(unpacked / DUMP, _database(), os.environ)
        replace_secrets(unpacked, settings.ANNOTERA_HOME / "secrets")
        blobs = local_blobs()
        if manifest.holds_blobs and blobs is not None:
            replace_blobs(unpacked, blobs)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def refuse_non_empty() -> None:
    """A restore replaces everything, so an installation with content must be named as replaceable."""
    blobs = local_blobs()
    has_blobs = blobs is not None and blobs.is_dir() and any(blobs.iterdir())
    if has_blobs or connection.introspection.table_names():
        raise Refused("This installation is not empty: add --replace to put the backup in its place.")


def _database() -> Database:
    return Database.from_settings(settings.DATABASES["default"])
