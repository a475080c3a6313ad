from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.invitations import invite
from accounts.members import change_role, deactivate
from accounts.models import AuditEvent, Membership, Role
from accounts.tokens import create_token
from core.errors import DomainError
from tests.accounts.people import add_person, events


def set_role(cast, actor, target, role):
    return cast.client(actor).post(f"/w/acme/members/{target.uid}/role/", {"role": role})


def remove(cast, actor, target):
    return cast.client(actor).post(f"/w/acme/members/{target.uid}/deactivate/")


def role_of(membership: Membership) -> str:
    return Membership.objects.get(pk=membership.pk).role


def test_an_admin_changes_a_role_and_the_audit_says_from_what_to_what(cast):
    assert set_role(cast, cast.alice, cast.bob, "reviewer").status_code == 302
    assert role_of(cast.bob) == "reviewer"
    (event,) = events(AuditEvent.Kind.ROLE_CHANGED)
    assert event.membership == cast.alice
    assert event.object_uid == cast.bob.uid
    assert event.detail == {"before": "annotator", "after": "reviewer"}


def test_giving_the_same_role_again_is_no_event(cast):
    set_role(cast, cast.alice, cast.bob, "annotator")
    assert events(AuditEvent.Kind.ROLE_CHANGED) == []


@pytest.mark.parametrize("actor", ["bob", "rita"])
def test_nobody_raises_himself(cast, actor):
    person = getattr(cast, actor)
    before = person.role
    assert set_role(cast, person, person, "admin").status_code == 403
    assert role_of(person) == before


def test_an_unknown_role_is_refused(cast):
    assert set_role(cast, cast.alice, cast.bob, "owner").status_code == 422
    assert set_role(cast, cast.alice, cast.bob, "").status_code == 422
    assert role_of(cast.bob) == "annotator"


def test_the_last_admin_is_neither_demoted_nor_removed(cast):
    answer = set_role(cast, cast.alice, cast.alice, "annotator")
    assert answer.status_code == 409
    assert "last admin" in answer.content.decode()
    assert remove(cast, cast.alice, cast.alice).status_code == 409
    assert role_of(cast.alice) == "admin"
    assert events(AuditEvent.Kind.ROLE_CHANGED) == events(AuditEvent.Kind.MEMBER_REMOVED) == []


def test_an_admin_whose_account_is_closed_does_not_count_as_another_admin(cast):
    cast.rita.role = Role.ADMIN
    cast.rita.save()
    cast.rita.user.is_active = False
    cast.rita.user.save()
    assert set_role(cast, cast.alice, cast.alice, "annotator").status_code == 409


def test_one_of_two_admins_may_step_back(cast):
    set_role(cast, cast.alice, cast.rita, "admin")
    assert set_role(cast, cast.alice, cast.alice, "annotator").status_code == 302
    assert cast.client(cast.alice).get("/w/acme/members/").status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_two_admins_removing_each_other_leave_one(committed_cast, attempt):
    cast = committed_cast
    rita = change_role(actor=cast.alice, uid=cast.rita.uid, role="admin")

    def act(pair) -> str:
        actor, target = pair
        try:
            if attempt % 2:
                change_role(actor=actor, uid=target.uid, role="annotator")
            else:
                deactivate(actor=actor, uid=target.uid)
            return "done"
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(act, [(cast.alice, rita), (rita, cast.alice)]))
    assert outcomes.count("done") == 1
    assert Membership.objects.filter(workspace=cast.workspace, role="admin", is_active=True).count() == 1


def test_a_removed_member_loses_access_with_the_next_request(cast):
    bob = cast.client(cast.bob)
    _token, secret = create_token(membership=cast.bob, name="script")
    header = {"Authorization": f"Token {secret}"}
    assert bob.get("/w/acme/me/").status_code == 200
    assert bob.get("/api/v1/me/", headers=header).status_code == 200
    assert remove(cast, cast.alice, cast.bob).status_code == 302
    assert bob.get("/w/acme/me/").status_code == 404
    assert bob.get("/api/v1/me/").status_code == 401
    assert bob.get("/api/v1/me/", headers=header).status_code == 401
    (event,) = events(AuditEvent.Kind.MEMBER_REMOVED)
    assert event.detail == {"role": "annotator", "tokens_revoked": 1}


def test_coming_back_revives_no_token(cast):
    _token, secret = create_token(membership=cast.bob, name="script")
    remove(cast, cast.alice, cast.bob)
    Membership.objects.filter(pk=cast.bob.pk).update(is_active=True)
    answer = cast.client(cast.bob).get("/api/v1/me/", headers={"Authorization": f"Token {secret}"})
    assert answer.status_code == 401


def test_a_closed_account_loses_every_session_and_token_at_once(cast):
    bob = cast.client(cast.bob)
    _token, secret = create_token(membership=cast.bob, name="script")
    cast.bob.user.is_active = False
    cast.bob.user.save()
    assert bob.get("/w/acme/me/").status_code == 302
    header = {"Authorization": f"Token {secret}"}
    assert cast.client(cast.bob).get("/api/v1/me/", headers=header).status_code == 401


def test_a_removed_member_is_listed_as_such_and_cannot_be_changed(cast):
    remove(cast, cast.alice, cast.bob)
    assert "removed" in cast.client(cast.alice).get("/w/acme/members/").content.decode()
    assert set_role(cast, cast.alice, cast.bob, "admin").status_code == 404
    assert remove(cast, cast.alice, cast.bob).status_code == 404


def test_another_workspaces_member_does_not_exist(cast):
    assert set_role(cast, cast.alice, cast.charlie, "annotator").status_code == 404
    assert remove(cast, cast.alice, cast.charlie).status_code == 404
    assert role_of(cast.charlie) == "admin"


def test_an_admin_who_was_demoted_meanwhile_changes_nothing(cast):
    stale = cast.rita
    stale.role = Role.ADMIN
    with pytest.raises(DomainError) as refusal:
        change_role(actor=stale, uid=cast.bob.uid, role="admin")
    assert refusal.value.status == 403


def test_the_list_costs_the_same_at_ten_and_at_a_hundred_members(cast):
    counts = []
    for many in (10, 100):
        for number in range(many):
            add_person(cast.workspace, f"Person{many}x{number}")
        client = cast.client(cast.alice)
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/w/acme/members/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


def test_the_list_pages_by_cursor(cast):
    for number in range(100):
        add_person(cast.workspace, f"Person{number}")
    client = cast.client(cast.alice)
    first = client.get("/w/acme/members/")
    rest = client.get("/w/acme/members/", {"before": first.context["page"].next_cursor})
    shown = [member.pk for page in (first, rest) for member in page.context["page"].rows]
    assert len(shown) == len(set(shown)) == 103


@pytest.mark.parametrize("change", ["removed", "demoted"])
def test_who_is_no_admin_any_more_cannot_come_back_by_an_invitation_made_before(cast, client, change):
    Membership.objects.filter(pk=cast.rita.pk).update(role="admin")
    cast.rita.refresh_from_db()
    _own, own_secret = invite(actor=cast.rita, email="rita.again@example.org", role="admin")
    _other, kept_secret = invite(actor=cast.alice, email="dora@example.org", role="annotator")
    if change == "removed":
        remove(cast, cast.alice, cast.rita)
    else:
        set_role(cast, cast.alice, cast.rita, "annotator")
    assert client.get(f"/invite/{own_secret}/").status_code == 404
    assert client.get(f"/invite/{kept_secret}/").status_code == 200
