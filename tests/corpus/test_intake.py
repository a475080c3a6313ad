"""Documents come in: all good rows of a file in one transaction, the others listed by line."""

import gzip
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts.models import AuditEvent
from core import blobs
from core.errors import DomainError, Invalid, TooLarge
from corpus import intake
from corpus.intake import DocumentsRefused, read_now, receive_at_once, receive_documents
from corpus.models import Document, DocumentUpload, Erasure, Source
from corpus.packed_files import UnpacksTooLarge
from corpus.row_files import FileUnreadable
from corpus.sources import SourceExpired, SourceUndescribed
from corpus.subjects import subject_key
from jobs.models import Job
from tests.conftest import Cast
from tests.corpus.collected import FILES, json_lines, make_source, upload


@pytest.fixture
def source(cast: Cast) -> Source:
    return make_source(cast)


def texts() -> list[str]:
    return list(Document.objects.order_by("pk").values_list("text", flat=True))


def read(source: Source, cast: Cast, content: bytes, folder: Path, name: str = "r.jsonl") -> DocumentUpload:
    return read_now(upload=upload(source, cast, content, folder=folder, name=name))


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("name", FILES)
def test_every_format_brings_its_documents(
    cast: Cast, source: Source, tmp_path: Path, name: str, ending: str
) -> None:
    done = read(source, cast, FILES[name], tmp_path, name + ending)
    assert (done.state, done.documents, done.reject_count) == ("done", 2, 0)
    assert texts() == ["One.", "Two.\nMore."]
    first = Document.objects.earliest("pk")
    assert first.characters == 4
    if not name.endswith(".txt"):
        assert (first.external_id, first.lang) == ("a", "en")
    assert AuditEvent.objects.get(kind="imported").detail["documents"] == 2


def test_an_upload_queues_a_job_and_stores_nothing_yet(cast: Cast, source: Source) -> None:
    file = SimpleUploadedFile("../../rows.jsonl", FILES["rows.jsonl"])
    made = receive_documents(source=source, by=cast.alice, upload=file, file_name="../../rows.jsonl")
    job = Job.objects.get()
    assert (job.kind, job.queue, made.job, made.state) == ("corpus.intake", "light", job, "queued")
    assert not Document.objects.exists()


def test_the_uploaded_file_is_dropped_once_it_was_read(cast: Cast, source: Source, tmp_path: Path) -> None:
    waiting = upload(source, cast, FILES["rows.jsonl"], folder=tmp_path)
    sha256 = waiting.sha256
    assert blobs.exists(workspace=waiting.uid, sha256=sha256)
    done = read_now(upload=waiting)
    assert not blobs.exists(workspace=waiting.uid, sha256=sha256)
    assert done.sha256 == "" == DocumentUpload.objects.get().sha256


def test_two_uploads_of_one_file_do_not_take_it_from_each_other(
    cast: Cast, source: Source, tmp_path: Path
) -> None:
    content = b"The same words.\n"
    one, two = (upload(source, cast, content, folder=tmp_path, name="r.txt") for _each in range(2))
    read_now(upload=one)
    assert read_now(upload=two).documents == 1


def test_reading_twice_changes_nothing(cast: Cast, source: Source, tmp_path: Path) -> None:
    waiting = upload(source, cast, FILES["rows.jsonl"], folder=tmp_path)
    again = DocumentUpload.objects.get(pk=waiting.pk)
    read_now(upload=waiting)
    assert read_now(upload=again).documents == 2
    assert Document.objects.count() == 2
    assert AuditEvent.objects.filter(kind="imported").count() == 1


def test_only_the_first_hundred_rejects_are_kept(cast: Cast, source: Source, tmp_path: Path) -> None:
    done = read(source, cast, b"{}\n" * 150, tmp_path)
    assert (done.documents, done.reject_count, len(done.rejects)) == (0, 150, 100)


