import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiToken, AuditEvent
from accounts.tokens import MOST_TOKENS, create_token
from core.errors import DomainError
from tests.accounts.people import events

PAGE = "/w/acme/tokens/"
NEW = {"name": "nightly import", "days": "30"}


def ask(secret: str, scheme: str = "Token", **extra):
    return Client(**extra).get("/api/v1/me/", headers={"Authorization": f"{scheme} {secret}"})


def secret_in(answer) -> str:
    return re.search(r"ann_[\w-]{43}", answer.content.decode()).group()


def test_every_member_makes_a_token_that_is_shown_once_and_stored_hashed(cast):
    bob = cast.client(cast.bob)
    secret = secret_in(bob.post(f"{PAGE}new/", NEW))
    assert secret not in bob.get(PAGE).content.decode()
    assert secret not in str(list(ApiToken.objects.values()))
    assert ask(secret).json()["role"] == "annotator"
    assert ask(secret, scheme="Bearer").status_code == 200
    assert [event.membership for event in events(AuditEvent.Kind.TOKEN_CREATED)] == [cast.bob]


def test_a_token_acts_in_its_workspace_only(cast):
    _token, secret = create_token(membership=cast.charlie, name="other")
    assert ask(secret).json()["workspace"]["slug"] == "other"
    header = {"Authorization": f"Token {secret}", "X-Workspace": "acme"}
    assert Client().get("/api/v1/me/", headers=header).json()["workspace"]["slug"] == "other"
    # Pages know sessions only.
    assert Client().get("/w/other/me/", headers=header).status_code == 302


def test_a_revoked_token_ends_at_once_and_revoking_twice_is_one_event(cast):
    token, secret = create_token(membership=cast.bob, name="script")
    bob = cast.client(cast.bob)
    for _twice in range(2):
        assert bob.post(f"{PAGE}{token.uid}/revoke/").status_code == 302
    assert ask(secret).status_code == 401
    assert len(events(AuditEvent.Kind.TOKEN_REVOKED)) == 1
    assert "revoked" in bob.get(PAGE).content.decode()


def test_an_expired_token_is_refused(cast):
    token, secret = create_token(membership=cast.bob, name="script", days=1)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(secret).status_code == 401
    assert "expired" in cast.client(cast.bob).get(PAGE).content.decode()


@pytest.mark.parametrize("secret", ["", "wrong", "ann_" + "x" * 43, "\u00e9\u00e9", "a b c", "x" * 9000])
def test_a_wrong_token_is_a_401_that_names_the_scheme(cast, secret):
    answer = ask(secret)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert answer.json()["error"]["code"] == "unauthenticated"


def test_a_wrong_token_does_not_fall_back_to_the_session(cast):
    bob = cast.client(cast.bob)
    assert bob.get("/api/v1/me/", headers={"Authorization": "Token wrong"}).status_code == 401


def test_somebody_elses_token_does_not_exist(cast):
    token, secret = create_token(membership=cast.bob, name="script")
    assert cast.client(cast.alice).post(f"{PAGE}{token.uid}/revoke/").status_code == 404
    assert cast.api(cast.charlie).delete(f"/api/v1/tokens/{token.uid}/").status_code == 404
    assert ask(secret).status_code == 200
    assert token.prefix not in cast.client(cast.alice).get(PAGE).content.decode()


@pytest.mark.parametrize(
    "values",
    [
        {**NEW, "name": ""},
        {**NEW, "name": "x" * 121},
        {**NEW, "days": "0"},
        {**NEW, "days": "367"},
        {**NEW, "days": "-1"},
        {**NEW, "days": "soon"},
        {"name": "no days"},
    ],
)
def test_a_bad_request_for_a_token_is_shown_with_what_was_typed(cast, values):
    assert cast.client(cast.bob).post(f"{PAGE}new/", values).status_code == 422
    assert not ApiToken.objects.exists()


def test_there_is_a_limit_to_tokens_in_use(cast):
    for number in range(MOST_TOKENS):
        create_token(membership=cast.bob, name=f"token {number}")
    assert cast.client(cast.bob).post(f"{PAGE}new/", NEW).status_code == 409
    assert cast.client(cast.alice).post(f"{PAGE}new/", NEW).status_code == 200


def test_the_day_of_last_use_is_noted_at_one_write_a_day(cast, django_assert_num_queries):
    token, secret = create_token(membership=cast.bob, name="script")
    ask(secret)
    token.refresh_from_db()
    assert token.last_used_on == timezone.now().date()
    with django_assert_num_queries(1):
        ask(secret)


def test_the_api_makes_lists_and_revokes_tokens(cast):
    api = cast.api(cast.bob)
    made = api.post("/api/v1/tokens/", {"name": "from a script"}, format="json")
    assert made.status_code == 201
    assert made["Cache-Control"] == "no-store"
    assert ask(made.json()["token"]).status_code == 200
    (listed,) = api.get("/api/v1/tokens/").json()["results"]
    assert listed["name"] == "from a script"
    assert "token" not in listed
    assert api.delete(made["Location"]).status_code == 204
    assert ask(made.json()["token"]).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{}", "name"),
        (r'{"name": "a\u0000b"}', "name"),
        (r'{"name": "\ud800"}', "name"),
        ('{"name": "x", "days": 1000000000000000000000}', "days"),
        ('{"name": "x", "days": "NaN"}', "days"),
        ('{"name": ["x"]}', "name"),
        ("[]", "non_field_errors"),
    ],
)
def test_the_api_names_the_bad_field(cast, body, field):
    answer = cast.api(cast.bob).post("/api/v1/tokens/", body, content_type="application/json")
    assert answer.status_code == 422
    assert field in answer.json()["error"]["fields"]
    assert not ApiToken.objects.exists()


def test_a_name_with_a_lone_surrogate_is_refused_by_the_domain_too(cast):
    with pytest.raises(DomainError):
        create_token(membership=cast.bob, name="\ud800")


def test_the_page_costs_the_same_at_one_and_at_twenty_tokens(cast):
    client, counts = cast.client(cast.bob), []
    for many in (1, MOST_TOKENS - 1):
        for number in range(many):
            create_token(membership=cast.bob, name=f"token {number}")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 5
