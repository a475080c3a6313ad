"""Tasks by file: examined, confirmed, imported by the real worker code; half an import leaves nothing."""

import gzip
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import AuditEvent
from annotation import imports, uploads
from annotation.copying import copy_tasks
from annotation.imports import import_at_once
from annotation.models import Candidate, Task, TaskImport
from jobs.models import Job
from jobs.registry import load_handlers
from jobs.running import run_next
from tests.annotation.worlds import make_project, task_record


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture
def crew(committed_crew):
    load_handlers()
    return committed_crew


@pytest.fixture
def project(crew):
    return make_project(crew)


@pytest.fixture
def alice(crew):
    return crew.client(crew.alice)


def page(name: str, row) -> str:
    return reverse(name, args=["acme", row.uid])


def upload(alice, project, body: bytes, name: str = "tasks.jsonl"):
    response = alice.post(page("project-import", project), {"file": SimpleUploadedFile(name, body)})
    assert response.status_code == 302
    return TaskImport.objects.latest("pk")


def run_job() -> Job:
    assert run_next(queue="light", owner="test")
    return Job.objects.latest("pk")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_small_file_is_previewed_confirmed_and_imported(crew, alice, project, pack):
    batch = upload(alice, project, pack(lines(*(task_record(number) for number in range(3)))))
    assert batch.state == "preview"
    html = alice.get(page("import", batch)).content.decode()
    assert "Question 0?" in html
    assert "Import 3 tasks" in html
    assert not Task.objects.exists()
    assert alice.post(page("import-confirm", batch)).status_code == 302
    assert alice.post(page("import-confirm", batch)).status_code == 409
    run_job()
    batch.refresh_from_db()
    assert (batch.state, batch.rows) == ("done", 3)
    assert Task.objects.filter(imported_in=batch).count() == 3
    assert AuditEvent.objects.get(kind="imported").detail["sha256"] == batch.sha256


def test_problems_are_listed_and_left_out_only_on_request(crew, alice, project):
    batch = upload(alice, project, lines(task_record(1), {"prompt": "<b>"}, task_record(2)))
    html = alice.get(page("import", batch)).content.decode()
    assert "Leave out the line with a problem" in html
    assert (batch.rows, batch.problem_count) == (2, 1)
    assert alice.post(page("import-confirm", batch)).status_code == 422
    assert alice.post(page("import-confirm", batch), {"skip_bad": "on"}).status_code == 302
    run_job()
    assert Task.objects.count() == 2


