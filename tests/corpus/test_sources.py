"""Describing a source: nothing comes in without licence, origin, lawful basis and collector."""

from datetime import date
from typing import Any

import pytest

from accounts.models import AuditEvent
from core.errors import Invalid
from corpus.models import Source
from corpus.sources import LAWFUL_BASES, SourceNameTaken
from tests.conftest import Cast
from tests.corpus.collected import make_source


def test_a_described_source_holds_what_was_said(cast: Cast) -> None:
    made = make_source(
        cast, " Articles ", licence="mit or apache-2.0", lawful_basis="consent", consent_reference="C-7",
        collected_on="2026-01-31", retention_until=date(2099, 1, 1), filters={"least_words": 3},
    )  # fmt: skip
    found = Source.objects.get(uid=made.uid)
    assert (found.name, found.licence, found.consent_reference) == ("Articles", "MIT OR Apache-2.0", "C-7")
    assert (found.collected_on, found.retention_until) == (date(2026, 1, 31), date(2099, 1, 1))
    assert (found.personal_data, found.filters, found.created_by) == ("mask", {"least_words": 3}, cast.alice)
    event = AuditEvent.objects.get(kind="source_created")
    assert (event.object_uid, event.detail["licence"]) == (made.uid, "MIT OR Apache-2.0")


WRONG: list[tuple[str, Any]] = [
    ("name", ""), ("name", "x" * 121), ("name", "a\nb"), ("name", "a\x00"), ("name", "\ud800"), ("name", 5),
    ("licence", ""), ("licence", "my own"), ("licence", None), ("licence", "MIT AND"),
    ("origin", " "), ("origin", "x" * 501), ("collector", ""), ("lawful_basis", ""),
    ("lawful_basis", "because"), ("lawful_basis", []), ("holder", "x" * 201), ("consent_reference", {}),
    ("collected_on", "2999-01-01"), ("collected_on", "yesterday"), ("collected_on", "2026-02-31"),
    ("collected_on", 5), ("retention_until", "2020-01-01"), ("personal_data", "sell"),
    ("filters", {"beauty": 1}), ("filters", {"least_words": "3"}), ("filters", []),
    ("filters", {"least_letters": float("nan")}), ("filters", {"least_words": True}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_each_wrong_field_is_named_and_nothing_is_stored(cast: Cast, field: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        make_source(cast, **{field: value})
    assert set(refused.value.fields) == {field}
    assert not Source.objects.exists()


def test_all_wrong_fields_are_named_at_once(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        make_source(cast, licence="", origin="", lawful_basis="", collector="")
    assert set(refused.value.fields) == {"licence", "origin", "lawful_basis", "collector"}


def test_consent_needs_its_reference(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        make_source(cast, lawful_basis="consent")
    assert set(refused.value.fields) == {"consent_reference"}
    for basis in set(LAWFUL_BASES) - {"consent"}:
        make_source(cast, f"Source on {basis}", lawful_basis=basis)


def test_a_name_is_taken_once_in_a_workspace(cast: Cast) -> None:
    make_source(cast)
    with pytest.raises(SourceNameTaken) as refused:
        make_source(cast)
    assert set(refused.value.fields) == {"name"}
    assert Source.objects.count() == AuditEvent.objects.filter(kind="source_created").count() == 1
