import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from accounts.idempotency import KeyReused, remembered
from accounts.models import ApiToken, IdempotencyKey, Membership
from accounts.tokens import create_token
from core.errors import Invalid, Unreadable


class Act:
    """Makes a token each time it runs, so that the database shows how often it did."""

    def __init__(self, membership: Membership) -> None:
        self.membership = membership

    def __call__(self):
        token, _secret = create_token(membership=self.membership, name="made")
        return 201, {"uid": token.uid, "at": token.created_at}


def send(membership, act, *, key: str | None = "key-1", body=b"{}", route="tokens"):
    return remembered(membership=membership, key=key, route=route, body=body, act=act)


def test_a_repeat_gets_the_same_answer_without_acting(cast):
    act = Act(cast.bob)
    first, second = send(cast.bob, act), send(cast.bob, act)
    assert first == second
    assert first[0] == 201
    assert ApiToken.objects.count() == 1
    assert first[1]["uid"] == str(ApiToken.objects.get().uid)


def test_without_a_key_every_request_acts(cast):
    for nothing in (None, ""):
        status, answer = send(cast.bob, Act(cast.bob), key=nothing)
        assert (status, type(answer["uid"])) == (201, str)
    assert ApiToken.objects.count() == 2
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("other", [{"body": b'{"a": 1}'}, {"route": "members"}])
def test_another_request_under_the_same_key_is_a_conflict(cast, other):
    send(cast.bob, Act(cast.bob))
    with pytest.raises(KeyReused) as refusal:
        send(cast.bob, Act(cast.bob), **other)
    assert refusal.value.status == 409
    assert ApiToken.objects.count() == 1


def test_two_people_may_use_the_same_key(cast):
    send(cast.bob, Act(cast.bob))
    send(cast.alice, Act(cast.alice))
    assert ApiToken.objects.count() == 2


def test_a_refused_request_leaves_no_key_and_no_half_of_its_work(cast):
    def fail():
        create_token(membership=cast.bob, name="half")
        raise Invalid("refused")

    with pytest.raises(Invalid):
        send(cast.bob, fail)
    assert not ApiToken.objects.exists()
    assert send(cast.bob, Act(cast.bob))[0] == 201


@pytest.mark.parametrize("key", ["a b", "x" * 129, "tab\t", "é", "line\n"])
def test_a_malformed_key_is_unreadable(cast, key):
    with pytest.raises(Unreadable):
        send(cast.bob, Act(cast.bob), key=key)
    assert not ApiToken.objects.exists()


def test_the_first_answer_is_the_plain_json_that_a_repeat_gets(cast):
    value = {"uid": uuid.uuid4(), "at": datetime(2026, 11, 22, tzinfo=UTC), "text": "ñ 😀", "none": None}
    first = send(cast.bob, lambda: (200, value))
    assert first == send(cast.bob, lambda: (500, {}))
    assert first[1]["at"] == "2026-11-22T00:00:00Z"


@pytest.mark.django_db(transaction=True)
def test_simultaneous_repeats_act_once_and_agree(committed_cast):
    bob, together = committed_cast.bob, Barrier(8)

    def repeat(_number: int):
        together.wait()
        try:
            return send(bob, Act(bob))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(repeat, range(8)))
    assert ApiToken.objects.count() == 1
    assert all(answer == answers[0] for answer in answers)


def test_it_costs_two_queries_and_a_transaction_beyond_the_act(cast, django_assert_num_queries):
    with django_assert_num_queries(4):
        send(cast.bob, lambda: (200, {"at": timezone.now()}))
