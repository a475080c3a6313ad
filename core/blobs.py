"""Content-addressed files on fsspec: one store per workspace, the key is the SHA-256 of the content."""

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import fsspec
from django.conf import settings

from core.errors import DomainError

CHUNK = 1024 * 1024
SHA256_LENGTH = 64


class BlobCorrupt(DomainError):
    """The stored bytes no longer match their name."""

    status = 500
    code = "blob_corrupt"


class BlobMissing(DomainError):
    status = 500
    code = "blob_missing"


def sha256_of(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def key_for(*, workspace: uuid.UUID, sha256: str) -> str:
    return f"ws/{workspace}/{sha256[:2]}/{sha256}"


def _location(key: str) -> tuple[fsspec.AbstractFileSystem, str]:
    filesystem, root = fsspec.core.url_to_fs(str(settings.BLOB_ROOT))
    return filesystem, f"{root.rstrip('/')}/{key}"


def exists(*, workspace: uuid.UUID, sha256: str) -> bool:
    filesystem, path = _location(key_for(workspace=workspace, sha256=sha256))
    return bool(filesystem.exists(path))


def put_file(path: Path, *, workspace: uuid.UUID) -> str:
    """Store a local file and return its SHA-256. Storing the same content twice keeps one copy.

    The copy is written beside its final name and moved there, so a reader never sees half a file.
    """
    sha256 = sha256_of(path)
    filesystem, target = _location(key_for(workspace=workspace, sha256=sha256))
    if filesystem.exists(target):
        return sha256
    filesystem.makedirs(os.path.dirname(target), exist_ok=True)
    temporary = f"{target}.{uuid.uuid4().hex}.part"
    filesystem.put_file(str(path), temporary)
    filesystem.mv(temporary, target)
    return sha256


def delete(sha256: str, *, workspace: uuid.UUID) -> bool:
    """Remove a stored file, whoever else names it; False where it was gone already. The caller made sure."""
    filesystem, path = _location(key_for(workspace=workspace, sha256=sha256))
    try:
        filesystem.rm_file(path)
    except FileNotFoundError:
        return False
    return True


def stored(*, workspace: uuid.UUID) -> Iterator[str]:
    """The hashes of all files of a workspace; files that are just being written are left out."""
    filesystem, root = _location(f"ws/{workspace}")
    if not filesystem.exists(root):
        return
    for path in filesystem.find(root):
        name = path.rsplit("/", 1)[-1]
        if len(name) == SHA256_LENGTH:
            yield name


def delete_unfinished(*, workspace: uuid.UUID, older_than: timedelta) -> None:
    """Remove what processes left that died while they stored a file."""
    filesystem, root = _location(f"ws/{workspace}")
    for path in filesystem.find(root) if filesystem.exists(root) else ():
        if path.endswith(".part") and filesystem.modified(path) < datetime.now(tz=UTC) - older_than:
            filesystem.rm_file(path)


def fetch_file(sha256: str, *, workspace: uuid.UUID, target: Path) -> Path:
    """Copy a stored file to a local path and verify it; raises BlobMissing or BlobCorrupt."""
    filesystem, source = _location(key_for(workspace=workspace, sha256=sha256))
    if not filesystem.exists(source):
        raise BlobMissing(f"The stored file {sha256[:12]} is missing from the blob store.")
    target.parent.mkdir(parents=True, exist_ok=True)
    filesystem.get_file(source, str(target))
    if sha256_of(target) != sha256:
        target.unlink()
        raise BlobCorrupt(f"The stored file {sha256[:12]} is damaged: restore it from a backup.")
    return target


@contextmanager
def opened(sha256: str, *, workspace: uuid.UUID) -> Iterator[BinaryIO]:
    """A stored file for random access, unverified; raises BlobMissing."""
    filesystem, source = _location(key_for(workspace=workspace, sha256=sha256))
    if not filesystem.exists(source):
        raise BlobMissing(f"The stored file {sha256[:12]} is missing from the blob store.")
    with filesystem.open(source, "rb") as handle:
        yield handle


def verify(sha256: str, *, workspace: uuid.UUID) -> None:
    """Read a stored file to its end; raises BlobMissing, or BlobCorrupt for bytes that are not its own."""
    digest = hashlib.sha256()
    with opened(sha256, workspace=workspace) as handle:
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise BlobCorrupt(f"The stored file {sha256[:12]} is damaged: restore it from a backup.")
