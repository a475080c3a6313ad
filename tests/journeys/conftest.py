"""A real Chromium against a real server. Every page also proves that the CSP and the scripts hold."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import Client, override_settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from accounts.models import Membership
from tests.journeys.site import Site

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STORAGE = "core.staticfiles.StaticStorage"
Visit = Callable[..., Page]


def chromium_path() -> str:
    named = os.environ.get("ANNOTERA_CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = named or next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        pytest.fail(
            "Chromium is missing: install it (Debian: apt-get install chromium) or set ANNOTERA_CHROMIUM."
        )
    return found


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    # The driver keeps an event loop in this thread, which Django would take for asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static files as an installation delivers them: hashed names, compressed."""
    folder = tmp_path_factory.mktemp("static")
    storages = {**django_settings.STORAGES, "staticfiles": {"BACKEND": STORAGE}}
    with override_settings(STATIC_ROOT=folder, STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


@pytest.fixture
def site(transactional_db: None, own_storage: Path, settings, collected: Path) -> Iterator[Site]:
    settings.STATIC_ROOT = collected
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": STORAGE}}
    settings.ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
    running = Site()
    yield running
    running.stop()


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Visit]:
    """visit(cast.bob, width=390, scheme="dark", javascript=False) -> a page of a fresh browser profile.

    At the end the test fails for any breach of the CSP and any error in a script.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(
        membership: Membership | None = None,
        *,
        width: int = 1440,
        height: int = 900,
        scheme: str = "light",
        javascript: bool = True,
        **options: object,
    ) -> Page:
        context = chromium.new_context(
            base_url=site.url,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=javascript,
            **options,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        if membership is not None:
            log_in(context, membership, site)
        page = context.new_page()
        page.on("console", lambda message: _note(complaints, message.text))
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _note(complaints: list[str], text: str) -> None:
    if "Content Security Policy" in text:
        complaints.append(text)


def log_in(context: BrowserContext, membership: Membership, site: Site) -> None:
    """The session of a person, without the login form (which has its own test)."""
    client = Client()
    client.force_login(membership.user)
    value = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": value, "url": site.url}])


@pytest.fixture
def page(visit: Visit) -> Page:
    """A page without a person."""
    return visit()