def test_an_id_comes_in_once_in_a_source(cast: Cast, source: Source, tmp_path: Path) -> None:
    rows = [{"text": "One.", "id": "a"}, {"text": "Two.", "id": "b"}, {"text": "Three.", "id": "a"}]
    first = read(source, cast, json_lines(rows), tmp_path)
    assert first.rejects == [{"line": 3, "reason": "id is the same as in line 1"}]
    second = read(source, cast, json_lines([{"text": "Again.", "id": "b"}]), tmp_path)
    assert second.rejects == [{"line": 1, "reason": "id exists already in this source"}]
    other = read(make_source(cast, "Other"), cast, json_lines([{"text": "There.", "id": "b"}]), tmp_path)
    assert other.documents == 1


def test_an_erased_person_comes_in_no_more(cast: Cast, source: Source, tmp_path: Path) -> None:
    key = subject_key(workspace=cast.workspace, identifier="jane@example.org")
    Erasure.objects.create(workspace=cast.workspace, subject_key=key)
    rows = [{"text": "By John.", "subject": "john"}, {"text": "By Jane.", "subject": " Jane@Example.org "}]
    done = read(source, cast, json_lines(rows), tmp_path)
    assert texts() == ["By John."]
    assert done.rejects[0]["line"] == 2 and "erased" in done.rejects[0]["reason"]
    john = subject_key(workspace=cast.workspace, identifier="john")
    assert Document.objects.get().subject_key == john


PERSONAL = "Write to jane@example.org or call +49 30 901820."


@pytest.mark.parametrize(
    ("policy", "stored"), [("mask", "Write to [EMAIL] or call [PHONE]."), ("keep", PERSONAL)]
)
def test_personal_data_is_masked_or_kept_and_always_counted(
    cast: Cast, tmp_path: Path, policy: str, stored: str
) -> None:
    source = make_source(cast, personal_data=policy)
    read(source, cast, json_lines([{"text": PERSONAL}]), tmp_path)
    document = Document.objects.get()
    assert document.text == stored
    assert document.findings == {"EMAIL": 1, "PHONE": 1}
    assert document.original_text is None


def test_too_large_a_file_is_refused(cast: Cast, source: Source, tmp_path: Path, settings: Any) -> None:
    settings.UPLOAD_BYTES = 1024
    with pytest.raises(TooLarge):
        upload(source, cast, b"x" * 1025, folder=tmp_path, name="r.txt")
    bomb = b"x" * 5000
    with pytest.raises(UnpacksTooLarge):
        upload(source, cast, bomb, folder=tmp_path, name="r.txt.gz")
    assert not DocumentUpload.objects.exists()


def test_a_bomb_that_passes_the_door_stores_nothing(
    cast: Cast, source: Source, tmp_path: Path, settings: Any
) -> None:
    waiting = upload(source, cast, b"A text.\n\n" * 3000, folder=tmp_path, name="r.txt.gz")
    settings.UPLOAD_BYTES = 5000
    with pytest.raises(UnpacksTooLarge):
        read_now(upload=waiting)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.sha256) == ("failed", "")
    assert not Document.objects.exists()


def test_no_document_comes_in_without_a_lawful_basis(cast: Cast, tmp_path: Path) -> None:
    bare = Source.objects.create(workspace=cast.workspace, name="Bare", licence="MIT")
    with pytest.raises(SourceUndescribed):
        upload(bare, cast, FILES["rows.jsonl"], folder=tmp_path)
    with pytest.raises(SourceUndescribed):
        receive_at_once(source=bare, by=cast.alice, body=FILES["rows.jsonl"])
    assert not DocumentUpload.objects.exists()


def test_no_document_comes_in_past_the_retention(cast: Cast, source: Source, tmp_path: Path) -> None:
    Source.objects.filter(pk=source.pk).update(retention_until="2020-01-01")
    source.refresh_from_db()
    with pytest.raises(SourceExpired):
        upload(source, cast, FILES["rows.jsonl"], folder=tmp_path)


