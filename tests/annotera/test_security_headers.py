"""What every answer carries, and what the settings refuse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from annotera.embedded.home import secret
from tests.accounts.people import add_person, log_in

ROOT = Path(__file__).resolve().parents[2]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}
PAGES = (
    "/login/",
    "/nothing/",
    "/w/acme/",
    "/w/acme/members/",
    "/w/acme/me/",
    "/w/acme/audit/",
    "/api/v1/me/",
)


def policy_of(answer) -> dict[str, str]:
    directives = (part.strip().partition(" ") for part in answer["Content-Security-Policy"].split(";"))
    return {name: values for name, _space, values in directives if name}


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_carries_the_strict_policy_and_the_other_headers(cast, path):
    answer = cast.client(cast.alice).get(path)
    assert policy_of(answer) == POLICY
    assert "Content-Security-Policy-Report-Only" not in answer
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer
    assert "Server" not in answer


@pytest.mark.parametrize("path", PAGES[:-1])
def test_no_page_has_code_or_style_inline(cast, path):
    page = cast.client(cast.alice).get(path).content.decode().lower()
    for inline in ("<style", " style=", "javascript:", " onclick=", " onload=", "hx-on", "<script>"):
        assert inline not in page
    assert page.count("<script") == page.count('<script type="module" src=')


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(cast, client):
    client.get("/login/")
    assert client.cookies["csrftoken"]["samesite"] == "Lax"
    answer = log_in(client, add_person(cast.workspace, "Dora").user.email)
    session = answer.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
    assert int(session["max-age"]) <= 12 * 3600
    assert not session["secure"]


def test_cookies_of_an_installation_with_https_never_leave_it(cast, client, settings):
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    answer = log_in(client, add_person(cast.workspace, "Dora").user.email)
    assert answer.cookies["sessionid"]["secure"]
    assert answer.cookies["csrftoken"]["secure"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "testserver.evil.example"},
        {"Host": "testserver:80:80"},
        {"Host": "a b"},
        {"Host": ""},
    ],
)
def test_a_foreign_host_is_refused_on_every_kind_of_address(cast, settings, headers):
    settings.ALLOWED_HOSTS = ["testserver"]
    for path in ("/login/", "/w/acme/me/", "/api/v1/me/"):
        answer = cast.client(cast.alice).get(path, headers=headers)
        assert answer.status_code == 400
        assert "evil" not in answer.content.decode()


def test_a_forwarded_host_is_not_believed(cast):
    link = cast.client(cast.alice).post(
        "/w/acme/members/invite/",
        {"email": "dora@example.org", "role": "annotator"},
        headers={"X-Forwarded-Host": "evil.example"},
    )
    assert "http://testserver/invite/" in link.content.decode()
    assert "evil.example" not in link.content.decode()


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_form_from_elsewhere_is_refused(cast, origin):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice.user)
    client.get("/w/acme/me/")
    values = {"name": "x", "days": "9", "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    answer = client.post("/w/acme/tokens/new/", values, headers={"Origin": origin})
    assert answer.status_code == 403
    assert not cast.alice.tokens.exists()


@pytest.mark.parametrize("parameter", ["next", "before", "kind", "q", "after"])
@pytest.mark.parametrize("path", PAGES[:-1])
def test_a_parameter_is_never_echoed_unescaped(cast, path, parameter):
    hostile = '"><script>alert(1)</script>'
    answer = cast.client(cast.alice).get(path, {parameter: hostile})
    assert "<script>alert" not in answer.content.decode()
    assert answer.status_code < 500


PRODUCTION = {
    "ANNOTERA_PRODUCTION": "1",
    "SECRET_KEY": "k9" * 12 + "Zq-_" * 12,
    "ALLOWED_HOSTS": "annotera.example.org",
    "DATABASE_URL": "postgresql://user:hunter2@127.0.0.1:1/annotera",
    "BROKER_URL": "redis://127.0.0.1:1/0",
}


def check_deploy(tmp_path: Path, **changed: str | None) -> subprocess.CompletedProcess[str]:
    """`manage.py check --deploy` in an environment that has nothing but the production's variables."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    values = {**PRODUCTION, "ANNOTERA_HOME": str(tmp_path), **changed}
    environment = {**kept, **{name: value for name, value in values.items() if value is not None}}
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_production_settings_pass_djangos_own_check(tmp_path):
    done = check_deploy(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", None),
        ("SECRET_KEY", "short"),
        ("ALLOWED_HOSTS", None),
        ("ALLOWED_HOSTS", " , "),
        ("DATABASE_URL", None),
        ("DATABASE_URL", "sqlite:///db.sqlite3"),
        ("BROKER_URL", None),
        ("ANNOTERA_DEBUG", "1"),
        ("ANNOTERA_DATABASE_POOL", "many"),
        ("ANNOTERA_PRODUCTION", "perhaps"),
    ],
)
def test_production_refuses_to_start_and_names_the_variable(tmp_path, name, value):
    done = check_deploy(tmp_path, **{name: value})
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert name in last
    assert "hunter2" not in done.stderr


def test_two_installations_have_different_secrets_readable_by_their_owner_only(tmp_path):
    first, second = (secret(tmp_path / name, "django") for name in ("one", "two"))
    assert first != second
    assert len(first) >= 48
    assert secret(tmp_path / "one", "django") == first
    assert (tmp_path / "one" / "secrets" / "django").stat().st_mode & 0o077 == 0
