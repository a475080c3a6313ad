import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from accounts.access import membership_for, require_role
from accounts.models import Membership, Role
from core.errors import Denied, NotFound

PAGE = "/w/acme/members/"
FRAGMENT = {"HX-Request": "true"}


def test_a_membership_is_found_by_person_and_workspace_in_one_query(cast, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = membership_for(user=cast.bob.user, slug="acme")
        assert (found.workspace.slug, found.user.name) == ("acme", "Bob")


@pytest.mark.parametrize("slug", ["other", "nothing", ""])
def test_no_membership_is_not_found(cast, slug):
    with pytest.raises(NotFound):
        membership_for(user=cast.bob.user, slug=slug)


def test_an_ended_membership_a_closed_account_and_a_stranger_are_not_found(cast):
    Membership.objects.filter(pk=cast.bob.pk).update(is_active=False)
    cast.rita.user.is_active = False
    cast.rita.user.save()
    for user in (cast.bob.user, cast.rita.user, AnonymousUser()):
        with pytest.raises(NotFound):
            membership_for(user=user, slug="acme")


@pytest.mark.parametrize(
    ("person", "may"),
    [("bob", {Role.ANNOTATOR}), ("rita", {Role.ANNOTATOR, Role.REVIEWER}), ("alice", set(Role))],
)
def test_each_role_may_what_the_lower_ones_may(cast, person, may):
    for role in Role:
        if role in may:
            require_role(getattr(cast, person), role)
            continue
        with pytest.raises(Denied, match=str(role.label)):
            require_role(getattr(cast, person), role)


def test_a_page_sends_the_anonymous_to_the_login_and_back(client, db):
    answer = client.get(f"{PAGE}?before=abc")
    assert answer["Location"] == "/login/?next=%2Fw%2Facme%2Fmembers%2F%3Fbefore%3Dabc"


def test_a_workspace_that_does_not_exist_looks_the_same_to_the_anonymous(client, cast):
    assert client.get("/w/acme/").status_code == client.get("/w/nothing/").status_code == 302


def test_a_fragment_is_told_to_go_to_the_login_without_losing_the_page(client, db):
    headers = {**FRAGMENT, "HX-Current-URL": "http://testserver/w/acme/assignments/1/?draft=2"}
    answer = client.post("/w/acme/tokens/new/", headers=headers)
    assert answer.status_code == 401
    assert answer.content == b""
    assert answer["HX-Redirect"] == "/login/?next=%2Fw%2Facme%2Fassignments%2F1%2F%3Fdraft%3D2"


def test_a_forged_current_address_leads_nowhere_else(client, db):
    headers = {**FRAGMENT, "HX-Current-URL": "https://evil.example//evil.example/x"}
    target = client.post("/w/acme/tokens/new/", headers=headers)["HX-Redirect"]
    assert "evil" not in client.get(target).content.decode()


def test_a_wrong_role_in_a_fragment_is_a_notice(cast):
    answer = cast.client(cast.bob).get(PAGE, headers=FRAGMENT)
    assert answer.status_code == 403
    assert answer["HX-Retarget"] == "#notices"
    assert "admin" in answer.content.decode()


def test_a_lost_session_during_a_post_does_not_come_back_to_an_address_that_needs_a_post(db):
    assert Client().post("/w/acme/tokens/new/")["Location"] == "/login/?next=%2F"
