"""Feedback is kept once, in the form of its kind, however often and however oddly it is sent."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from production.deployments import deploy
from production.feedback import FeedbackRefused, IdentifierReused, OutputErased, give
from production.models import Deployment, Feedback, Output
from tests.annotation.test_concurrency import at_once
from tests.conftest import Cast, poll
from tests.production.made import correct, make_output, thumb
from tests.training.registered import make_model

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("thumb", {"up": True}),
    ("thumb", {"up": False}),
    ("score", {"score": 0}),
    ("score", {"score": 0.5}),
    ("score", {"score": 1}),
    ("correction", {"text": "A boat is a small ship."}),
    ("preference", {"other": "A boat floats.", "chosen": "other"}),
    ("preference", {"other": "A boat floats.", "chosen": "output"}),
]


@pytest.fixture
def output(deployment: Deployment) -> Output:
    return make_output(deployment)


@pytest.mark.parametrize(("kind", "value"), GOOD)
def test_each_kind_is_kept(cast: Cast, output: Output, kind: str, value: dict[str, Any]) -> None:
    feedback = give(output=output, by=cast.rita, kind=kind, value=value, comment=" Why? ")
    kept = Feedback.objects.get()
    assert kept == feedback
    assert (kept.kind, kept.value, kept.comment) == (kind, value, "Why?")
    assert (kept.workspace, kept.created_by, kept.is_simulated) == (cast.workspace, cast.rita, False)


BAD: list[tuple[str, Any]] = [
    ("praise", {"up": True}),
    ("thumb", None),
    ("thumb", {}),
    ("thumb", {"up": "yes"}),
    ("thumb", {"up": 1}),
    ("thumb", {"up": True, "more": 1}),
    ("score", {"score": 1.1}),
    ("score", {"score": -0.1}),
    ("score", {"score": float("nan")}),
    ("score", {"score": float("inf")}),
    ("score", {"score": 10**400}),
    ("score", {"score": True}),
    ("score", {"score": "1"}),
    ("correction", {"text": " "}),
    ("correction", {"text": 3}),
    ("correction", {"text": "a\x00b"}),
    ("correction", {"text": "\udfff"}),
    ("correction", {"text": "x" * 300_000}),
    ("correction", {"text": " A boat is a ship. "}),
    ("preference", {"other": "A boat floats."}),
    ("preference", {"other": "A boat floats.", "chosen": "neither"}),
    ("preference", {"other": "A boat floats.", "chosen": ["other"]}),
    ("preference", {"other": "", "chosen": "other"}),
]


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_what_is_not_of_its_kind_is_refused(output: Output, kind: str, value: Any) -> None:
    with pytest.raises(FeedbackRefused):
        give(output=output, by=None, kind=kind, value=value)
    assert not Feedback.objects.exists()


@pytest.mark.parametrize("name", ["comment", "identifier"])
@pytest.mark.parametrize("text", ["x" * 2001, "a\x00b", "\ud800", None, 3])
def test_a_comment_or_identifier_that_cannot_be_kept_is_refused(output: Output, name: str, text: Any) -> None:
    with pytest.raises(FeedbackRefused) as refusal:
        thumb(output, **{name: text})
    assert list(refusal.value.fields) == [name]


def test_the_same_identifier_again_is_the_same_feedback(output: Output) -> None:
    first, again = thumb(output, identifier="a-1"), thumb(output, identifier="a-1")
    assert first == again
    assert Feedback.objects.count() == 1


def test_without_an_identifier_each_is_feedback_of_its_own(output: Output) -> None:
    assert thumb(output) != thumb(output)


def test_other_content_under_the_same_identifier_is_a_conflict(
    deployment: Deployment, output: Output
) -> None:
    first = thumb(output, identifier="a-1")
    others = [
        lambda: thumb(output, up=True, identifier="a-1"),
        lambda: thumb(output, comment="More", identifier="a-1"),
        lambda: thumb(make_output(deployment), identifier="a-1"),
    ]
    for other in others:
        with pytest.raises(IdentifierReused):
            other()
    assert list(Feedback.objects.all()) == [first]


def test_two_workspaces_may_use_the_same_identifier(cast: Cast, output: Output, tmp_path) -> None:
    theirs = deploy(
        workspace=cast.charlie.workspace,
        by=cast.charlie,
        model=make_model(cast.charlie.workspace, tmp_path),
        name="assistant",
    )
    assert thumb(output, identifier="a-1") != thumb(make_output(theirs), identifier="a-1")


def test_of_many_at_once_with_one_identifier_one_is_kept(committed_cast: Cast, tmp_path) -> None:
    model = make_model(committed_cast.workspace, tmp_path)
    output = make_output(deploy(workspace=committed_cast.workspace, by=None, model=model, name="assistant"))
    given = at_once(*[lambda: thumb(output, identifier="a-1")] * 6)
    assert {feedback.pk for feedback in given} == {Feedback.objects.get().pk}


def test_of_two_at_once_with_unlike_content_one_is_told(committed_cast: Cast, tmp_path) -> None:
    model = make_model(committed_cast.workspace, tmp_path)
    output = make_output(deploy(workspace=committed_cast.workspace, by=None, model=model, name="assistant"))
    given = at_once(
        lambda: thumb(output, up=True, identifier="a-1"), lambda: thumb(output, up=False, identifier="a-1")
    )
    kept = Feedback.objects.get()
    assert sorted(type(one).__name__ for one in given) == ["Feedback", "IdentifierReused"]
    assert kept in given


def test_of_an_erased_output_nothing_can_be_said(output: Output) -> None:
    output.erased_at = timezone.now()
    output.save()
    with pytest.raises(OutputErased):
        thumb(output)


def test_an_erasure_since_the_output_was_read_counts(output: Output) -> None:
    Output.objects.update(erased_at=timezone.now(), text="")
    with pytest.raises(OutputErased):
        correct(output)
    assert not Feedback.objects.exists()


def test_feedback_waits_for_an_erasure_that_has_begun(committed_cast: Cast, tmp_path) -> None:
    model = make_model(committed_cast.workspace, tmp_path)
    output = make_output(deploy(workspace=committed_cast.workspace, by=None, model=model, name="assistant"))

    def say() -> None:
        try:
            correct(output)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            Output.objects.update(erased_at=timezone.now(), text="")
            said = thread.submit(say)
            poll(lambda: said.done() or somebody_waits(), what="feedback at the locked output")
        assert isinstance(said.exception(), OutputErased)
    assert not Feedback.objects.exists()


def somebody_waits() -> bool:
    """Whether a connection to this database waits for another one's lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database())"
        )
        return bool(cursor.fetchone()[0])