def test_a_file_without_one_good_line_cannot_be_confirmed(alice, project):
    batch = upload(alice, project, b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    assert batch.rows == 0
    assert alice.get(page("import", batch)).status_code == 200
    assert alice.post(page("import-confirm", batch), {"skip_bad": "on"}).status_code == 422


def test_many_problems_are_counted_and_the_first_hundred_kept(alice, project):
    batch = upload(alice, project, b"{}\n" * 250)
    assert batch.problem_count == 250
    assert len(batch.problems) == 100
    assert "And 150 more." in alice.get(page("import", batch)).content.decode()


def test_hostile_texts_and_names_are_inert_in_the_preview(alice, project):
    attack = "<script>alert(1)</script>"
    batch = upload(
        alice, project, lines(task_record(1, prompt=attack, id=attack), {attack: 1}), name=f"{attack}.jsonl"
    )
    html = alice.get(page("import", batch)).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_a_large_file_is_examined_by_a_job(crew, alice, project, monkeypatch):
    monkeypatch.setattr(uploads, "EXAMINED_AT_ONCE", 100)
    batch = upload(alice, project, lines(*(task_record(number) for number in range(20)), {"prompt": 1}))
    assert batch.job.kind == "annotation.examine_import"
    assert not uploads.is_waiting(batch)
    shown = alice.get(page("import", batch)).content.decode()
    assert "being read" in shown and "waiting for confirmation" not in shown
    assert alice.post(page("import-confirm", batch)).status_code == 409
    assert run_job().state == "succeeded"
    batch = TaskImport.objects.select_related("job").get()
    assert (batch.rows, batch.problem_count) == (20, 1)
    assert uploads.is_waiting(batch)
    assert "being read" not in alice.get(page("import", batch)).content.decode()


def test_an_import_that_fails_in_the_middle_leaves_nothing_behind(crew, alice, project, monkeypatch):
    monkeypatch.setattr(imports, "CHUNK", 10)
    batch = upload(alice, project, lines(*(task_record(number) for number in range(30))))
    alice.post(page("import-confirm", batch))
    calls = []

    def fail_later(**values):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("power cut")
        copy_tasks(**values)

    monkeypatch.setattr(imports, "copy_tasks", fail_later)
    assert run_job().state == "failed"
    assert not Task.objects.exists()
    assert not Candidate.objects.exists()
    monkeypatch.undo()
    assert alice.post(page("import-confirm", batch)).status_code == 302
    assert run_job().state == "succeeded"
    assert Task.objects.count() == 30


def test_an_id_that_came_in_meanwhile_fails_the_import_with_a_reason(crew, alice, project):
    batch = upload(alice, project, lines(task_record(1), task_record(2)))
    alice.post(page("import-confirm", batch))
    import_at_once(membership=crew.alice, project=project, body=lines(task_record(2)))
    job = run_job()
    assert job.state == "failed"
    assert "nothing was stored" in job.reason
    batch.refresh_from_db()
    assert batch.state == "failed"
    assert Task.objects.count() == 1


def test_an_import_that_ran_already_is_not_repeated(crew, alice, project):
    batch = upload(alice, project, lines(task_record(1)))
    alice.post(page("import-confirm", batch))
    Job.objects.filter(pk=run_job().pk).update(state="queued", ended_at=None)
    assert run_job().state == "succeeded"
    assert Task.objects.count() == 1


def test_a_discarded_file_is_not_imported(alice, project):
    batch = upload(alice, project, lines(task_record(1)))
    for _ in range(2):
        assert alice.post(page("import-discard", batch)).status_code == 302
    assert alice.post(page("import-confirm", batch)).status_code == 409


@pytest.mark.parametrize(("body", "status"), [(b"", 422), (None, 422)])
def test_a_missing_or_empty_file_is_refused(alice, project, body, status):
    files = {} if body is None else {"file": SimpleUploadedFile("x", body)}
    assert alice.post(page("project-import", project), files).status_code == status
    assert not TaskImport.objects.exists()


def test_an_upload_beyond_the_limit_is_refused(alice, project, settings):
    settings.UPLOAD_BYTES = 100
    response = alice.post(page("project-import", project), {"file": SimpleUploadedFile("x", b"x" * 101)})
    assert response.status_code == 413


def test_imports_belong_to_admins_of_the_workspace(crew, alice, project):
    batch = upload(alice, project, lines(task_record(1)))
    for person, status in ((crew.bob, 403), (crew.rita, 403), (crew.charlie, 404)):
        client = crew.client(person)
        assert client.get(page("import", batch)).status_code == status
        assert client.post(page("import-confirm", batch)).status_code == status
        assert client.post(page("import-discard", batch)).status_code == status
    charlie = crew.client(crew.charlie)
    assert charlie.get(reverse("import", args=["other", batch.uid])).status_code == 404


def test_a_long_import_reports_its_progress_while_nothing_is_visible_yet(crew, alice, project, monkeypatch):
    batch = upload(alice, project, lines(*(task_record(number) for number in range(2_500))))
    alice.post(page("import-confirm", batch))
    seen = []

    def watching(**values):
        seen.append(Job.objects.values_list("sentence", flat=True).latest("pk"))
        copy_tasks(**values)

    monkeypatch.setattr(imports, "copy_tasks", watching)
    assert run_job().state == "succeeded"
    assert any("of 2500 tasks" in sentence for sentence in seen)
    assert Task.objects.count() == 2_500
