import base64

import pytest

from accounts.audit import record
from accounts.models import AuditEvent
from core.errors import Unreadable
from core.pagination import decode_cursor, encode_cursor, newest_first


def make(many: int) -> list[int]:
    return [record(kind=AuditEvent.Kind.EXPORTED).pk for _number in range(many)]


def test_pages_walk_from_new_to_old_without_a_gap(db):
    made, seen, cursor = make(7), [], ""
    while True:
        page = newest_first(AuditEvent.objects.all(), before=cursor, size=3)
        seen += [row.pk for row in page.rows]
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == made[::-1]


def test_rows_that_come_in_meanwhile_do_not_shift_a_page(db):
    made = make(4)
    first = newest_first(AuditEvent.objects.all(), size=2)
    make(3)
    second = newest_first(AuditEvent.objects.all(), before=first.next_cursor, size=2)
    assert [row.pk for row in second.rows] == made[1::-1]


def test_an_exactly_full_page_is_the_last(db):
    make(3)
    assert newest_first(AuditEvent.objects.all(), size=3).next_cursor == ""
    assert newest_first(AuditEvent.objects.none()).rows == []


def test_the_body_is_what_the_api_answers(db):
    make(3)
    page = newest_first(AuditEvent.objects.all(), size=2)
    body = page.body(lambda row: {"kind": row.kind})
    assert body == {"results": [{"kind": "exported"}] * 2, "next": page.next_cursor}
    last = newest_first(AuditEvent.objects.all(), before=page.next_cursor, size=2)
    assert last.body(lambda row: {})["next"] is None


def test_a_page_is_one_query(db, django_assert_num_queries):
    make(5)
    with django_assert_num_queries(1):
        newest_first(AuditEvent.objects.all(), size=2)


@pytest.mark.parametrize("key", [0, 1, 2**63 - 1])
def test_a_cursor_is_read_back(key):
    assert decode_cursor(encode_cursor(key)) == key


@pytest.mark.parametrize(
    "cursor", ["!!", "ü", "YQ", "LTE", "x" * 10_000, base64.b64encode(str(2**63).encode()).decode(), "\x00"]
)
def test_a_made_up_cursor_is_unreadable(cursor):
    with pytest.raises(Unreadable) as refusal:
        decode_cursor(cursor)
    assert "before" in refusal.value.fields
