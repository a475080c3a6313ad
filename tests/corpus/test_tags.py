from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent
from corpus.models import DatasetVersion, VersionTag
from corpus.tags import BadTag, NoSuchTag, VersionRedacted, tag, untag
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair


def three(cast: Cast) -> list[DatasetVersion]:
    return [freeze(cast.workspace, rows=[pair(number), pair(number + 1)]) for number in (0, 10, 20)]


def where(name: str) -> list[int]:
    return list(VersionTag.objects.filter(name=name).values_list("version__number", flat=True))


def test_a_tag_moves_within_its_data_set_and_the_audit_tells_from_where(cast: Cast) -> None:
    one, two, _three = three(cast)
    tag(version=one, name="training", by=cast.alice)
    tag(version=two, name=" Training ", by=cast.alice)
    assert where("training") == [2]
    events = AuditEvent.objects.filter(kind="tagged").order_by("id")
    assert [event.detail["moved_from"] for event in events] == [None, str(one.uid)]


def test_tagging_again_changes_nothing(cast: Cast) -> None:
    one, *_others = three(cast)
    first = tag(version=one, name="training", by=cast.alice)
    assert tag(version=one, name="training", by=cast.rita) == first
    assert AuditEvent.objects.filter(kind="tagged").count() == 1


def test_other_data_sets_have_tags_of_their_own(cast: Cast) -> None:
    other = freeze(cast.workspace, name="other boxes", rows=[pair(50), pair(51)])
    tag(version=three(cast)[0], name="training", by=cast.alice)
    tag(version=other, name="training", by=cast.alice)
    assert VersionTag.objects.count() == 2


@pytest.mark.parametrize(
    "name", ["", "v2", "with space", "-x", "ä", "a\x00", "a\ud800", "x" * 61, "<b>", "a/b", "tag\nother"]
)
def test_a_name_that_a_tag_may_not_have_is_refused(cast: Cast, name: str) -> None:
    with pytest.raises(BadTag) as refused:
        tag(version=freeze(cast.workspace), name=name, by=cast.alice)
    assert "name" in refused.value.fields
    assert not VersionTag.objects.exists()


def test_a_tag_is_taken_away_once(cast: Cast) -> None:
    one, two, _three = three(cast)
    tag(version=one, name="training", by=cast.alice)
    with pytest.raises(NoSuchTag):
        untag(version=two, name="training", by=cast.alice)
    untag(version=one, name="training", by=cast.alice)
    with pytest.raises(NoSuchTag):
        untag(version=one, name="training", by=cast.alice)
    assert AuditEvent.objects.filter(kind="tagged").count() == 2


def test_no_tag_leads_to_a_redacted_version(cast: Cast) -> None:
    version = freeze(cast.workspace)
    DatasetVersion.objects.filter(pk=version.pk).update(redacted_at=timezone.now())
    with pytest.raises(VersionRedacted):
        tag(version=version, name="training", by=cast.alice)


def test_of_many_who_move_a_tag_at_once_the_last_one_wins(committed_cast: Cast) -> None:
    versions = three(committed_cast)

    def move(version: DatasetVersion) -> None:
        try:
            tag(version=version, name="training", by=committed_cast.alice)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=3) as threads:
        list(threads.map(move, versions * 4))
    assert len(where("training")) == 1
