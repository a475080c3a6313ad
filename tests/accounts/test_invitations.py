import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.invitations import accept_as_new, invite
from accounts.models import AuditEvent, Invitation, Membership, Role, User
from core.errors import DomainError
from tests.accounts.people import add_person, events, log_in
from tests.conftest import PASSWORD

NEW = {"name": "Dora", "password": "a sentence nobody guesses"}


def send_invitation(cast, email="dora@example.org", role="annotator"):
    return cast.client(cast.alice).post("/w/acme/members/invite/", {"email": email, "role": role})


def link_in(answer) -> str:
    return re.search(r"/invite/[\w-]+/", answer.content.decode()).group()


def test_the_link_is_shown_once_and_only_its_hash_is_stored(cast):
    link = link_in(send_invitation(cast))
    secret = link.split("/")[2]
    assert secret not in str(list(Invitation.objects.values()))
    assert secret not in cast.client(cast.alice).get("/w/acme/members/").content.decode()
    assert [event.membership for event in events(AuditEvent.Kind.MEMBER_INVITED)] == [cast.alice]


def test_a_new_person_sets_name_and_password_and_is_in(cast, client):
    link = link_in(send_invitation(cast, role="reviewer"))
    assert "dora@example.org" in client.get(link).content.decode()
    answer = client.post(link, NEW)
    assert answer["Location"] == "/w/acme/"
    dora = Membership.objects.get(user__email="dora@example.org")
    assert (dora.user.name, dora.role, dora.workspace) == ("Dora", "reviewer", cast.workspace)
    assert client.get("/w/acme/me/").status_code == 200
    assert [event.membership for event in events(AuditEvent.Kind.MEMBER_JOINED)] == [dora]
    assert log_in(Client(), "dora@example.org", NEW["password"]).status_code == 302


def test_pseudonyms_are_fresh_and_tell_nothing(cast, client):
    client.post(link_in(send_invitation(cast)), NEW)
    Client().post(link_in(send_invitation(cast, "eve@example.org")), {**NEW, "name": "Eve"})
    first, second = Membership.objects.order_by("-pk")[:2]
    assert first.pseudonym != second.pseudonym
    for membership in (first, second):
        assert re.fullmatch(r"p-[2-9a-z]{10}", membership.pseudonym)


def test_a_link_works_once(cast, client):
    link = link_in(send_invitation(cast))
    client.post(link, NEW)
    assert Client().get(link).status_code == 404
    assert Client().post(link, {**NEW, "name": "Mallory"}).status_code == 404


def test_unknown_expired_and_withdrawn_links_read_the_same(cast, client):
    expired, withdrawn = link_in(send_invitation(cast)), link_in(send_invitation(cast, "eve@example.org"))
    Invitation.objects.filter(email="dora@example.org").update(expires_at=timezone.now())
    Invitation.objects.filter(email="eve@example.org").update(withdrawn_at=timezone.now())
    for link in (expired, withdrawn, "/invite/unknown/", "/invite/%F0%9F%92%A5/"):
        answer = client.get(link)
        assert answer.status_code == 404
        assert "not valid any more" in answer.content.decode()
        assert client.post(link, NEW).status_code == 404
    assert not User.objects.filter(email="dora@example.org").exists()


def test_an_admin_withdraws_an_invitation(cast, client):
    link = link_in(send_invitation(cast))
    uid = Invitation.objects.get().uid
    assert cast.client(cast.alice).post(f"/w/acme/invitations/{uid}/withdraw/").status_code == 302
    assert client.get(link).status_code == 404
    assert cast.client(cast.alice).post(f"/w/acme/invitations/{uid}/withdraw/").status_code == 404


def test_inviting_again_ends_the_older_link(cast, client):
    older, newer = link_in(send_invitation(cast)), link_in(send_invitation(cast))
    assert client.get(older).status_code == 404
    assert client.get(newer).status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("password", "short", "at least 10 characters"),
        ("password", "password123", "too common"),
        ("password", "dora@example.org", "too similar"),
        ("password", "", "required"),
        ("name", "", "required"),
        ("name", " \t ", "required"),
        ("name", "x" * 200, "at most 120"),
    ],
)
def test_a_weak_password_or_an_empty_name_is_shown_at_its_field(cast, client, field, value, complaint):
    answer = client.post(link_in(send_invitation(cast)), {**NEW, field: value})
    assert answer.status_code == 422
    assert complaint in answer.content.decode()
    assert not User.objects.filter(email="dora@example.org").exists()


