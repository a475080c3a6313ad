import pytest
from django.test import Client

from accounts.models import Membership, Role
from accounts.tokens import create_token

ME = "/api/v1/me/"


def browser(membership: Membership) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(membership.user)
    return client


def test_the_callers_answer_names_person_workspace_and_role(cast):
    _token, secret = create_token(membership=cast.rita, name="script")
    body = Client().get(ME, headers={"Authorization": f"Token {secret}"}).json()
    assert body["person"]["email"] == "rita@example.org"
    assert body["workspace"]["slug"] == "acme"
    assert (body["role"], body["pseudonym"]) == ("reviewer", cast.rita.pseudonym)
    assert "password" not in str(body)
    assert "id" not in body


def test_without_credentials_it_is_401_with_a_challenge(client, db):
    answer = client.get(ME)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token")
    assert set(answer.json()["error"]) == {"code", "message", "fields"}


def test_the_browsers_session_reads_without_and_writes_with_the_csrf_token(cast):
    bob = browser(cast.bob)
    assert bob.get(ME).status_code == 200
    body = {"name": "x"}
    refused = bob.post("/api/v1/tokens/", body, content_type="application/json")
    assert refused.status_code == 403
    assert not cast.bob.tokens.exists()
    bob.get("/w/acme/me/")
    token = bob.cookies["csrftoken"].value
    wrong = {"X-CSRFToken": "x" * 32}
    assert bob.post("/api/v1/tokens/", body, "application/json", headers=wrong).status_code == 403
    evil = {"X-CSRFToken": token, "Origin": "https://evil.example"}
    assert bob.post("/api/v1/tokens/", body, "application/json", headers=evil).status_code == 403
    right = {"X-CSRFToken": token}
    assert bob.post("/api/v1/tokens/", body, "application/json", headers=right).status_code == 201
    own = cast.bob.tokens.get()
    assert bob.delete(f"/api/v1/tokens/{own.uid}/").status_code == 403
    assert bob.delete(f"/api/v1/tokens/{own.uid}/", headers=right).status_code == 204


def test_a_token_needs_no_csrf_token(cast):
    _token, secret = create_token(membership=cast.bob, name="script")
    client = Client(enforce_csrf_checks=True)
    header = {"Authorization": f"Token {secret}", "Origin": "https://evil.example"}
    answer = client.post("/api/v1/tokens/", {"name": "x"}, "application/json", headers=header)
    assert answer.status_code == 201
    assert not any(name.lower().startswith("access-control") for name in answer.headers)


def test_json_in_disguise_is_not_read(cast):
    answer = cast.api(cast.bob).post("/api/v1/tokens/", '{"name": "x"}', content_type="text/plain")
    assert answer.status_code == 415
    assert not cast.bob.tokens.exists()


def test_malformed_json_is_a_400(cast):
    for body in ("{", "[" * 100_000, b"\xff\xfe{", " ", '{"name": NaN}', '{"days": ' + "9" * 100_000 + "}"):
        answer = cast.api(cast.bob).post("/api/v1/tokens/", body, content_type="application/json")
        assert answer.status_code == 400, body[:20]
        assert answer.json()["error"]["code"] == "unreadable"
    assert not cast.bob.tokens.exists()


def test_a_session_with_several_workspaces_names_one(cast):
    there = cast.charlie.workspace.memberships.create(
        user=cast.bob.user, role=Role.REVIEWER, pseudonym="p-there"
    )
    bob = browser(cast.bob)
    answer = bob.get(ME)
    assert answer.status_code == 400
    assert "X-Workspace" in answer.json()["error"]["fields"]
    assert bob.get(ME, headers={"X-Workspace": "acme"}).json()["membership"] == str(cast.bob.uid)
    assert bob.get(ME, headers={"X-Workspace": "other"}).json()["membership"] == str(there.uid)


@pytest.mark.parametrize("slug", ["other", "nothing", "a\x00b", "é"])
def test_a_workspace_that_one_does_not_belong_to_is_not_found(cast, slug):
    assert browser(cast.bob).get(ME, headers={"X-Workspace": slug}).status_code == 404


def test_the_session_of_a_removed_member_is_refused(cast):
    bob = browser(cast.bob)
    Membership.objects.filter(pk=cast.bob.pk).update(is_active=False)
    assert bob.get(ME).status_code == 401
    assert bob.get(ME, headers={"X-Workspace": "acme"}).status_code == 404


def test_admins_list_members_by_cursor_and_others_do_not(cast):
    answer = cast.api(cast.alice).get("/api/v1/members/").json()
    assert {member["name"] for member in answer["results"]} == {"Alice", "Bob", "Rita"}
    assert answer["next"] is None
    assert "id" not in answer["results"][0]
    assert cast.api(cast.rita).get("/api/v1/members/").status_code == 403


def test_no_browsable_api_is_served(cast):
    answer = cast.client(cast.bob).get(ME, headers={"Accept": "text/html"})
    assert answer.status_code in {200, 406}
    assert answer["Content-Type"] == "application/json"


def test_a_body_over_the_limit_is_a_413(cast, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = '{"name": "' + "x" * 1000 + '"}'
    answer = cast.api(cast.bob).post("/api/v1/tokens/", body, content_type="application/json")
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
