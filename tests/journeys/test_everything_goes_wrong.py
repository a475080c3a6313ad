"""Whatever the kind of task, one evening on which everything goes wrong costs not a single word."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Error, Page, expect

from annotation.models import Annotation, Project
from tests.annotation.worlds import consenting, labelling_project, writing_project
from tests.conftest import Cast
from tests.journeys.conftest import Visit, log_in
from tests.journeys.ranking import RECEIPT, open_ready, press, receipt, task_of
from tests.journeys.site import Site
from tests.journeys.worlds import first_task, ranking_project

pytestmark = pytest.mark.browser
UNSAVED = "Kept on this device, not on the server yet"


BROKEN_OFF = """() => {
  const whole = window.fetch;
  window.fetch = async (...asked) => {
    window.fetch = whole;
    const { status, headers } = await whole(...asked);
    const body = new ReadableStream({ start: (stream) => stream.error(new TypeError("network error")) });
    return new Response(body, { status, headers });
  };
}"""


@dataclass(frozen=True)
class Kind:
    make: Callable[[Cast], Project]
    answer: Callable[[Page], None]
    check: Callable[[Page], None]
    stored: Callable[[dict], object]


def rank(page: Page) -> None:
    press(page, "2", "1")


def write(page: Page) -> None:
    press(page, "a")
    page.keyboard.type("Rivers bring salt.\n\nAnd the sun takes water.")
    press(page, "Escape")


KINDS = {
    "ranking": Kind(
        ranking_project,
        rank,
        lambda page: expect(page.locator("[data-placed] li")).to_have_text(["B", "A"]),
        lambda answer: len(answer["ranking"]),
    ),
    "writing": Kind(
        lambda cast: writing_project(cast, "Why is the sea salty?", "What is rain?"),
        write,
        lambda page: expect(page.locator("#completion")).to_have_value(
            "Rivers bring salt.\n\nAnd the sun takes water."
        ),
        lambda answer: answer["completion"],
    ),
    "labelling": Kind(
        lambda cast: labelling_project(cast, "It came late.", "Thank you."),
        lambda page: press(page, "2"),
        lambda page: expect(page.get_by_role("radio", name="complaint")).to_be_checked(),
        lambda answer: answer["labels"],
    ),
}
STORED = {
    "ranking": 2,
    "writing": "Rivers bring salt.\n\nAnd the sun takes water.",
    "labelling": ["complaint"],
}


def remark(page: Page, words: str) -> None:
    press(page, "c", "End")
    page.keyboard.type(words)
    press(page, "Escape")


@pytest.mark.parametrize("name", KINDS)
def test_not_a_word_is_lost(name: str, committed_cast: Cast, visit: Visit, site: Site) -> None:
    kind, bob = KINDS[name], committed_cast.bob
    consenting(bob)
    page = visit(bob)
    address = first_task(bob, kind.make(committed_cast))
    open_ready(page, address)
    task = task_of(page)

    # The server answers the draft with an error of its own.
    page.route("**/draft/", lambda route: route.fulfill(status=503, body="<p>broken</p>"), times=1)
    kind.answer(page)
    expect(receipt(page)).to_have_text(UNSAVED)
    expect(page.locator("#connection")).to_be_visible()

    # The next answer breaks off after its head; the save that follows goes out all the same.
    page.evaluate(BROKEN_OFF)
    remark(page, "x")
    expect(receipt(page)).to_have_text(UNSAVED)
    press(page, "Control+s")
    expect(receipt(page)).to_have_text(RECEIPT)
    press(page, "c", "Control+a", "Backspace", "Escape")
    expect(receipt(page)).to_have_text(RECEIPT)

    # Then it is gone, and the person types on, and loads the page again.
    site.stop()
    remark(page, "typed in the dark")
    expect(receipt(page)).to_have_text(UNSAVED)
    with pytest.raises(Error, match="ERR_CONNECTION_REFUSED"):
        page.reload()
    page.wait_for_url("chrome-error://**")
    site.start()
    page.goto(address)
    kind.check(page)
    expect(page.locator("#rationale")).to_have_value("typed in the dark")
    expect(receipt(page)).to_have_text(RECEIPT)

    # The session ends meanwhile; another tab logs in again.
    page.context.clear_cookies(name="sessionid")
    remark(page, ", and logged out")
    expect(receipt(page)).to_contain_text("You are logged out")
    press(page, "Control+Enter")
    kind.check(page)
    expect(page.locator("#rationale")).to_have_value("typed in the dark, and logged out")
    log_in(page.context, bob, site)
    remark(page, ", and back")
    expect(receipt(page)).to_have_text(RECEIPT)

    # At last it is sent: into an error, into silence, and then for good.
    page.route("**/submit/", lambda route: route.fulfill(status=500, body="<p>broken</p>"), times=1)
    press(page, "Control+Enter")
    expect(page.locator("#connection")).to_be_visible()
    kind.check(page)
    site.stop()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#connection")).to_be_visible()
    site.start()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(f'#task[data-assignment="{task}"]')).to_have_count(0)
    [annotation] = Annotation.objects.all()
    assert annotation.answer["rationale"] == "typed in the dark, and logged out, and back"
    assert kind.stored(annotation.answer) == STORED[name]
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('annotera:draft'))") == []
