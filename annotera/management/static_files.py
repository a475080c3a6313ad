"""Collecting static files only when one of them, or what processes them, has changed."""

import hashlib
import inspect
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.utils.module_loading import import_string


def collect_when_stale() -> bool:
    """Whether anything had to be collected."""
    fingerprint = _fingerprint()
    record = settings.STATIC_ROOT.with_name(f"{settings.STATIC_ROOT.name}.fingerprint")
    if (
        record.exists()
        and record.read_text(encoding="ascii") == fingerprint
        and settings.STATIC_ROOT.is_dir()
    ):
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    record.write_text(fingerprint, encoding="ascii")
    return True


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for line in sorted(_described_files()):
        digest.update(line.encode())
    return digest.hexdigest()


def _described_files() -> Iterator[str]:
    backend = settings.STORAGES["staticfiles"]["BACKEND"]
    yield _described(backend, Path(inspect.getfile(import_string(backend))))
    for finder in get_finders():
        for name, storage in finder.list([]):
            yield _described(name, Path(storage.path(name)))


def _described(name: str, path: Path) -> str:
    status = path.stat()
    return f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n"
