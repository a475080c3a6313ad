"""An installation goes into one file and comes out of it in another place, whole."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.annotera.embedded.installations import connect, fresh_home, run_manage, servers_on

pytestmark = pytest.mark.processes
BLOB = "ws/0190/ab/abcdef"
CONTENT = b"\x00blob\xff" * 1000
# Documents of two people, one of whom was erased after their frozen version was tagged.
HISTORY = """
from pathlib import Path
from accounts.models import Membership, Role, User, Workspace
from annotera.erasures import erase_now, request_erasure
from corpus import corpus_freezing, intake, sources, tags
workspace = Workspace.objects.create(slug="acme", name="Acme")
user = User.objects.create_user(email="alice@example.org", password=None, name="Alice")
alice = Membership.objects.create(workspace=workspace, user=user, role=Role.ADMIN, pseudonym="admin-alice")
source = sources.describe_source(
    workspace=workspace, by=alice, name="letters", licence="MIT", origin="here",
    lawful_basis="legitimate_interests", collector="Alice",
)
path = Path({directory!r}) / "letters.jsonl"
line = '{{"text": "Letter %d of the two.", "subject": "person-%d"}}'
path.write_text("\\n".join(line % (number, number) for number in (1, 2)))
upload = intake.receive_documents(source=source, by=alice, upload=path, file_name=path.name)
intake.read_now(upload=upload)
version = corpus_freezing.freeze_corpus(workspace=workspace, by=alice, sources=[source], name="letters")
tags.tag(version=version, name="training", by=alice)
erase_now(request_erasure(workspace=workspace, by=alice, identifier="person-1"))
"""
NOW_FILLED = {
    "corpus_source",
    "corpus_document",
    "corpus_datasetversion",
    "corpus_versiontag",
    "corpus_erasure",
}


@dataclass(frozen=True)
class Original:
    """An installation with a row, a blob and a secret, and the backup that was made of it."""

    home: Path
    backup: Path
    signing_key: str
    rows: dict[str, int]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    backup = tmp_path_factory.mktemp("backups") / "annotera.tar"
    with fresh_home() as home:
        with servers_on(home):
            assert run_manage(home, "migrate", "--verbosity", "0").returncode == 0
            with connect(home) as connection:
                connection.execute("create table kept as select 'Grüße, 世界' as words")
            (home / "blobs" / BLOB).parent.mkdir(parents=True)
            (home / "blobs" / BLOB).write_bytes(CONTENT)
            made = run_manage(home, "shell", "-c", HISTORY.format(directory=str(backup.parent)))
            assert made.returncode == 0, made.stderr
            (backup.parent / "letters.jsonl").unlink()
            rows = rows_by_table(home)
            finished = run_manage(home, "backup", str(backup))
        assert finished.returncode == 0, finished.stderr
        assert "It holds secrets: keep it safe." in finished.stdout
        signing_key = (home / "secrets" / "django").read_text()
        yield Original(home=home, backup=backup, signing_key=signing_key, rows=rows)


@pytest.fixture
def home() -> Iterator[Path]:
    with fresh_home() as path:
        yield path


def words_of(home: Path) -> str:
    with connect(home) as connection:
        row = connection.execute("select words from kept").fetchone()
    assert row is not None
    return str(row[0])


def rows_by_table(home: Path) -> dict[str, int]:
    with connect(home) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        counts = {name: connection.execute(f'select count(*) from "{name}"').fetchone() for (name,) in tables}
    return {name: row[0] for name, row in counts.items() if row}


def test_a_backup_is_one_private_file_that_begins_with_its_manifest(original: Original) -> None:
    assert original.backup.stat().st_mode & 0o777 == 0o600
    with tarfile.open(original.backup) as archive:
        names = archive.getnames()
    assert names[0] == "manifest.json"
    assert {"database.dump", "secrets/django", f"blobs/{BLOB}"} <= set(names)
    assert [path.name for path in original.backup.parent.iterdir()] == ["annotera.tar"]


def test_a_restore_brings_back_rows_blobs_and_keys_in_another_place(original: Original, home: Path) -> None:
    # The restore starts and stops the servers itself.
    finished = run_manage(home, "restore", str(original.backup))
    assert finished.returncode == 0, finished.stderr
    assert "Start Annotera with make run." in finished.stdout
    assert (home / "blobs" / BLOB).read_bytes() == CONTENT
    assert {name for name, count in original.rows.items() if count} >= NOW_FILLED
    assert (home / "secrets" / "django").read_text() == original.signing_key
    assert (home / "secrets" / "postgres").read_text() != (original.home / "secrets" / "postgres").read_text()
    with servers_on(home):
        assert words_of(home) == "Grüße, 世界"
        assert run_manage(home, "migrate", "--check").returncode == 0
        assert rows_by_table(home) == original.rows
        verified = run_manage(home, "verify_versions", "--models")
    assert verified.returncode == 0, verified.stderr
    assert "redacted   letters v1" in verified.stdout and "ok         letters v2" in verified.stdout
    assert not (home / "restore.new").exists()


def test_a_restore_refuses_an_installation_with_content_unless_told_to_replace_it(
    original: Original, home: Path
) -> None:
    with servers_on(home):
        with connect(home) as connection:
            connection.execute("create table kept as select 'mine' as words")
            connection.execute("create table younger as select 1 as n")
        refused = run_manage(home, "restore", str(original.backup))
        assert refused.returncode == 1
        assert "This installation is not empty: add --replace" in refused.stderr
        assert words_of(home) == "mine"

        replaced = run_manage(home, "restore", str(original.backup), "--replace")
        assert replaced.returncode == 0, replaced.stderr
        assert words_of(home) == "Grüße, 世界"
        with connect(home) as connection:
            assert connection.execute("select to_regclass('younger')").fetchone() == (None,)


def changed(original: Original, path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A copy of the backup with the content of each member passed through `change`."""
    with tarfile.open(original.backup) as source, tarfile.open(path, "w") as target:
        for member in source:
            content = source.extractfile(member)
            assert content is not None
            data = change(member.name, content.read())
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
    return path


