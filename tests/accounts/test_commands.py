import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import AuditEvent, Membership, User, Workspace
from tests.accounts.people import log_in


def run(*arguments: str) -> dict[str, str]:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return json.loads(out.getvalue())


def add(*more: str, name: str = "Dora", role: str = "annotator") -> dict[str, str]:
    return run("add_user", name, "--workspace", "acme", "--role", role, *more)


def test_a_workspace_is_made_with_a_short_name_from_its_name(db):
    assert run("add_workspace", "Müller & Söhne") == {"workspace": "muller-sohne", "name": "Müller & Söhne"}
    assert run("add_workspace", "数据", "--slug", "data")["workspace"] == "data"


@pytest.mark.parametrize(
    "arguments", [("Acme",), ("数据",), ("X", "--slug", "a b"), ("X", "--slug", "A"), ("",), ("a\x00b",)]
)
def test_a_workspace_that_cannot_be_is_refused_in_a_sentence(cast, arguments):
    with pytest.raises(CommandError):
        run("add_workspace", *arguments)
    assert Workspace.objects.count() == 2


def test_a_person_gets_a_random_password_that_works(cast):
    made = add()
    assert made["email"] == "dora@acme.local"
    assert len(made["password"]) >= 12
    assert log_in(Client(), made["email"], made["password"]).status_code == 302
    assert Membership.objects.get(user__email=made["email"]).pseudonym == made["pseudonym"]
    assert "token" not in made


def test_a_password_comes_from_a_files_first_line(cast, tmp_path):
    file = tmp_path / "password"
    file.write_text("a sentence nobody guesses\n")
    made = add("--password-file", str(file), "--email", "Dora@Example.org")
    assert made["password"] == "a sentence nobody guesses"
    assert User.objects.get(email="dora@example.org").check_password(made["password"])


def test_a_token_is_made_on_demand(cast):
    made = add("--token", role="admin")
    answer = Client().get("/api/v1/me/", headers={"Authorization": f"Token {made['token']}"})
    assert answer.json()["role"] == "admin"


def test_a_known_person_joins_another_workspace_and_keeps_the_password(cast):
    made = run("add_user", "Bob", "--workspace", "other", "--role", "reviewer", "--email", "bob@example.org")
    assert "password" not in made
    assert cast.bob.user.memberships.count() == 2


@pytest.mark.parametrize(
    "more",
    [
        ("--email", "bob@example.org"),
        ("--email", "no address"),
        ("--workspace", "nothing"),
        ("--role", "owner"),
        ("--password-file", "/nothing/there"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(cast, more):
    with pytest.raises(CommandError):
        add(*more)
    assert User.objects.count() == 4
    assert Membership.objects.count() == 4


@pytest.mark.parametrize(("content", "complaint"), [("", "empty"), ("short", "at least 10")])
def test_a_bad_password_file_is_named(cast, tmp_path, content, complaint):
    file = tmp_path / "password"
    file.write_text(content)
    with pytest.raises(CommandError, match=complaint):
        add("--password-file", str(file))
    assert User.objects.count() == 4


def test_a_lost_password_is_replaced_and_every_session_ends(cast, client):
    dora = add()
    log_in(client, dora["email"], dora["password"])
    made = run("set_password", "Dora@Acme.local")
    assert client.get("/w/acme/me/").status_code == 302
    assert log_in(Client(), dora["email"], dora["password"]).status_code == 422
    assert log_in(Client(), made["email"], made["password"]).status_code == 302
    (event,) = AuditEvent.objects.filter(kind="password_changed")
    assert event.detail == {"by": "command"}
    assert made["password"] not in str(AuditEvent.objects.values())


@pytest.mark.parametrize("email", ["nobody@example.org", "no address"])
def test_a_password_for_nobody_is_refused(cast, email):
    with pytest.raises(CommandError):
        run("set_password", email)
