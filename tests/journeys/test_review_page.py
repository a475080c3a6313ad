"""Reviewing in a real browser: by keyboard alone, with a way back, and without losing a word."""

import re

import pytest
from playwright.sync_api import Page, expect

from qa.models import Acceptance
from qa.reviews import reject
from tests.annotation.worlds import consenting
from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.site import Site
from tests.qa.review_worlds import differing_labels, differing_rankings, differing_texts

pytestmark = pytest.mark.browser
WAITING = re.compile(r"/reviews/[0-9a-f-]{36}/$")


@pytest.fixture
def cast(committed_cast: Cast) -> Cast:
    consenting(committed_cast.alice, committed_cast.bob, committed_cast.rita)
    return committed_cast


def waiting(name: str) -> list[Acceptance]:
    return list(Acceptance.objects.filter(project__name=name, state="open").order_by("-risk", "pk"))


def state_of(acceptance: Acceptance) -> str:
    return Acceptance.objects.get(pk=acceptance.pk).state


def at(page: Page, acceptance: Acceptance) -> None:
    expect(page).to_have_url(re.compile(f"/reviews/{acceptance.uid}/$"))
    expect(page.locator("[data-review][data-ready]")).to_be_visible()


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.name || document.activeElement.id"))


def test_a_whole_queue_is_reviewed_by_keyboard_alone(cast: Cast, site: Site, visit: Visit) -> None:
    project = differing_rankings(cast, tasks=4)
    first, second, third, fourth = waiting("Lamps")
    page = visit(cast.rita)
    page.goto(f"/w/acme/projects/{project.uid}/reviews/")
    page.keyboard.press("n")
    at(page, first)
    expect(page.locator("main")).to_contain_text("0 of 4 reviewed")
    # On and back without a decision.
    page.keyboard.press("j")
    at(page, second)
    page.keyboard.press("k")
    at(page, first)
    # Accept, take it back, accept again: the next riskiest opens each time.
    page.keyboard.press("a")
    at(page, second)
    expect(page.locator(".review-undo")).to_contain_text("Accepted.")
    page.keyboard.press("u")
    at(page, first)
    assert state_of(first) == "open"
    page.keyboard.press("a")
    at(page, second)
    # Sending back asks for words first, and puts the cursor there.
    page.keyboard.press("r")
    expect(page.locator("[data-hint]")).to_contain_text("Write what should be mended")
    assert focused(page) == "comment"
    page.keyboard.type("a rather faxing comment")
    assert state_of(second) == "open", "letters in a text are no decisions"
    page.keyboard.press("Control+Enter")
    at(page, third)
    # Fixing goes to the places first; the second F takes them as they are now.
    page.keyboard.press("f")
    assert focused(page).startswith("rank-")
    served = page.locator(":focus").input_value()
    page.keyboard.press("1" if served != "1" else "2")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    at(page, fourth)
    expect(page.locator("main")).to_contain_text("3 of 4 reviewed")
    page.keyboard.press("x")
    expect(page.locator("main")).to_contain_text("Nothing waits for a review")
    found = {row.pk: row for row in Acceptance.objects.all()}
    states = [found[row.pk].state for row in (first, second, third, fourth)]
    assert states == ["accepted", "sent_back", "accepted", "rejected"]
    assert found[second.pk].comment == "a rather faxing comment"
    assert found[third.pk].fixed_answer["ranking"] != third.annotation.answer["ranking"]
    # The last one too can be taken back, from the page that says that all is done.
    page.keyboard.press("u")
    at(page, fourth)
    assert state_of(fourth) == "open"


def test_a_key_that_is_held_or_belongs_to_a_sequence_decides_nothing(
    cast: Cast, site: Site, visit: Visit
) -> None:
    differing_rankings(cast, tasks=3)
    first, second, third = waiting("Lamps")
    page = visit(cast.rita)
    page.goto(f"/w/acme/reviews/{first.uid}/")
    at(page, first)
    # Held down until the next page is there: only the first press counts.
    page.keyboard.down("a")
    at(page, second)
    for _repeat in range(3):
        page.keyboard.down("a")
    page.keyboard.up("a")
    # G opens a page of the navigation; X is none of them, and does not reject either.
    page.keyboard.press("g")
    page.keyboard.press("x")
    page.keyboard.press("j")
    at(page, third)
    assert [state_of(row) for row in (first, second, third)] == ["accepted", "open", "open"]
    page.keyboard.press("x")
    at(page, second)
    assert state_of(third) == "rejected"


def test_a_text_is_mended_by_keyboard_and_its_differences_are_read(
    cast: Cast, site: Site, visit: Visit
) -> None:
    differing_texts(cast)
    [acceptance] = waiting("Lamp answers")
    page = visit(cast.rita)
    page.goto(f"/w/acme/reviews/{acceptance.uid}/")
    at(page, acceptance)
    expect(page.locator(".word-diff ins", has_text="cold")).to_be_visible()
    page.keyboard.press("f")
    assert focused(page) == "completion"
    page.keyboard.press("Control+a")
    page.keyboard.type("Wipe it with a soft cloth.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("main")).to_contain_text("Nothing waits for a review")
    decided = Acceptance.objects.get(pk=acceptance.pk)
    assert decided.fixed_answer["completion"] == "Wipe it with a soft cloth."
    page.goto(f"/w/acme/reviews/{acceptance.uid}/")
    expect(page.get_by_text("What the reviewer changed: answer")).to_be_visible()


def test_who_comes_second_reads_what_was_decided_and_keeps_the_words(
    cast: Cast, site: Site, visit: Visit
) -> None:
    differing_labels(cast)
    acceptance = waiting("Tone")[0]
    page = visit(cast.rita, width=390, height=844)
    page.goto(f"/w/acme/reviews/{acceptance.uid}/")
    expect(page.get_by_role("button", name="Accept", exact=True)).to_be_in_viewport()
    at(page, acceptance)
    reject(acceptance=acceptance, by=cast.alice, comment="Not by the guideline.")
    page.keyboard.press("c")
    page.keyboard.type("Careful words of mine.")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    alert = page.get_by_role("alert").filter(has_text="Your decision was not stored.")
    expect(alert).to_contain_text("This answer is decided already: rejected")
    expect(page.locator("#id_comment")).to_have_value("Careful words of mine.")
    assert state_of(acceptance) == "rejected"


def test_two_candidates_are_compared_without_losing_a_typed_comment(
    cast: Cast, site: Site, visit: Visit
) -> None:
    differing_rankings(cast, tasks=1)
    [acceptance] = waiting("Lamps")
    page = visit(cast.rita)
    page.goto(f"/w/acme/reviews/{acceptance.uid}/")
    page.locator("#id_comment").fill("Half a sentence")
    page.locator("#candidate-difference > summary").click()
    page.locator("select[name=left]").select_option("A")
    page.locator("select[name=right]").select_option("C")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#candidate-difference")).to_contain_text("A and C, word by word")
    expect(page.locator("#candidate-difference .word-diff")).to_be_visible()
    expect(page.locator("#id_comment")).to_have_value("Half a sentence")
