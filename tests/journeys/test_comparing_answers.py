"""Reading answers against each other: word by word, scrolling together, beside or below each other."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from annotation.models import Project, TaskBody
from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.looking import findings, sideways
from tests.journeys.ranking import open_ready, press
from tests.journeys.site import Site
from tests.journeys.worlds import first_task, ranking_project

pytestmark = pytest.mark.browser
SMALLER_THAN_A_THUMB = """() => {
    const pressed = [...document.querySelectorAll("#task :is(button, .scale label, .all-bad, .choice)")];
    return pressed
        .filter((one) => one.checkVisibility() && !one.closest("[popover]:not(:popover-open)"))
        .map((one) => [one.className || one.textContent.trim(), one.getBoundingClientRect()])
        .filter(([, { width, height }]) => Math.min(width, height) < 44)
        .map(([name, { width, height }]) => `${name}: ${width} x ${height}`);
}"""
STORY = "Once upon a time there was a jar of honey in a dark place.\n\n" * 40


def project_with(cast: Cast, *texts: str) -> Project:
    project = ranking_project(cast, tasks=2, candidates=len(texts))
    for body in TaskBody.objects.filter(task__project=project):
        for message, text in zip(body.candidates.values(), texts, strict=True):
            message["parts"] = [{"type": "text", "text": text}]
        body.save()
    return project


def card(page: Page, letter: str) -> Locator:
    return page.locator(f"[data-letter={letter}]")


def test_d_shows_what_differs_and_d_goes_back(committed_cast: Cast, visit: Visit, site: Site) -> None:
    project = project_with(committed_cast, "Keep it **cool**.", "Keep it **warm**.")
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    announced = page.locator("[data-announce]")
    press(page, "j", "d")
    words = card(page, "B").locator(".compare-text > div > .word-diff").last
    expect(words.locator("del")).to_have_text(re.compile("cool|warm"))
    expect(words.locator("ins")).to_have_text(re.compile("cool|warm"))
    expect(card(page, "B").locator(".rendered")).to_be_hidden()
    expect(card(page, "A").locator(".rendered")).to_be_visible()
    expect(announced).to_have_text("B compared with A. Places that differ: 1.")
    assert findings(page) == []
    press(page, "d")
    expect(card(page, "B").locator(".rendered")).to_be_visible()
    expect(words).to_be_hidden()
    expect(announced).to_have_text("Back to the text of B.")
    # What was seen once needs no server; what was not says so, and nothing else changes.
    site.stop()
    press(page, "d")
    expect(words.locator("ins")).to_be_visible()
    press(page, "k", "d")
    expect(page.locator("#toasts")).to_contain_text("The comparison did not load")
    expect(card(page, "A").locator(".rendered")).to_be_visible()


def test_one_of_four_is_compared_with_the_best_and_then_with_any(committed_cast: Cast, visit: Visit) -> None:
    project = project_with(committed_cast, "one", "two", "three", "four")
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "3", "1", "j", "d")
    against = card(page, "B").locator("[data-against][aria-pressed=true]")
    expect(against).to_have_text("C")
    press(page, "Shift+D")
    expect(against).to_have_text("D")
    card(page, "B").locator("[data-against]", has_text="A").click()
    expect(against).to_have_text("A")
    expect(page.locator("[data-announce]")).to_contain_text("B compared with A")
    # The order has nothing to do with it, and the next task starts with its texts.
    expect(page.locator("[data-placed] li")).to_have_text(["C", "A"])
    press(page, "Control+Enter")
    expect(page.locator(".compare:visible")).to_have_count(0)


def test_long_answers_scroll_together_where_the_person_wants_it(committed_cast: Cast, visit: Visit) -> None:
    project = project_with(committed_cast, STORY, STORY + STORY)
    page = visit(committed_cast.bob)
    address = first_task(committed_cast.bob, project)
    open_ready(page, address)
    texts = page.locator(".candidate-text")
    assert texts.first.evaluate("(text) => text.scrollHeight <= text.clientHeight"), "cut without being asked"
    press(page, "l")
    expect(page.locator("[data-announce]")).to_have_text("Answers scroll together.")
    assert findings(page) == []
    press(page, "j", "k", "PageDown", "ArrowDown")
    page.wait_for_function(
        """() => {
            const share = (text) => text.scrollTop / (text.scrollHeight - text.clientHeight);
            const [one, other] = [...document.querySelectorAll(".candidate-text")].map(share);
            return one > 0.05 && Math.abs(one - other) < 0.02;
        }"""
    )
    page.reload()
    expect(page.locator("#task[data-ready].is-linked")).to_be_visible()
    press(page, "l")
    expect(page.locator("#task.is-linked")).to_have_count(0)


def test_answers_can_stand_below_each_other_and_stay_so(committed_cast: Cast, visit: Visit) -> None:
    project = project_with(committed_cast, "one", "two", "three")
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    tops = "(cards) => new Set(cards.map((card) => card.getBoundingClientRect().top)).size"
    assert page.locator(".candidate").evaluate_all(tops) == 1
    page.get_by_role("button", name="View").click()
    page.get_by_role("button", name="Answers below each other").click()
    assert page.locator(".candidate").evaluate_all(tops) == 3
    page.reload()
    expect(page.locator("#task[data-ready]")).to_be_visible()
    assert page.locator(".candidate").evaluate_all(tops) == 3


def test_a_thumb_can_do_all_of_it(committed_cast: Cast, visit: Visit) -> None:
    project = project_with(committed_cast, "Keep it cool.", "Keep it warm.", STORY)
    page = visit(committed_cast.bob, width=390, height=844, has_touch=True)
    open_ready(page, first_task(committed_cast.bob, project))
    page.locator("[data-show]").nth(1).tap()
    card(page, "B").get_by_role("button", name="Compare B").tap()
    expect(card(page, "B").locator(".compare-text ins, .compare-text del").first).to_be_visible()
    assert sideways(page) == []
    small = page.evaluate(SMALLER_THAN_A_THUMB)
    assert small == []