def with_future_migration(name: str, data: bytes) -> bytes:
    if name != "manifest.json":
        return data
    manifest = json.loads(data)
    manifest["migrations"].append(["accounts", "9999_future"])
    return json.dumps(manifest).encode()


def with_later_format(name: str, data: bytes) -> bytes:
    return json.dumps({**json.loads(data), "schema": 2}).encode() if name == "manifest.json" else data


def with_broken_dump(name: str, data: bytes) -> bytes:
    return data[: len(data) // 2] if name == "database.dump" else data


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (with_future_migration, "was made by a newer Annotera (migration accounts.9999_future is unknown"),
        (with_later_format, "was made by a newer Annotera: restore it with that version."),
        (with_broken_dump, "pg_restore failed"),
    ],
)
def test_a_restore_that_fails_leaves_everything_as_it_was(
    original: Original, home: Path, tmp_path: Path, change: Callable[[str, bytes], bytes], sentence: str
) -> None:
    backup = changed(original, tmp_path / "changed.tar", change)
    with servers_on(home):
        with connect(home) as connection:
            connection.execute("create table kept as select 'mine' as words")
        (home / "blobs" / "mine").write_bytes(b"mine")
        finished = run_manage(home, "restore", str(backup), "--replace")
        assert finished.returncode == 1
        assert sentence in finished.stderr
        assert words_of(home) == "mine"
    assert (home / "blobs" / "mine").read_bytes() == b"mine"
    assert not (home / "restore.new").exists()


def test_a_file_that_is_no_backup_is_refused_in_one_sentence(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "notes.tar"
    other.write_text("notes")
    with servers_on(home):
        finished = run_manage(home, "restore", str(other))
        missing = run_manage(home, "restore", str(tmp_path / "missing.tar"))
    assert f"{other} is not a readable backup of Annotera" in finished.stderr
    assert "missing.tar does not exist: name a file that manage.py backup wrote." in missing.stderr
    assert finished.returncode == missing.returncode == 1


def test_a_hostile_archive_writes_nothing_outside(original: Original, home: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.tar"
    shutil.copy(original.backup, hostile)
    with tarfile.open(hostile, "a") as archive:
        for name in ("../escaped", "blobs/../../escaped", f"/{tmp_path}/escaped", "blobs/link"):
            member = tarfile.TarInfo(name)
            if name == "blobs/link":
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member, io.BytesIO())
    finished = run_manage(home, "restore", str(hostile))
    assert finished.returncode == 0, finished.stderr
    assert not list(home.parent.glob("escaped")) and not list(tmp_path.glob("escaped"))
    assert not (home / "escaped").exists() and not (home / "blobs" / "link").is_symlink()


def test_a_backup_never_replaces_a_file(original: Original, home: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.tar"
    taken.write_text("precious")
    finished = run_manage(home, "backup", str(taken))
    assert finished.returncode == 1
    assert "exists: name a new file." in finished.stderr
    assert taken.read_text() == "precious"


def test_a_backup_into_a_missing_folder_is_refused(home: Path, tmp_path: Path) -> None:
    finished = run_manage(home, "backup", str(tmp_path / "missing" / "b.tar"))
    assert finished.returncode == 1
    assert "is not a directory: make it first." in finished.stderr
