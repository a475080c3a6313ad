"""Erasing a person: nothing is left of the words, everything else stays, and the report tells the reach."""

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.models import AuditEvent
from annotation.models import Annotation, Assignment
from annotera import erasures
from annotera.erasures import erase_now, request_erasure
from corpus import versions
from corpus.models import DatasetVersion, Document, DocumentUpload, Erasure
from corpus.redactions import RowsErased
from corpus.splits import SPLITS
from corpus.subjects import subject_key
from tests.annotation.worlds import form_of
from tests.annotera.erased_world import (
    ADA,
    MARK,
    OTHERS,
    World,
    build,
    erased,
    files_with,
    letters,
    rows_and_ids,
    tables_with,
    upload_of,
)
from tests.conftest import Cast
from training.run_checks import RunRefused
from training.runs import start_run

HELD = {
    "corpus_document",
    "annotation_taskbody",
    "annotation_task",
    "annotation_candidate",
    "annotation_annotation",
    "annotation_assignment",
    "annotation_taskimport",
    "qa_acceptance",
    "qa_gold",
    "training_runsample",
    "production_output",
    "production_feedback",
    "accounts_idempotencykey",
}


@pytest.fixture
def world(cast: Cast, tmp_path: Path) -> World:
    return build(cast, tmp_path)


def test_no_word_of_the_person_is_left_in_any_table_or_file(world: World, tmp_path: Path) -> None:
    assert tables_with(MARK) >= HELD
    assert len(files_with(MARK, tmp_path)) >= 5
    erasure = erased(world)
    assert erasure.state == Erasure.State.DONE
    assert tables_with(MARK) == set()
    assert files_with(MARK, tmp_path) == set()
    assert tables_with(ADA) == set()


def test_the_words_of_others_and_all_ids_stay(world: World, tmp_path: Path) -> None:
    before, tables, files = rows_and_ids(), tables_with(OTHERS), files_with(OTHERS, tmp_path)
    erased(world)
    assert rows_and_ids() == before
    assert tables_with(OTHERS) == tables
    # The file of the corpus is another one now: the one without Ada's letters.
    assert len(files_with(OTHERS, tmp_path)) == len(files)


def test_frozen_versions_have_successors_with_the_other_rows(world: World) -> None:
    held = {
        version.pk: {row["id"] for split in SPLITS for row in versions.rows(version, split=split, limit=200)}
        for version in DatasetVersion.objects.all()
    }
    keys = {row["id"] for version in DatasetVersion.objects.all() for row in lost_rows(version)}
    assert len(keys) == 4
    erased(world)
    for pk, ids in held.items():
        version = DatasetVersion.objects.get(pk=pk)
        assert version.redacted_at is not None and version.successor is not None
        left = version.successor
        assert {
            row["id"] for split in SPLITS for row in versions.rows(left, split=split, limit=200)
        } == ids - keys
        versions.verify(version)
        versions.verify(left)


def lost_rows(version: DatasetVersion) -> list[dict[str, Any]]:
    rows = [row for split in SPLITS for row in versions.rows(version, split=split, limit=200)]
    return [row for row in rows if MARK in str(row)]


def test_the_report_lists_every_version_run_and_model_that_was_reached(world: World) -> None:
    report = erased(world).report
    assert {name: report[name] for name in ("documents", "tasks", "annotations", "outputs", "feedback")} == {
        "documents": 3,
        "tasks": 2,
        "annotations": 1,
        "outputs": 1,
        "feedback": 1,
    }
    assert {(row["name"], row["successor_name"]) for row in report["versions"]} == {
        ("letters v1", "letters v2"),
        ("preferences v1", "preferences v2"),
    }
    assert sorted(report["rows_by_version"].values()) == [1, 3]
    assert {(row["name"], row["state"]) for row in report["runs"]} == {
        ("a pretrain", "succeeded"),
        ("waiting", "cancelled"),
    }
    assert [row["uid"] for row in report["models"]] == [str(world.model.uid)]
    assert [row["name"] for row in report["deployments"]] == ["helper"]


def test_lost_rows_answer_gone_and_not_a_fault(world: World) -> None:
    cast, version = world.cast, world.run.dataset_version
    (lost,) = [split for split in SPLITS if MARK in str(versions.rows(version, split=split, limit=200))]
    erased(world)
    gone = cast.api(cast.rita).get(f"/api/v1/dataset-versions/{version.uid}/rows/?split={lost}")
    assert gone.status_code == 410
    assert gone.json()["error"]["code"] == "gone"
    assert "preferences v2" in gone.json()["error"]["message"]
    page = cast.client(cast.rita).get(f"/w/acme/datasets/{version.uid}/")
    assert page.status_code == 200
    assert "preferences v2" in page.content.decode()


def test_no_run_starts_on_a_redacted_version(world: World) -> None:
    erased(world)
    version = DatasetVersion.objects.get(pk=world.run.dataset_version_id)
    with pytest.raises(RunRefused, match="redacted") as refused:
        start_run(workspace=world.cast.workspace, stage="pretrain", config_values={}, dataset_version=version)
    assert "preferences v2" in refused.value.fields["dataset_version"]
    with pytest.raises(RowsErased):
        versions.stage(version, Path("unused"))


def test_a_second_request_ends_the_same(world: World, tmp_path: Path) -> None:
    first = erased(world)
    stored, done = sorted(path for path in tmp_path.rglob("*") if path.is_file()), first.report
    again = erased(world, f" {ADA.upper()} ")
    assert again.pk == first.pk
    assert again.report == done
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == stored
    assert DatasetVersion.objects.count() == 4