def test_a_name_is_shown_escaped(cast, client):
    client.post(link_in(send_invitation(cast)), {**NEW, "name": "<script>alert(1)</script>{{7*7}}"})
    page = cast.client(cast.alice).get("/w/acme/members/").content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "{{7*7}}" in page


def test_somebody_with_an_account_logs_in_and_joins_with_one_button(cast, client):
    eve = add_person(cast.charlie.workspace, "Eve")
    link = link_in(send_invitation(cast, "EVE@example.org"))
    page = client.get(link).content.decode()
    assert f"/login/?next={link}" in page
    assert 'name="password"' not in page
    log_in(client, "eve@example.org")
    assert client.post(link)["Location"] == "/w/acme/"
    assert set(eve.user.memberships.values_list("workspace__slug", flat=True)) == {"acme", "other"}


def test_a_link_alone_does_not_open_somebodys_account(cast, client):
    add_person(cast.charlie.workspace, "Eve")
    link = link_in(send_invitation(cast, "eve@example.org"))
    assert client.post(link, {"name": "Mallory", "password": "my own long password"}).status_code == 403
    assert User.objects.get(email="eve@example.org").check_password(PASSWORD)
    assert "sessionid" not in client.cookies


def test_somebody_else_cannot_use_the_link_while_logged_in(cast):
    link = link_in(send_invitation(cast))
    charlie = cast.client(cast.charlie)
    assert "another address" in charlie.get(link).content.decode()
    assert charlie.post(link, NEW).status_code == 403
    assert Invitation.objects.get().accepted_at is None


def test_who_comes_back_keeps_the_pseudonym_and_gets_the_new_role(cast):
    dora = add_person(cast.workspace, "Dora")
    cast.client(cast.alice).post(f"/w/acme/members/{dora.uid}/deactivate/")
    link = link_in(send_invitation(cast, role="reviewer"))
    assert cast.client(dora).post(link).status_code == 302
    back = Membership.objects.get(user=dora.user)
    assert (back.pk, back.pseudonym, back.role, back.is_active) == (dora.pk, dora.pseudonym, "reviewer", True)


def test_an_active_member_is_not_invited(cast):
    answer = send_invitation(cast, "bob@example.org")
    assert answer.status_code == 409
    assert "is a member already" in answer.content.decode()
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"email": "no address", "role": "annotator"},
        {"email": "x" * 250 + "@example.org", "role": "annotator"},
        {"email": "dora@example.org", "role": "owner"},
        {"email": "dora@example.org"},
        {},
    ],
)
def test_a_bad_invitation_is_refused_with_what_was_typed(cast, values):
    answer = cast.client(cast.alice).post("/w/acme/members/invite/", values)
    assert answer.status_code == 422
    assert not Invitation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_people_sending_the_form_at_once_make_one_account(committed_cast):
    _invitation, secret = invite(actor=committed_cast.alice, email="dora@example.org", role=Role.ANNOTATOR)

    def accept(name: str) -> str:
        try:
            accept_as_new(secret=secret, name=name, password=NEW["password"])
            return "joined"
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(accept, ["Dora", "Mallory", "Trudy", "Oscar"]))
    assert outcomes == ["joined", "not_found", "not_found", "not_found"]
    assert Membership.objects.filter(user__email="dora@example.org").count() == 1


def test_an_invitation_lives_a_week(cast):
    invitation, _secret = invite(actor=cast.alice, email="dora@example.org", role=Role.ANNOTATOR)
    assert timedelta(days=6.9) < invitation.expires_at - timezone.now() < timedelta(days=7.1)


def test_invitations_to_one_address_accepted_at_the_same_moment_make_one_account(committed_cast):
    other = Membership.objects.get(pk=committed_cast.charlie.pk)
    secrets = [
        invite(actor=actor, email="dora@example.org", role=Role.ANNOTATOR)[1]
        for actor in (committed_cast.alice, other)
    ]
    barrier = threading.Barrier(2)

    def accept(secret: str) -> str:
        try:
            barrier.wait(10)
            accept_as_new(secret=secret, name="Dora", password=NEW["password"])
            return "joined"
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(accept, secrets))
    assert outcomes.count("joined") == 1
    assert set(outcomes) <= {"joined", "conflict", "login_first"}
    assert User.objects.filter(email="dora@example.org").count() == 1
