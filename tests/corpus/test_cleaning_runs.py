"""Cleaning a source: what the preview shows is what happens, and it can be taken back."""

from pathlib import Path
from typing import Any

import pytest

from accounts.models import AuditEvent
from core.errors import Invalid
from corpus import cleaning_runs
from corpus.cleaning_runs import NothingToClean, NotThisState
from corpus.cleaning_writing import DocumentsMoved
from corpus.models import CleaningRun, Document, Source
from tests.conftest import Cast
from tests.corpus.collected import add_documents, make_source

STORY = (
    "Once upon a time a miller had three sons. The eldest got the mill, the second the donkey, and the "
    "youngest only the cat. He was sad, but the cat asked for boots and said that all would be well again."
)
NEARLY = STORY + " Truly."
OTHER = (
    "The sea is salty because rivers carry dissolved minerals from the rocks. Water leaves the sea again as "
    "vapour, while the salt stays behind, and so it has grown saltier over hundreds of millions of years."
)
BROKEN = "The cafÃ© on the corner opens at eight and closes when the last guest has gone home in the evening."
MENDED = "The café on the corner opens at eight and closes when the last guest has gone home in the evening."
SPAM = "!!! $$$ !!! $$$ %%% &&& !!! buy"


@pytest.fixture
def source(cast: Cast, tmp_path: Path) -> Source:
    made = make_source(cast)
    add_documents(made, cast, STORY, OTHER, STORY.upper() + "  ", NEARLY, BROKEN, SPAM, folder=tmp_path)
    return made


def previewed(source: Source, cast: Cast, **settings: Any) -> CleaningRun:
    run = cleaning_runs.preview(source=source, by=cast.alice, settings=settings or None)
    return cleaning_runs.preview_now(run)


def applied(source: Source, cast: Cast, **settings: Any) -> CleaningRun:
    run = cleaning_runs.apply(run=previewed(source, cast, **settings), by=cast.alice)
    return cleaning_runs.apply_now(run)


def kept(source: Source) -> list[str]:
    found = Document.objects.filter(source=source, state="kept").order_by("pk")
    return list(found.values_list("text", flat=True))


def step_of(run: CleaningRun, name: str) -> dict[str, Any]:
    return next(step for step in run.report["steps"] if step["step"] == name)


def test_the_preview_tells_what_each_step_would_do_and_changes_nothing(cast: Cast, source: Source) -> None:
    before = list(Document.objects.order_by("pk").values())
    run = previewed(source, cast)
    assert run.state == "preview"
    assert {key: run.report[key] for key in ("documents", "kept", "removed", "changed")} == {
        "documents": 6, "kept": 3, "removed": 3, "changed": 1,
    }  # fmt: skip
    assert step_of(run, "exact_duplicates")["reasons"] == {"same_text": 1}
    assert step_of(run, "near_duplicates")["reasons"] == {"similar_text": 1}
    assert step_of(run, "quality")["reasons"] == {"too_few_letters": 1}
    assert step_of(run, "normalise")["changed"] == 1
    assert list(Document.objects.order_by("pk").values()) == before


def test_the_samples_name_documents_and_hold_no_text(cast: Cast, source: Source) -> None:
    run = previewed(source, cast)
    first, _other, _upper, nearly, *_rest = Document.objects.order_by("pk")
    [sample] = step_of(run, "near_duplicates")["samples"]
    assert (sample["document"], sample["of"]) == (str(nearly.uid), str(first.uid))
    assert 0.8 <= sample["score"] < 1
    assert "miller" not in str(run.report) and "café" not in str(run.report)


def test_what_is_applied_is_what_was_shown(cast: Cast, source: Source) -> None:
    run = applied(source, cast)
    assert run.state == "applied" and run.applied_at
    assert kept(source) == [STORY, OTHER, MENDED]
    first, _other, upper, nearly, mended, spam = Document.objects.order_by("pk")
    assert upper.removal == {
        "step": "exact_duplicates", "reason": "same_text", "of": str(first.uid), "score": 1.0,
    }  # fmt: skip
    assert nearly.removal["of"] == str(first.uid)
    assert spam.removal["step"] == "quality" and spam.removed_by == run
    assert (mended.original_text, mended.changed_by) == (BROKEN, run)
    assert mended.characters == len(MENDED)
    assert AuditEvent.objects.get(kind="cleaned").detail["removed"] == 3


def test_a_cleaned_source_is_clean(cast: Cast, source: Source) -> None:
    applied(source, cast)
    again = previewed(source, cast)
    assert (again.report["removed"], again.report["changed"]) == (0, 0)


def test_restoring_brings_everything_back(cast: Cast, source: Source) -> None:
    before = list(Document.objects.order_by("pk").values())
    run = cleaning_runs.restore(run=applied(source, cast), by=cast.alice)
    assert run.state == "restored" and run.restored_at
    assert list(Document.objects.order_by("pk").values()) == before
    assert AuditEvent.objects.filter(kind="restored").count() == 1


def test_what_was_erased_since_stays_erased(cast: Cast, source: Source) -> None:
    run = applied(source, cast)
    upper = Document.objects.order_by("pk")[2]
    Document.objects.filter(pk=upper.pk).update(state="erased", text="")
    cleaning_runs.restore(run=run, by=cast.alice)
    upper.refresh_from_db()
    assert (upper.state, upper.text) == ("erased", "")


def test_duplicates_are_looked_for_in_the_whole_workspace(cast: Cast, source: Source, tmp_path: Path) -> None:
    later = make_source(cast, "Later")
    add_documents(later, cast, OTHER, "Something else that nobody has said before.", folder=tmp_path)
    applied(later, cast)
    assert kept(later) == ["Something else that nobody has said before."]
    removed = Document.objects.get(source=later, state="removed")
    assert removed.removal["of"] == str(Document.objects.filter(source=source)[1].uid)


