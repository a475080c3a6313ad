import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core import blobs
from core.blobs import BlobCorrupt, BlobMissing

WORKSPACE = uuid.UUID("01890000-0000-7000-8000-000000000001")
OTHER = uuid.UUID("01890000-0000-7000-8000-000000000002")


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 5000)
    return path


def stored_files(settings) -> list[Path]:
    return [path for path in Path(settings.BLOB_ROOT).rglob("*") if path.is_file()]


def test_a_file_is_named_by_its_content_and_comes_back_unchanged(file, tmp_path, settings):
    sha256 = blobs.put_file(file, workspace=WORKSPACE)
    assert sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    fetched = blobs.fetch_file(sha256, workspace=WORKSPACE, target=tmp_path / "deep" / "copy")
    assert fetched.read_bytes() == file.read_bytes()
    with blobs.opened(sha256, workspace=WORKSPACE) as handle:
        assert handle.read() == file.read_bytes()
    assert [path.name for path in stored_files(settings)] == [sha256]


def test_the_same_content_is_stored_once_even_by_many_at_a_time(file, settings):
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _number: blobs.put_file(file, workspace=WORKSPACE), range(16)))
    assert len(names) == 1
    assert [path.name for path in stored_files(settings)] == list(names)


def test_workspaces_do_not_see_each_others_files(file, tmp_path):
    sha256 = blobs.put_file(file, workspace=WORKSPACE)
    assert blobs.exists(workspace=WORKSPACE, sha256=sha256)
    assert not blobs.exists(workspace=OTHER, sha256=sha256)
    with pytest.raises(BlobMissing):
        blobs.fetch_file(sha256, workspace=OTHER, target=tmp_path / "copy")


@pytest.mark.parametrize("damage", [b"", b"something else"])
def test_a_damaged_file_is_noticed_and_not_handed_out(file, tmp_path, settings, damage):
    sha256 = blobs.put_file(file, workspace=WORKSPACE)
    stored_files(settings)[0].write_bytes(damage)
    with pytest.raises(BlobCorrupt, match="restore it from a backup"):
        blobs.fetch_file(sha256, workspace=WORKSPACE, target=tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    with pytest.raises(BlobCorrupt):
        blobs.verify(sha256, workspace=WORKSPACE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BlobMissing, match="abcdefabcdef"):
        blobs.fetch_file("abcdef" * 8, workspace=WORKSPACE, target=tmp_path / "copy")


def test_an_empty_file_is_a_file(tmp_path):
    (tmp_path / "empty").touch()
    sha256 = blobs.put_file(tmp_path / "empty", workspace=WORKSPACE)
    assert blobs.fetch_file(sha256, workspace=WORKSPACE, target=tmp_path / "copy").read_bytes() == b""


def test_a_file_is_opened_for_random_access(file):
    sha256 = blobs.put_file(file, workspace=WORKSPACE)
    with blobs.opened(sha256, workspace=WORKSPACE) as handle:
        handle.seek(256 + 7)
        assert handle.read(1) == b"\x07"
    blobs.verify(sha256, workspace=WORKSPACE)
