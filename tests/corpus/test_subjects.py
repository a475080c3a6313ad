import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.test import override_settings

from corpus import subjects
from corpus.models import Erasure
from corpus.versions import SubjectErasedMeanwhile
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair


def test_a_key_tells_nothing_and_is_the_same_for_the_same_person(cast: Cast) -> None:
    key = subjects.subject_key(workspace=cast.workspace, identifier="Ada@Example.org")
    assert len(key) == 64 and set(key) <= set("0123456789abcdef")
    for same in ("ada@example.org", "  ADA@example.ORG\n"):
        assert subjects.subject_key(workspace=cast.workspace, identifier=same) == key
    assert subjects.subject_key(workspace=cast.workspace, identifier="ada2@example.org") != key


def test_accents_count_however_they_are_typed(cast: Cast) -> None:
    composed, decomposed = "José", "Jose\u0301"
    assert subjects.subject_key(workspace=cast.workspace, identifier=composed) == subjects.subject_key(
        workspace=cast.workspace, identifier=decomposed
    )


def test_two_workspaces_know_a_person_by_different_keys(cast: Cast) -> None:
    keys = {
        subjects.subject_key(workspace=workspace, identifier="ada")
        for workspace in (cast.workspace, cast.charlie.workspace)
    }
    assert len(keys) == 2


def test_another_installation_has_other_keys_and_a_secret_of_its_own_outlives_the_signing_key(
    cast: Cast,
) -> None:
    def key() -> str:
        return subjects.subject_key(workspace=cast.workspace, identifier="ada")

    with override_settings(SECRET_KEY="a" * 50, SUBJECT_SECRET=""):
        one = key()
    with override_settings(SECRET_KEY="b" * 50, SUBJECT_SECRET=""):
        assert key() != one
    with override_settings(SECRET_KEY="b" * 50, SUBJECT_SECRET="a" * 50):
        assert key() == one


@pytest.mark.parametrize("identifier", ["", " \t\n", "a\x00b", "a\ud800", "x" * 501])
def test_what_is_no_identifier_is_refused(cast: Cast, identifier: str) -> None:
    with pytest.raises(subjects.BadIdentifier) as refused:
        subjects.subject_key(workspace=cast.workspace, identifier=identifier)
    assert "identifier" in refused.value.fields


def test_erasure_counts_from_the_request_on_in_its_own_workspace_only(cast: Cast) -> None:
    key = "a" * 64
    assert not subjects.is_erased(workspace=cast.workspace, key=key)
    Erasure.objects.create(workspace=cast.workspace, subject_key=key)
    assert subjects.is_erased(workspace=cast.workspace, key=key)
    assert subjects.erased_keys(workspace=cast.workspace) == {key}
    assert not subjects.is_erased(workspace=cast.charlie.workspace, key=key)
    with pytest.raises(subjects.SubjectErased):
        subjects.refuse_erased(workspace=cast.workspace, key=key)


def test_rows_of_an_erased_person_are_not_frozen(cast: Cast) -> None:
    Erasure.objects.create(workspace=cast.workspace, subject_key="a" * 64)
    with pytest.raises(SubjectErasedMeanwhile):
        freeze(cast.workspace, rows=[pair(1), pair(2) | {"subject_key": "a" * 64}])
    assert freeze(cast.workspace, rows=[pair(1), pair(2) | {"subject_key": "b" * 64}]).number == 1


def test_an_erasure_waits_for_those_who_asked_before_it(committed_cast: Cast) -> None:
    """Whoever asked, found nobody erased, and has not committed yet is writing rows that must be found."""
    workspace = committed_cast.workspace
    asked, may_commit = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic():
                subjects.erased_keys(workspace=workspace)
                asked.set()
                may_commit.wait(timeout=30)
        finally:
            connection.close()

    looks: list[bool] = []

    def look() -> None:
        looks.append(may_commit.is_set())
        may_commit.set()

    with ThreadPoolExecutor(max_workers=1) as thread:
        written = thread.submit(write)
        assert asked.wait(timeout=30)
        subjects.wait_for_writers(workspace=workspace, check_cancelled=look)
        written.result()
    assert looks[0] is False, "it did not wait at all"
