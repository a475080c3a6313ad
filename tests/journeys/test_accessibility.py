"""Busy and empty pages and the ranking page, light and dark, wide and narrow (others: test_every_page)."""

from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation.standings import accept_warning
from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.looking import LOOKS, findings, in_every_look, look_at, sideways
from tests.journeys.worlds import ARABIC, busy_workspace, first_task, ranking_project

pytestmark = pytest.mark.browser

ADMIN_PAGES = (
    "workspace-home", "pipeline", "rules", "projects", "project-new", "datasets", "runs", "models", "jobs",
    "members", "audit", "tokens", "me", "my-work", "consent",
)  # fmt: skip


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


def test_the_pages_of_a_busy_workspace_are_open_to_everybody(
    committed_cast: Cast, visit: Visit, tmp_path: Path
) -> None:
    addresses = busy_workspace(committed_cast, tmp_path).values()
    page = visit(committed_cast.alice)
    found = [line for address in addresses for line in in_every_look(page, address)]
    assert not found, "\n".join(found)


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
