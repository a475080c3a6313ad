"""An answer outlives a dead server, a lost session, a second tab and a refusal; sending twice counts once."""

import pytest
from playwright.sync_api import Route, expect

from annotation.models import Annotation, Assignment
from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.ranking import RECEIPT, answers, open_ready, press, receipt, submit_by_keys, task_of
from tests.journeys.site import Site
from tests.journeys.worlds import first_task, ranking_project

pytestmark = pytest.mark.browser


def test_a_draft_is_saved_with_a_receipt_and_comes_back(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "2", "1", "c")
    page.keyboard.type("clearer")
    expect(receipt(page)).to_have_text(RECEIPT)
    draft = Assignment.objects.get(uid=task_of(page)).draft
    assert draft is not None and "clearer" in str(draft)
    page.reload()
    expect(page.locator("[data-placed] li")).to_have_text(["B", "A"])
    expect(page.locator("#rationale")).to_have_value("clearer")


def test_nothing_is_lost_while_the_server_is_gone(committed_cast: Cast, visit: Visit, site: Site) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    site.stop()
    press(page, "3", "1", "2", "c")
    page.keyboard.type("typed while the server was gone")
    expect(page.locator("#connection")).to_be_visible()
    expect(receipt(page)).to_have_text("Kept on this device, not on the server yet")
    site.start()
    page.reload()
    expect(page.locator("#rationale")).to_have_value("typed while the server was gone")
    expect(page.locator("[data-placed] li")).to_have_text(["C", "A", "B"])
    expect(receipt(page)).to_have_text(RECEIPT)
    submit_by_keys(page)
    assert answers()[0]["rationale"] == "typed while the server was gone"
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('annotera:draft'))") == []


def test_a_correction_waits_on_this_device_and_is_no_conflict(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    submit_by_keys(page, "1", "2", "3")
    press(page, "Control+z")
    expect(page.get_by_role("button", name="Save correction")).to_be_visible()
    drafts: list[str] = []
    page.on("request", lambda sent: drafts.append(sent.url) if sent.url.endswith("/draft/") else None)
    press(page, "c")
    page.keyboard.type("on second thought")
    # Leaving the field saves a draft at once, where there is one to save.
    press(page, "Escape")
    page.reload()
    expect(page.locator("#rationale")).to_have_value("on second thought")
    expect(receipt(page)).to_have_text("")
    submit_by_keys(page)
    assert drafts == []
    assert [answer["rationale"] for answer in answers()] == ["on second thought"]
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('annotera:draft'))") == []


def test_a_save_whose_answer_was_lost_is_not_taken_for_another_tab(
    committed_cast: Cast, visit: Visit
) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))

    def deliver_and_cut(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/draft/", deliver_and_cut, times=1)
    press(page, "2", "1")
    expect(receipt(page)).to_have_text("Kept on this device, not on the server yet")
    press(page, "3")
    expect(receipt(page)).to_have_text(RECEIPT, timeout=10_000)
    assert Assignment.objects.get(uid=task_of(page)).draft_version == 2


def test_a_newer_draft_of_another_tab_is_not_overwritten(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    address = first_task(committed_cast.bob, project)
    open_ready(page, address)
    other = page.context.new_page()
    open_ready(other, address)
    press(other, "3", "2", "1")
    expect(receipt(other)).to_have_text(RECEIPT)
    press(page, "1")
    expect(receipt(page)).to_contain_text("Another tab saved a newer draft")
    page.reload()
    expect(page.locator("[data-placed] li")).to_have_text(["C", "B", "A"])
    page.get_by_role("button", name="Use them").click()
    expect(page.locator("[data-placed] li")).to_have_text(["A"])
    expect(receipt(page)).to_have_text(RECEIPT)


def test_a_failed_submit_keeps_the_task_and_can_be_repeated(
    committed_cast: Cast, visit: Visit, site: Site
) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "1", "2", "3")
    expect(receipt(page)).to_have_text(RECEIPT)
    before = task_of(page)
    site.stop()
    press(page, "Control+Enter")
    expect(page.locator("#connection")).to_be_visible()
    expect(page.locator("[data-placed] li")).to_have_text(["A", "B", "C"])
    site.start()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(f'#task[data-assignment="{before}"]')).to_have_count(0)
    expect(page.locator("#connection")).to_be_hidden()
    assert len(answers()) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_a_broken_answer_of_the_server_leaves_the_form(
    status: int, committed_cast: Cast, visit: Visit
) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "1", "2", "3")
    expect(receipt(page)).to_have_text(RECEIPT)
    page.route("**/submit/", lambda route: route.fulfill(status=status, body="<p>broken</p>"))
    press(page, "Control+Enter")
    expect(page.locator("#connection")).to_be_visible()
    expect(page.locator("[data-placed] li")).to_have_text(["A", "B", "C"])
    assert answers() == []


def test_a_submit_can_be_undone(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    first = task_of(page)
    submit_by_keys(page, "2", "1", "3")
    expect(page.locator("[data-undo]")).to_contain_text("Answer saved")
    press(page, "Control+z")
    expect(page.locator(f'#task[data-assignment="{first}"]')).to_be_visible()
    expect(page.locator("[data-placed] li")).to_have_text(["B", "A", "C"])


def test_two_presses_send_one_answer(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    before = task_of(page)
    press(page, "1", "2", "3", "Control+Enter", "Control+Enter", "Enter")
    expect(page.locator(f'#task[data-assignment="{before}"]')).to_have_count(0)
    expect(page.locator("#task[data-rank]")).to_be_visible()
    assert len(answers()) == 1


def test_a_refused_answer_comes_back_as_it_was_typed(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast, require_rationale=True)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "3", "1", "2", "s", "4", "Escape")
    # As after a pull at the corner of the field: the swap must not copy what the CSP forbids.
    page.locator("#rationale").evaluate("(field) => { field.style.blockSize = '90px'; }")
    press(page, "Control+Enter")
    expect(page.locator("[data-alert]")).to_be_focused()
    expect(page.locator("[data-alert]")).to_contain_text("Not sent yet.")
    expect(page.locator("[data-placed] li")).to_have_text(["C", "A", "B"])
    expect(page.get_by_role("radiogroup", name="quality of A").get_by_label("4")).to_be_checked()
    press(page, "c")
    page.keyboard.type("because")
    submit_by_keys(page)
    assert answers()[0]["rationale"] == "because"


def test_an_answer_from_another_tab_is_shown_beside_this_one(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    address = first_task(committed_cast.bob, project)
    open_ready(page, address)
    press(page, "1", "2", "3")
    expect(receipt(page)).to_have_text(RECEIPT)
    other = page.context.new_page()
    open_ready(other, address)
    submit_by_keys(other, "Backspace", "Backspace", "3", "2")
    press(page, "Control+Enter")
    expect(page.locator("[data-alert]")).to_contain_text("Recorded as revision 1")
    expect(page.locator("[data-placed] li")).to_have_text(["A", "B", "C"])
    submit_by_keys(page)
    assert Annotation.objects.get(is_current=True).revision == 2


def test_a_lost_session_leaves_the_text_and_says_so(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    page.context.clear_cookies(name="sessionid")
    press(page, "2", "1")
    expect(receipt(page)).to_contain_text("You are logged out")
    expect(page.locator("[data-placed] li")).to_have_text(["B", "A"])