def test_nothing_of_the_person_comes_in_again(world: World) -> None:
    erased(world)
    content = letters(subject=f" {ADA.upper()}").replace(b"letter-", b"another-")
    upload = upload_of(world.cast, world.source, content)
    assert upload.state == DocumentUpload.State.DONE
    assert (upload.documents, upload.reject_count) == (8, 3)
    assert "erased" in upload.rejects[0]["reason"]
    task = json.dumps({"prompt": MARK, "subject": ADA, "candidates": [{"content": "a"}, {"content": "b"}]})
    refused = world.cast.api(world.cast.alice).post(
        f"/api/v1/projects/{world.project.uid}/tasks/", task, content_type="application/x-ndjson"
    )
    assert refused.status_code == 422 and "erased" in refused.json()["error"]["fields"]["line 1"]
    assert tables_with(MARK) == set()


def test_who_has_a_task_of_the_person_open_cannot_save_words_of_it_any_more(world: World) -> None:
    held = Assignment.objects.select_related("project").get(membership=world.cast.rita, state="leased")
    address = f"/w/acme/assignments/{held.uid}/"
    rita = world.cast.client(world.cast.rita)
    shown = rita.get(address)
    erased(world)
    assert shown.status_code == 200
    typed = form_of(held, rationale=f"{MARK} once more")
    answer = rita.post(f"{address}submit/", typed)
    draft = rita.post(f"{address}draft/", typed)
    assert (answer.status_code, draft.status_code) == (409, 409)
    assert tables_with(MARK) == set()
    assert rita.get(address).status_code < 500


def test_who_answered_a_task_of_the_person_cannot_answer_or_correct_it_again(world: World) -> None:
    done = Assignment.objects.select_related("project").get(
        membership=world.cast.bob, state="submitted", task__body__subject_key=subject_of(world)
    )
    erased(world)
    bob, address = world.cast.client(world.cast.bob), f"/w/acme/assignments/{done.uid}/"
    for revision in ("0", "1"):
        typed = form_of(done, rationale=f"{MARK} once more", revision=revision)
        assert bob.post(f"{address}submit/", typed).status_code == 409
    assert tables_with(MARK) == set()
    assert bob.get(address).status_code < 500
    assert bob.get("/w/acme/me/work/").status_code == 200


def subject_of(world: World) -> str:
    return subject_key(workspace=world.cast.workspace, identifier=ADA)


def test_every_page_about_what_was_erased_still_opens(world: World) -> None:
    annotation = Annotation.objects.get(task__body__subject_key=subject_of(world))
    document = Document.objects.filter(subject_key=subject_of(world)).earliest("pk")
    erased(world)
    rita = world.cast.client(world.cast.rita)
    for address in (
        f"projects/{world.project.uid}/",
        f"projects/{world.project.uid}/quality/",
        f"projects/{world.project.uid}/gold/",
        f"projects/{world.project.uid}/reviews/",
        f"reviews/{annotation.acceptance.uid}/",
        f"deployments/{world.output.deployment.uid}/",
        f"outputs/{world.output.uid}/",
        f"sources/{world.source.uid}/",
        f"documents/{document.uid}/",
        f"cleanings/{world.source.cleaning_runs.get().uid}/",
        f"runs/{world.run.uid}/",
        f"models/{world.model.uid}/",
    ):
        answer = rita.get(f"/w/acme/{address}")
        assert answer.status_code == 200, address
        assert MARK not in answer.content.decode(), address
    export = world.cast.client(world.cast.alice).get(f"/w/acme/projects/{world.project.uid}/export/")
    assert export.status_code == 200 and MARK not in b"".join(export.streaming_content).decode()


def test_other_people_and_other_workspaces_are_not_touched(world: World) -> None:
    charlie = world.cast.charlie
    before = rows_and_ids()
    erasure = erase_now(request_erasure(workspace=charlie.workspace, by=charlie, identifier=ADA, reason=""))
    assert erasure.report["versions"] == []
    assert tables_with(MARK) >= HELD
    assert rows_and_ids() == before


def test_the_identifier_is_kept_nowhere_and_the_deed_is_in_the_audit(world: World) -> None:
    erasure = erased(world)
    events = AuditEvent.objects.filter(kind="erased", object_kind="erasure").order_by("pk")
    assert [event.detail["step"] for event in events] == ["requested", "done"]
    assert events[1].detail["documents"] == 3
    assert ADA not in str(list(Erasure.objects.values())) + str(erasure.job.payload)


@pytest.mark.parametrize(
    ("identifier", "reason", "field"),
    [
        ("", "", "identifier"),
        ("a\x00", "", "identifier"),
        ("ada", "x" * 301, "reason"),
        ("ada", "a\nb", "reason"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(
    cast: Cast, identifier: str, reason: str, field: str
) -> None:
    with pytest.raises(erasures.Invalid) as refused:
        request_erasure(workspace=cast.workspace, by=cast.alice, identifier=identifier, reason=reason)
    assert field in refused.value.fields
    assert not Erasure.objects.exists()


def test_the_form_of_a_run_offers_no_redacted_version(world: World) -> None:
    old = world.run.dataset_version
    erased(world)
    old.refresh_from_db()
    assert old.successor is not None
    form = world.cast.client(world.cast.alice).get("/w/acme/runs/new/pretrain/").content.decode()
    assert str(old.successor.uid) in form and str(old.uid) not in form
