"""The frame in a real browser: the command palette, keys that lead to pages, the styleguide."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.looking import findings, sideways
from tests.journeys.ranking import open_ready
from tests.journeys.site import Site
from tests.journeys.worlds import first_task, ranking_project

pytestmark = pytest.mark.browser


def opened(page: Page) -> Locator:
    """The field of the palette, once its first answer is there."""
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-list")).to_be_visible()
    return page.get_by_role("combobox", name="Search everywhere")


def chosen(page: Page) -> Locator:
    return page.locator("#palette [role=option][aria-selected=true]")


def test_a_project_is_opened_from_a_text_field_by_keys_only(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.alice)
    page.goto("/w/acme/projects/new/")
    page.get_by_label("Name").focus()
    field = opened(page)
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    expect(page.get_by_label("Name")).to_be_focused()
    field = opened(page)
    page.keyboard.type("helpf")
    expect(chosen(page)).to_contain_text("Helpfulness")
    expect(page.locator("#palette [role=status]")).to_have_text("1 result")
    expect(field).to_have_attribute("aria-activedescendant", "palette-projects-1")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/projects/{project.uid}/")


def test_arrows_walk_round_and_enter_waits_for_what_was_typed(committed_cast: Cast, visit: Visit) -> None:
    page = visit(committed_cast.rita)
    page.goto("/w/acme/")
    opened(page)
    expect(chosen(page)).to_contain_text("Home")
    page.keyboard.press("ArrowDown")
    expect(chosen(page)).to_contain_text("My work")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(chosen(page)).to_contain_text("Use the theme of the system")
    # No answer to this can be there yet: the first result of the old list must not be opened.
    page.keyboard.type("datasets")
    page.keyboard.press("Enter")
    page.wait_for_url("**/w/acme/datasets/")


def test_nothing_is_fetched_before_it_opens_and_a_task_stays_as_it_is(
    committed_cast: Cast, visit: Visit
) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    loaded = (
        "performance.getEntriesByType('resource').filter(entry => /palette|search/.test(entry.name)).length"
    )
    before = page.evaluate(loaded)
    opened(page)
    assert page.evaluate(loaded) > before
    assert before == 1, "the sheet of colours only"
    page.keyboard.type("12")
    expect(page.locator("#palette")).to_contain_text("Nothing is called")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_hidden()
    expect(page.locator("[data-placed] li")).to_have_count(0)
    opened(page)
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    expect(page.locator("#palette [role=combobox]")).not_to_be_focused()


def test_a_lost_server_is_told_and_the_next_letter_asks_again(
    committed_cast: Cast, visit: Visit, site: Site
) -> None:
    page = visit(committed_cast.bob)
    page.goto("/w/acme/")
    opened(page)
    site.stop()
    page.keyboard.type("pro")
    expect(page.locator("#palette")).to_contain_text("The server does not answer")
    site.start()
    page.keyboard.type("j")
    expect(chosen(page)).to_contain_text("Projects")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_it_is_open_to_everybody_and_sets_the_theme(
    scheme: str, width: int, committed_cast: Cast, visit: Visit
) -> None:
    ranking_project(committed_cast, name="<img src=x onerror=alert(1)> كم من الوقت يمكنني الاحتفاظ بالعسل؟")
    page = visit(committed_cast.alice, scheme=scheme, width=width, height=844)
    page.goto("/w/acme/members/")
    page.get_by_role("link", name="Search").click()
    expect(page.locator("#palette-list")).to_be_visible()
    expect(page.locator("#palette-projects-1")).to_contain_text("<img src=x")
    assert findings(page) + sideways(page) == []
    page.keyboard.type("light theme")
    expect(chosen(page)).to_have_text("Use the light theme")
    page.keyboard.press("Enter")
    expect(page.locator("#palette")).to_be_hidden()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_without_javascript_the_search_is_a_page(committed_cast: Cast, visit: Visit) -> None:
    page = visit(committed_cast.alice, javascript=False)
    page.goto("/w/acme/")
    page.get_by_role("link", name="Search").click()
    page.get_by_label("Search for").fill("members")
    page.get_by_role("button", name="Search").click()
    page.locator("main").get_by_role("link", name="Members").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Members")


def test_g_and_a_letter_lead_to_a_page_unless_single_keys_are_off(committed_cast: Cast, visit: Visit) -> None:
    page = visit(committed_cast.bob)
    page.goto("/w/acme/")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/w/acme/projects/")
    expect(page.locator("#site-menu [aria-current=page]")).to_contain_text("Projects")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys.get_by_role("heading", level=3)).to_have_text(["Everywhere", "Go to"])
    page.keyboard.press("Escape")
    committed_cast.bob.user.single_key_shortcuts = False
    committed_cast.bob.user.save()
    page.goto("/w/acme/projects/")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.keyboard.press("?")
    expect(keys).to_be_hidden()
    opened(page)
    assert page.url.endswith("/w/acme/projects/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("contrast", ["no-preference", "more"])
def test_every_pair_of_colours_has_the_contrast_it_needs(
    scheme: str, contrast: str, committed_cast: Cast, visit: Visit
) -> None:
    page = visit(committed_cast.alice, scheme=scheme, contrast=contrast, width=390)
    page.goto("/w/acme/styleguide/")
    verdicts = page.locator("[data-verdict]").all_inner_texts()
    assert len(verdicts) > 15 and {text.casefold() for text in verdicts} == {"enough"}, verdicts
    assert sideways(page) == []


def test_a_toast_stays_while_it_is_read_and_can_be_undone(committed_cast: Cast, visit: Visit) -> None:
    page = visit(committed_cast.alice)
    page.goto("/w/acme/styleguide/")
    page.clock.install()
    page.get_by_role("button", name="Show a toast").click()
    toast = page.locator("#toasts .toast", has_text="Skipped.")
    toast.hover()
    page.clock.run_for(60_000)
    expect(toast).to_be_visible()
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_have_text("It is back.")
    page.mouse.move(0, 0)
    page.clock.run_for(60_000)
    expect(page.locator("#toasts .toast")).to_have_count(0)