def test_a_file_that_waited_beyond_the_retention_is_not_read(
    cast: Cast, source: Source, tmp_path: Path
) -> None:
    waiting = upload(source, cast, FILES["rows.jsonl"], folder=tmp_path)
    Source.objects.filter(pk=source.pk).update(retention_until="2020-01-01")
    with pytest.raises(SourceExpired):
        read_now(upload=waiting)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.sha256) == ("failed", "")
    assert not Document.objects.exists()
    assert not list(blobs.stored(workspace=waiting.uid))


def test_copies_of_uploads_lie_where_erasures_look(
    cast: Cast, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    file = SimpleUploadedFile("rows.jsonl", FILES["rows.jsonl"])
    made = receive_documents(source=source, by=cast.alice, upload=file, file_name="rows.jsonl")
    assert read_now(upload=made).documents == 2


def test_an_upload_that_could_not_be_queued_leaves_no_file(
    cast: Cast, source: Source, own_storage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(**values: object) -> None:
        assert stored_files(own_storage)
        raise MemoryError

    monkeypatch.setattr(intake, "enqueue", dies)
    with pytest.raises(MemoryError):
        upload(source, cast, FILES["rows.jsonl"], folder=tmp_path)
    assert not stored_files(own_storage)


def stored_files(root: Path) -> list[Path]:
    return [path for path in (root / "blobs").rglob("*") if path.is_file()]


def test_a_request_brings_all_of_its_documents_or_none(cast: Cast, source: Source) -> None:
    done = receive_at_once(source=source, by=cast.alice, body=FILES["rows.jsonl"])
    assert (done.state, done.documents, done.job) == ("done", 2, None)
    with pytest.raises(DocumentsRefused) as refused:
        receive_at_once(source=source, by=cast.alice, body=b'{"text": "New."}\n{}\n')
    assert refused.value.fields == {"line 2": "has no text"}
    with pytest.raises(Invalid):
        receive_at_once(source=source, by=cast.alice, body=b"\n\n")
    with pytest.raises(TooLarge):
        receive_at_once(source=source, by=cast.alice, body=b" " * (intake.BYTES_AT_ONCE + 1))
    assert Document.objects.count() == 2 and DocumentUpload.objects.count() == 1


def test_an_upload_whose_job_was_cancelled_is_given_up(cast: Cast, source: Source, tmp_path: Path) -> None:
    waiting = upload(source, cast, FILES["rows.jsonl"], folder=tmp_path)
    assert intake.fail_abandoned() == 0
    Job.objects.update(state="cancelled", ended_at=waiting.created_at)
    assert intake.fail_abandoned() == 1
    waiting.refresh_from_db()
    assert (waiting.state, waiting.sha256) == ("failed", "")
    assert read_now(upload=waiting).state == "failed"
    assert not Document.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_readers_of_one_upload_store_it_once(committed_cast: Cast, tmp_path: Path) -> None:
    source = make_source(committed_cast)
    waiting = upload(source, committed_cast, json_lines([{"text": f"Text {n}."} for n in range(300)]),
                     folder=tmp_path)  # fmt: skip
    failures: list[Exception] = []

    def reader() -> None:
        try:
            read_now(upload=DocumentUpload.objects.select_related("source", "workspace").get(pk=waiting.pk))
        except DomainError as error:
            failures.append(error)
        finally:
            connection.close()

    readers = [threading.Thread(target=reader) for _each in range(3)]
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join()
    assert failures == []
    assert Document.objects.count() == 300
    assert DocumentUpload.objects.get().documents == 300


def test_a_wrong_kind_of_damage_is_told_as_such(cast: Cast, source: Source, tmp_path: Path) -> None:
    """Beyond what the door looks at, a compressed file may still be cut off."""
    waiting = upload(source, cast, b"A text.\n\n" * 10, folder=tmp_path, name="r.txt.gz")
    packed = gzip.compress(b"Another text.\n\n" * 5_000)[:-50]
    (tmp_path / "cut").write_bytes(packed)
    waiting.sha256 = blobs.put_file(tmp_path / "cut", workspace=waiting.uid)
    waiting.save()
    with pytest.raises(FileUnreadable):
        read_now(upload=waiting)
    assert DocumentUpload.objects.get().state == "failed"
    assert not Document.objects.exists()