def test_two_sources_never_lose_both_copies(cast: Cast, source: Source, tmp_path: Path) -> None:
    """Each preview wants to drop its own copy because of the other one."""
    other = make_source(cast, "Other")
    add_documents(other, cast, OTHER, folder=tmp_path)
    one, two = previewed(source, cast), previewed(other, cast)
    assert one.report["removed"] == 4 and two.report["removed"] == 1
    cleaning_runs.apply_now(cleaning_runs.apply(run=one, by=cast.alice))
    late = cleaning_runs.apply(run=two, by=cast.alice)
    with pytest.raises(DocumentsMoved):
        cleaning_runs.apply_now(late)
    late.refresh_from_db()
    assert late.state == "failed"
    assert kept(source) + kept(other) == [STORY, MENDED, OTHER]


def test_a_removed_document_takes_no_other_with_it(cast: Cast, tmp_path: Path) -> None:
    """The filter removes the first of two alike; the second one, which passes, must stay."""
    made = make_source(cast, filters={"most_words": 40})
    add_documents(made, cast, NEARLY, STORY, folder=tmp_path)
    applied(made, cast, quality={"most_words": len(STORY.split())})
    assert kept(made) == [STORY]


def test_documents_that_come_later_do_not_disturb_a_preview(
    cast: Cast, source: Source, tmp_path: Path
) -> None:
    run = previewed(source, cast)
    add_documents(source, cast, OTHER, folder=tmp_path)
    cleaning_runs.apply_now(cleaning_runs.apply(run=run, by=cast.alice))
    assert kept(source) == [STORY, OTHER, MENDED, OTHER]


def test_a_document_that_is_gone_since_the_preview_stops_it(cast: Cast, source: Source) -> None:
    run = previewed(source, cast)
    Document.objects.filter(text=STORY).update(state="erased", text="")
    run = cleaning_runs.apply(run=run, by=cast.alice)
    with pytest.raises(DocumentsMoved):
        cleaning_runs.apply_now(run)
    assert Document.objects.filter(state="removed").count() == 0


def test_only_the_chosen_steps_run(cast: Cast, source: Source) -> None:
    run = applied(source, cast, steps=["exact_duplicates"])
    assert [step["step"] for step in run.report["steps"]] == ["exact_duplicates"]
    assert Document.objects.filter(state="removed").count() == 1
    assert not Document.objects.exclude(original_text=None).exists()


def test_the_source_sets_thresholds_and_the_run_may_set_others(cast: Cast, tmp_path: Path) -> None:
    strict = make_source(cast, filters={"least_words": 20})
    add_documents(strict, cast, "Only five words are here.", OTHER, folder=tmp_path)
    assert previewed(strict, cast).report["removed"] == 1
    assert previewed(strict, cast, quality={"least_words": 3}).report["removed"] == 0


def test_mending_never_uncovers_personal_data(cast: Cast, tmp_path: Path) -> None:
    hidden = "Write to jane&#64;example.org, she answers every letter within a day or two at most."
    masking, keeping = make_source(cast), make_source(cast, "Kept", personal_data="keep")
    add_documents(masking, cast, hidden, folder=tmp_path)
    add_documents(keeping, cast, hidden + " Truly.", folder=tmp_path)
    applied(masking, cast)
    applied(keeping, cast)
    assert "[EMAIL]" in kept(masking)[0] and "jane" not in kept(masking)[0]
    assert "jane@example.org" in kept(keeping)[0]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"steps": []}, "steps"),
        ({"steps": ["polish"]}, "steps"),
        ({"steps": "quality"}, "steps"),
        ({"near_threshold": 0.2}, "near_threshold"),
        ({"near_threshold": True}, "near_threshold"),
        ({"near_threshold": float("nan")}, "near_threshold"),
        ({"quality": {"least_words": -1}}, "quality"),
        ({"quality": {"beauty": 1}}, "quality"),
        ({"quality": []}, "quality"),
        ({"speed": 1}, "speed"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    cast: Cast, source: Source, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        cleaning_runs.preview(source=source, by=cast.alice, settings=given)
    assert set(refused.value.fields) == {field}
    assert not CleaningRun.objects.exists()


def test_a_source_without_documents_has_nothing_to_clean(cast: Cast) -> None:
    with pytest.raises(NothingToClean):
        cleaning_runs.preview(source=make_source(cast), by=cast.alice)


def test_a_run_goes_one_way(cast: Cast, source: Source) -> None:
    waiting = cleaning_runs.preview(source=source, by=cast.alice)
    for act in (cleaning_runs.apply, cleaning_runs.restore):
        with pytest.raises(NotThisState):
            act(run=waiting, by=cast.alice)
    run = applied(source, cast)
    with pytest.raises(NotThisState):
        cleaning_runs.apply(run=run, by=cast.alice)
    cleaning_runs.restore(run=run, by=cast.alice)
    with pytest.raises(NotThisState):
        cleaning_runs.restore(run=run, by=cast.alice)


def test_a_job_that_runs_twice_acts_once(cast: Cast, source: Source) -> None:
    run = applied(source, cast)
    before = list(Document.objects.order_by("pk").values())
    assert cleaning_runs.apply_now(run).state == "applied"
    assert cleaning_runs.preview_now(run).state == "applied"
    assert list(Document.objects.order_by("pk").values()) == before
    assert AuditEvent.objects.filter(kind="cleaned").count() == 1
