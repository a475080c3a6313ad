"""Every page, light and dark, wide and narrow: axe finds nothing, nothing scrolls sideways, the CSP holds."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from annotation.standings import accept_warning
from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.worlds import ARABIC, busy_workspace, first_task, ranking_project

pytestmark = pytest.mark.browser

LOOKS = [
    pytest.param(scheme, width, id=f"{scheme}-{width}")
    for scheme in ("light", "dark")
    for width in (1440, 390)
]
ADMIN_PAGES = (
    "workspace-home", "pipeline", "rules", "projects", "project-new", "datasets", "runs", "models", "jobs",
    "members", "audit", "tokens", "me", "my-work", "consent",
)  # fmt: skip


def findings(page: Page) -> list[str]:
    """What axe says of the page as it stands, one line a finding."""
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    # Between light and dark only the colours differ.
    options: dict[str, object] = {"preload": False}  # which would copy style sheets into the page
    if dark:
        options["runOnly"] = {"type": "rule", "values": ["color-contrast"]}
    violations = Axe().run(page, options=options).response["violations"]
    return [
        f"{page.url}: {rule['id']}: {node['html'][:160]}" for rule in violations for node in rule["nodes"]
    ]


def sideways(page: Page) -> list[str]:
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [f"{page.url} is {overflow} px too wide"] if overflow > 0 else []


def look_at(page: Page, address: str) -> list[str]:
    response = page.goto(address)
    assert response is not None and response.status == 200, (address, response and response.status)
    return findings(page) + sideways(page)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_login_page_is_open_to_everybody(scheme: str, width: int, visit: Visit) -> None:
    page = visit(scheme=scheme, width=width)
    assert look_at(page, "/login/") == []


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_ranking_page_is_open_to_everybody(
    scheme: str, width: int, committed_cast: Cast, visit: Visit
) -> None:
    project = ranking_project(committed_cast, prompt=ARABIC, content_warning="May hurt.")
    accept_warning(membership=committed_cast.bob, project=project)
    page = visit(committed_cast.bob, scheme=scheme, width=width)
    found = look_at(page, first_task(committed_cast.bob, project))
    expect(page.locator("#task[data-ready]")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("2")
    found += findings(page) + sideways(page)
    page.keyboard.press("?")
    assert found + findings(page) == []


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_pages_of_an_admin_are_open_to_everybody(
    scheme: str, width: int, committed_cast: Cast, visit: Visit, tmp_path: Path
) -> None:
    addresses = busy_workspace(committed_cast, tmp_path).values()
    page = visit(committed_cast.alice, scheme=scheme, width=width)
    lists = [reverse(name, args=["acme"]) for name in ADMIN_PAGES]
    lists.append(reverse("run-new", args=["acme", "ppo"]))
    assert [line for address in (*addresses, *lists) for line in look_at(page, address)] == []


def test_empty_pages_are_open_to_everybody_too(committed_cast: Cast, visit: Visit) -> None:
    page = visit(committed_cast.alice, width=390)
    lists = [reverse(name, args=["acme"]) for name in ADMIN_PAGES]
    assert [line for address in lists for line in look_at(page, address)] == []


def test_arabic_starts_on_the_right(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast, prompt=ARABIC)
    page = visit(committed_cast.bob)
    page.goto(first_task(committed_cast.bob, project))
    prompt = page.locator(".turn .rendered").last
    assert prompt.evaluate("(element) => getComputedStyle(element).direction") == "rtl"
    assert (
        page.locator(".candidate .rendered").first.evaluate("(e) => getComputedStyle(e).direction") == "ltr"
    )


def test_the_theme_can_be_chosen_and_stays(committed_cast: Cast, visit: Visit) -> None:
    page = visit(committed_cast.bob)
    page.goto("/w/acme/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Menu of Bob").click()
    page.get_by_role("button", name="Dark").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_everything_on_a_phone_is_behind_the_menu(committed_cast: Cast, visit: Visit) -> None:
    page = visit(committed_cast.alice, width=390, height=844)
    page.goto("/w/acme/")
    page.get_by_role("button", name="Menu", exact=True).click()
    page.locator("#site-menu").get_by_role("link", name="Members").click()
    expect(page).to_have_url(f"{page.url.split('/w/')[0]}/w/acme/members/")
