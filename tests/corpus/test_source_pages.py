"""Pages of sources, documents and cleanings."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from corpus import cleaning_runs
from corpus.intake import read_now
from corpus.models import CleaningRun, DatasetVersion, Document, DocumentUpload, Source
from jobs.models import Job
from tests.conftest import Cast
from tests.corpus.access_rows import DESCRIPTION
from tests.corpus.collected import add_documents, json_lines, make_source, upload

TEXT = "Mail jane@example.org about the parcel that came on the third of May, please."


@pytest.fixture
def source(cast: Cast, tmp_path: Path) -> Source:
    made = make_source(cast)
    add_documents(made, cast, TEXT, TEXT.upper(), "A schÃ¶n day.", "???", folder=tmp_path)
    return made


def get(cast: Cast, path: str, who: Membership | None = None) -> str:
    answer = cast.client(who or cast.alice).get(f"/w/acme/{path}")
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return str(answer.content.decode())


def post(cast: Cast, path: str, data: dict[str, Any]) -> Any:
    return cast.client(cast.alice).post(f"/w/acme/{path}", data)


def test_without_sources_the_page_tells_the_first_step(cast: Cast) -> None:
    assert "/w/acme/sources/new/" in get(cast, "sources/")
    assert "/w/acme/sources/new/" not in get(cast, "sources/", cast.rita)


def test_a_source_is_described_by_a_form(cast: Cast) -> None:
    answer = post(cast, "sources/new/", {**DESCRIPTION, "least_words": "5", "most_words": ""})
    made = Source.objects.get()
    assert answer.headers["Location"] == f"/w/acme/sources/{made.uid}/"
    assert (made.name, made.filters) == ("New source", {"least_words": 5})


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("licence", "my own", "SPDX"),
        ("lawful_basis", "", "required"),
        ("collector", "", "required"),
        ("origin", "a\nb", "one line"),
        ("retention_until", "2020-01-01", "may not be kept"),
        ("lawful_basis", "consent", "reference"),
        ("least_letters", "7", "less than or equal to 1"),
    ],
)
def test_a_refused_description_says_why_and_keeps_what_was_typed(
    cast: Cast, field: str, value: str, reason: str
) -> None:
    answer = post(cast, "sources/new/", {**DESCRIPTION, field: value})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert reason in page and "New source" in page
    assert not Source.objects.exists()


def test_a_taken_name_is_told_at_the_name(cast: Cast) -> None:
    make_source(cast, "New source")
    answer = post(cast, "sources/new/", DESCRIPTION)
    assert answer.status_code == 409
    assert "Another source has this name." in answer.content.decode()


def test_a_file_is_uploaded_and_read_by_a_job(cast: Cast) -> None:
    source = make_source(cast)
    file = SimpleUploadedFile("more.jsonl", json_lines([{"text": "One."}, {"txt": "Two."}]))
    answer = post(cast, f"sources/{source.uid}/upload/", {"file": file})
    assert answer.status_code == 302
    assert 'hx-get="/w/acme/sources/' in get(cast, f"sources/{source.uid}/")
    read_now(upload=DocumentUpload.objects.get())
    Job.objects.update(state="succeeded", ended_at="2026-01-01T00:00:00Z")
    page = get(cast, f"sources/{source.uid}/")
    assert "One." in page and "1 line of the newest upload was refused" in page
    assert 'hx-get="' not in page
    page = get(cast, f"sources/{source.uid}/?tab=uploads")
    assert "more.jsonl" in page and "1 line refused" in page and "txt" in page


def test_the_poll_shows_the_job_and_then_the_whole_page(cast: Cast, source: Source, tmp_path: Path) -> None:
    waiting = upload(source, cast, b"New text.", folder=tmp_path, name="r.txt")
    client, path = cast.client(cast.alice), f"/w/acme/sources/{source.uid}/"
    answer = client.get(path, headers={"HX-Request": "true"})
    assert "job-live" in answer.content.decode() and "<html" not in answer.content.decode()
    Job.objects.filter(pk=waiting.job_id).update(state="cancelled", ended_at=waiting.created_at)
    Job.objects.exclude(pk=waiting.job_id).update(state="succeeded", ended_at=waiting.created_at)
    assert client.get(path, headers={"HX-Request": "true"}).headers["HX-Redirect"] == path


@pytest.mark.parametrize(
    ("name", "content", "status", "reason"),
    [
        ("r.jsonl", b"", 422, "empty"),
        ("r.exe", b"MZ", 422, "must end in"),
        ("r.txt", "Hello".encode("utf-16"), 422, "UTF-16"),
        ("r.jsonl.gz", b"\x1f\x8b\x08broken", 422, "damaged"),
    ],
)
def test_a_refused_file_is_told_at_the_form(
    cast: Cast, source: Source, name: str, content: bytes, status: int, reason: str
) -> None:
    answer = post(cast, f"sources/{source.uid}/upload/", {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == status
    assert reason in answer.content.decode()
    assert DocumentUpload.objects.count() == 1


def test_a_source_of_answers_takes_no_documents(cast: Cast) -> None:
    bare = Source.objects.create(workspace=cast.workspace, name="Bare", licence="MIT")
    assert "describe one of its own" in get(cast, f"sources/{bare.uid}/")
    answer = post(cast, f"sources/{bare.uid}/upload/", {"file": SimpleUploadedFile("r.txt", b"Hi.")})
    assert answer.status_code == 422


def test_the_page_of_a_source_counts_what_is_in_it(cast: Cast, source: Source) -> None:
    page = get(cast, f"sources/{source.uid}/?tab=coverage", cast.rita)
    assert "E-mail addresses" in page and "under 200 characters" in page and "not stated" in page
    page = get(cast, f"sources/{source.uid}/", cast.rita)
    assert "[EMAIL]" in page and "jane@example.org" not in page


@pytest.mark.parametrize(
    ("tab", "offered", "words"),
    [
        ("uploads", "/upload/", "newest first"),
        ("cleaning", "/clean/", "Not cleaned yet"),
        ("rights", "", "Copyright holder"),
    ],
)
def test_each_part_of_a_source_has_its_address_and_its_forms_are_for_admins(
    cast: Cast, source: Source, tab: str, offered: str, words: str
) -> None:
    read, written = (get(cast, f"sources/{source.uid}/?tab={tab}", who) for who in (cast.rita, cast.alice))
    assert words in read and words in written
    assert f"sources/{source.uid}{offered}" in written
    assert not offered or offered not in read


def main_action(page: str) -> str:
    header = page.split('<div class="page-actions">')[1].split("</header>")[0]
    return header.split("button-primary")[1].split("</a>")[0] if "button-primary" in header else ""


def test_the_main_action_of_a_source_is_its_next_step(cast: Cast, source: Source) -> None:
    empty = make_source(cast, "Empty")
    assert "Upload documents" in main_action(get(cast, f"sources/{empty.uid}/?tab=rights"))
    assert main_action(get(cast, f"sources/{empty.uid}/")) == "", "the upload form is open already"
    assert "Clean the documents" in main_action(get(cast, f"sources/{source.uid}/"))
    run = cleaning_runs.preview_now(cleaning_runs.preview(source=source, by=cast.alice))
    cleaning_runs.apply_now(cleaning_runs.apply(run=run, by=cast.alice))
    Job.objects.update(state="succeeded", ended_at=run.created_at)
    assert "Freeze a corpus" in main_action(get(cast, f"sources/{source.uid}/"))
    assert main_action(get(cast, f"sources/{source.uid}/", cast.rita)) == ""


def test_a_cleaning_tells_how_many_came_into_each_step_and_how_many_left_it(
    cast: Cast, source: Source
) -> None:
    run = cleaning_runs.preview_now(cleaning_runs.preview(source=source, by=cast.alice))
    Job.objects.update(state="succeeded", ended_at=run.created_at)
    steps = cast.client(cast.alice).get(f"/w/acme/cleanings/{run.uid}/").context["steps"]
    assert steps[0].entered == run.report["documents"] == 4
    for step, following in zip(steps, steps[1:], strict=False):
        assert following.entered == step.left == step.entered - step.removed
    assert steps[-1].left == run.report["kept"]


def test_cleaning_is_previewed_applied_and_taken_back(cast: Cast, source: Source) -> None:
    form = {"steps": ["normalise", "exact_duplicates", "quality"], "near_threshold": "0.8"}
    answer = post(cast, f"sources/{source.uid}/clean/", form)
    run = CleaningRun.objects.get()
    assert answer.headers["Location"] == f"/w/acme/cleanings/{run.uid}/"
    assert 'hx-get="/w/acme/cleanings/' in get(cast, f"cleanings/{run.uid}/")
    cleaning_runs.preview_now(run)
    Job.objects.update(state="succeeded", ended_at=run.created_at)
    page = get(cast, f"cleanings/{run.uid}/")
    for words in (
        "Exact duplicates",
        "too few words",
        "SCHÖN".lower(),
        "schÃ¶n",
        "Apply: remove 2 documents",
    ):
        assert words in page, words
    assert post(cast, f"cleanings/{run.uid}/apply/", {}).status_code == 302
    cleaning_runs.apply_now(run)
    Job.objects.update(state="succeeded", ended_at=run.created_at)
    removed = Document.objects.filter(state="removed")
    assert removed.count() == 2
    page = get(cast, f"documents/{removed[0].uid}/")
    assert "Exact duplicates" in page and f"/w/acme/cleanings/{run.uid}/" in page
    assert "too few words" in get(cast, f"sources/{source.uid}/?state=removed")
    assert post(cast, f"cleanings/{run.uid}/apply/", {}).status_code == 409
    assert post(cast, f"cleanings/{run.uid}/restore/", {}).status_code == 302
    assert post(cast, f"cleanings/{run.uid}/restore/", {}).status_code == 409
    assert not removed.exists()
    assert "taken back" in get(cast, f"cleanings/{run.uid}/")


def test_a_preview_without_findings_says_so_and_can_be_confirmed(cast: Cast, tmp_path: Path) -> None:
    made = make_source(cast)
    add_documents(made, cast, "The parcel came on the third of May.", folder=tmp_path)
    run = cleaning_runs.preview_now(cleaning_runs.preview(source=made, by=cast.alice))
    Job.objects.update(state="succeeded", ended_at=run.created_at)
    page = get(cast, f"cleanings/{run.uid}/")
    assert "nothing to remove and nothing to change" in page and "Confirm: nothing to change" in page
    assert "<dd>1,000,000</dd>" in page and "1000000.0" not in page
    assert post(cast, f"cleanings/{run.uid}/apply/", {}).status_code == 302


def test_a_cleaning_that_failed_tells_why(cast: Cast, source: Source) -> None:
    run = cleaning_runs.preview_now(cleaning_runs.preview(source=source, by=cast.alice))
    run = cleaning_runs.apply(run=run, by=cast.alice)
    Job.objects.update(state="failed", reason="The documents changed.", ended_at=run.created_at)
    assert cleaning_runs.fail_abandoned() == 1
    assert "The documents changed." in get(cast, f"cleanings/{run.uid}/")


@pytest.mark.parametrize(
    ("wrong", "reason"), [({"near_threshold": "0.2"}, "greater than or equal"), ({"steps": []}, "required")]
)
def test_refused_settings_are_told_at_the_form(
    cast: Cast, source: Source, wrong: dict[str, Any], reason: str
) -> None:
    form = {"steps": ["quality"], "near_threshold": "0.8", **wrong}
    answer = post(cast, f"sources/{source.uid}/clean/", form)
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert not CleaningRun.objects.exists()


def test_an_erased_text_is_shown_nowhere(cast: Cast, source: Source) -> None:
    run = cleaning_runs.preview_now(cleaning_runs.preview(source=source, by=cast.alice))
    erased = Document.objects.latest("pk")
    Document.objects.filter(pk=erased.pk).update(state="erased", text="", original_text=None)
    assert "cannot be brought back" in get(cast, f"documents/{erased.uid}/")
    assert "(erased)" in get(cast, f"cleanings/{run.uid}/")
    assert "(erased)" in get(cast, f"sources/{source.uid}/?state=erased")


def test_a_corpus_is_frozen_by_the_form(cast: Cast, source: Source) -> None:
    form = {"sources": [str(source.uid)], "name": "Corpus", "kind": "corpus", "heldout_percent": "25"}
    answer = post(cast, "sources/freeze/", form)
    version = DatasetVersion.objects.get()
    assert answer.headers["Location"] == f"/w/acme/datasets/{version.uid}/"
    assert version.manifest["policy"]["split"]["heldout_share"] == 0.25
    again = post(cast, "sources/freeze/", form)
    assert again.status_code == 409 and "already frozen" in again.content.decode()


@pytest.mark.parametrize("sources", [[], ["x"], ["01900000-0000-7000-8000-000000000000"]])
def test_a_corpus_of_no_source_of_the_workspace_is_refused(
    cast: Cast, source: Source, sources: list[str]
) -> None:
    form = {"sources": sources, "name": "Corpus", "kind": "corpus", "heldout_percent": "25"}
    assert post(cast, "sources/freeze/", form).status_code == 422
    assert not DatasetVersion.objects.exists()


@pytest.mark.parametrize(
    "path",
    [
        "sources/",
        "sources/{}/",
        "sources/{}/?state=removed",
        "sources/{}/?tab=uploads",
        "sources/{}/?tab=coverage",
    ],
)
def test_a_list_costs_the_same_for_ten_rows_and_for_sixty(cast: Cast, tmp_path: Path, path: str) -> None:
    first = make_source(cast, "First")

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            get(cast, path.format(first.uid))
        return len(queries)

    def more(count: int) -> None:
        made = Source.objects.count()
        for number in range(count):
            make_source(cast, f"Source {made + number}")
        done = add_documents(first, cast, *[f"Text {made + n}." for n in range(count)], folder=tmp_path)
        Document.objects.filter(upload=done, pk__gt=done.rows.earliest("pk").pk).update(
            state="removed", removal={"step": "quality", "reason": "too_few_words"}
        )
        Job.objects.update(state="succeeded", ended_at=done.created_at)

    more(10)
    ten = cost()
    more(50)
    assert cost() == ten


def test_the_samples_cost_the_same_however_many_there_are(cast: Cast, tmp_path: Path) -> None:
    def cost(name: str, count: int) -> int:
        source = make_source(cast, name)
        texts = [f"{name} schÃ¶n {n}." for n in range(count)] + [f"{name} a {n}." for n in range(count)] * 2
        add_documents(source, cast, *texts, folder=tmp_path)
        run = cleaning_runs.preview_now(cleaning_runs.preview(source=source, by=cast.alice))
        assert run.report["removed"] == count
        Job.objects.update(state="succeeded", ended_at=run.created_at)
        with CaptureQueriesContext(connection) as queries:
            get(cast, f"cleanings/{run.uid}/")
        return len(queries)

    assert cost("Few", 2) == cost("Many", 30)


@pytest.mark.parametrize(
    "path", ["sources/?page=2", "sources/{}/?state=lost", "sources/{}/?before=x", "sources/{}/?tab=x"]
)
def test_a_wrong_question_is_refused(cast: Cast, source: Source, path: str) -> None:
    assert cast.client(cast.alice).get(f"/w/acme/{path.format(source.uid)}").status_code == 400
