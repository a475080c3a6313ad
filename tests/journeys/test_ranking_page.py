"""The ranking page in a real browser: by keys and pointer, without JavaScript, and with the server gone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from annotation.models import Annotation, Assignment
from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.site import Site
from tests.journeys.worlds import first_task, ranking_project

pytestmark = pytest.mark.browser

RECEIPT = re.compile(r"Saved \d\d:\d\d:\d\d")
TOP = 'input[name="aspect-{aspect}-{uid}"][value="{value}"]'


def open_ready(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("#task[data-ready]")).to_be_visible()
    # The first task under a new guideline starts with it open.
    close = page.locator("#guideline").get_by_role("button", name="Close")
    if close.is_visible():
        close.click()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def receipt(page: Page):
    return page.locator("[data-receipt-line]")


def task_of(page: Page) -> str:
    return page.locator("#task").get_attribute("data-assignment") or ""


def submit_by_keys(page: Page, *keys: str) -> None:
    before = task_of(page)
    press(page, *keys, "Control+Enter")
    expect(page.locator(f'#task[data-assignment="{before}"]')).to_have_count(0)


def answers() -> list[dict]:
    return [row.answer for row in Annotation.objects.filter(is_current=True).order_by("pk")]


def test_three_tasks_are_ranked_by_keyboard_only(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    submit_by_keys(page, "2", "1", "3")
    expect(page.locator("#task-title")).to_be_focused()
    submit_by_keys(page, "1", "=", "2", "3", "s", "4", "5", "5")
    submit_by_keys(page, "0")
    expect(page.locator("#task")).not_to_have_attribute("data-rank", "")
    first, second, third = answers()
    shown = first["shown_order"]
    assert first["ranking"] == [[shown[1]], [shown[0]], [shown[2]]]
    shown = second["shown_order"]
    assert sorted(map(sorted, second["ranking"][:1])) == [sorted(shown[:2])] and second["ranking"][1] == [
        shown[2]
    ]
    assert second["aspects"][shown[0]] == {"quality": 4, "relevance": 5, "safety": 5}
    assert third["all_bad"] is True


def test_no_model_name_reaches_the_browser(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    assert "secret-model" not in page.content()


def test_keys_pop_tie_and_walk(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    placed, announced = page.locator("[data-placed] li"), page.locator("[data-announce]")
    press(page, "3", "1")
    expect(placed).to_have_text(["C", "A"])
    expect(announced).to_have_text("A is 2 of 3")
    press(page, "Backspace")
    expect(placed).to_have_text(["C"])
    expect(announced).to_have_text("A is not placed")
    press(page, "=", "2")
    expect(announced).to_have_text("B, C share place 1 of 3")
    press(page, "j", "j")
    expect(page.locator("[data-letter=A]")).to_be_focused()
    press(page, "ArrowLeft")
    expect(page.locator("[data-letter=C]")).to_be_focused()


def test_keys_open_what_is_beside_the_task(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    guideline = page.locator("#guideline")
    press(page, "g")
    expect(guideline).to_be_visible()
    press(page, "g")
    expect(guideline).to_be_hidden()
    press(page, "r")
    expect(page.locator(".candidate .raw").first).to_be_visible()
    press(page, "r", "c")
    expect(page.locator("#rationale")).to_be_focused()
    page.keyboard.type("g 1 2 ? r")
    expect(page.locator("[data-placed] li")).to_have_count(0)
    press(page, "Escape", "?")
    expect(page.locator("#shortcuts")).to_be_visible()
    press(page, "Escape", "f")
    expect(page.locator("[data-flags] input").first).to_be_focused()


def test_single_keys_can_be_switched_off(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    user = committed_cast.bob.user
    user.single_key_shortcuts = False
    user.save()
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "1", "2", "0")
    expect(page.locator("[data-placed] li")).to_have_count(0)
    page.locator("[data-place]").first.click()
    expect(page.locator("[data-placed] li")).to_have_text(["A"])


def test_a_chip_can_be_dragged_and_buttons_do_the_same(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "1", "2", "3")
    with page.expect_response(re.compile(r"sortable")):
        page.hover(".strip")
    placed = page.locator("[data-placed] li")
    start, end = placed.nth(0).bounding_box(), placed.nth(2).bounding_box()
    expect(page.locator("[data-placed] .chip").first).to_be_visible()
    drag(page, start, end, until=lambda: placed.all_inner_texts() == ["B", "C", "A"])
    page.get_by_role("button", name="Rank A better").click()
    expect(placed).to_have_text(["B", "A", "C"])
    expect(page.locator("[data-announce]")).to_have_text("A is 2 of 3")


def drag(page: Page, start: dict, end: dict, *, until: Callable[[], bool]) -> None:
    page.mouse.move(start["x"] + 8, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(start["x"] + 30, start["y"] + 10, steps=5)
    page.mouse.move(end["x"] + end["width"] - 2, end["y"] + 10, steps=10)
    page.mouse.up()
    expect(page.locator("[data-placed] .chip-ghost")).to_have_count(0)
    assert until()


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


def test_ratings_against_the_order_are_asked_about_once(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast, candidates=2)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "1", "2", "s", "1", "1", "1", "5", "5", "5", "Escape")
    press(page, "Control+Enter")
    dialog = page.locator("#ratings-conflict")
    expect(dialog).to_contain_text("You rated B higher than A")
    assert answers() == []
    press(page, "Escape")
    expect(dialog).to_be_hidden()
    assert answers() == []
    press(page, "Control+Enter")
    before = task_of(page)
    page.get_by_role("button", name="Keep both and send").click()
    expect(page.locator(f'#task[data-assignment="{before}"]')).to_have_count(0)
    assert len(answers()) == 1


def test_an_empty_answer_is_not_sent(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "Control+Enter")
    expect(page.locator("[data-problem]")).to_have_text("Rank at least two answers, or mark all as bad.")
    assert answers() == []


def test_a_task_is_skipped_with_a_reason(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    before = task_of(page)
    press(page, "Control+ ")
    expect(page.locator("#skip")).to_be_visible()
    page.get_by_role("button", name="Skip task").click()
    expect(page.locator(f'#task[data-assignment="{before}"]')).to_have_count(0)
    assert Assignment.objects.get(uid=before).state == Assignment.State.SKIPPED


def test_one_can_rank_and_skip_without_javascript(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob, javascript=False)
    page.goto(first_task(committed_cast.bob, project))
    selects = page.locator("[data-rank-field]")
    for index, place in enumerate(["2", "1", "2"]):
        selects.nth(index).select_option(place)
    page.get_by_role("radiogroup", name="Quality of B").get_by_role("radio", name="5").check(force=True)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("[data-undo]")).to_contain_text("Answer saved")
    page.get_by_role("button", name="Skip", exact=True).click()
    page.get_by_role("button", name="Skip task").click()
    expect(page.locator("#task")).to_be_visible()
    [answer] = answers()
    shown = answer["shown_order"]
    assert answer["ranking"][0] == [shown[1]] and sorted(answer["ranking"][1]) == sorted([shown[0], shown[2]])
    assert answer["aspects"] == {shown[1]: {"quality": 5}}
    assert Assignment.objects.filter(state=Assignment.State.SKIPPED).count() == 1


def test_one_candidate_at_a_time_on_a_phone(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob, width=390, height=844, has_touch=True)
    open_ready(page, first_task(committed_cast.bob, project))
    expect(page.locator(".candidate:visible")).to_have_count(1)
    page.locator("[data-show]").nth(2).tap()
    expect(page.locator("[data-letter=C]")).to_be_visible()
    for letter in ("C", "A", "B"):
        page.locator("[data-pool] .chip", has_text=letter).tap()
    expect(page.locator("[data-placed] li")).to_have_text(["C", "A", "B"])
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_page_is_light(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast, candidates=4)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    page.wait_for_load_state("networkidle")
    weights = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .map((entry) => [entry.name, entry.transferSize])"""
    )
    without_fonts = sum(size for name, size in weights if ".woff2" not in name)
    assert len(weights) <= 15, weights
    assert without_fonts <= 60 * 1024, weights


def test_keys_are_painted_quickly(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast, candidates=4)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    page.evaluate(
        """() => {
            window.durations = [];
            const note = ({ name, duration }) => { if (name === "keydown") window.durations.push(duration); };
            const observer = new PerformanceObserver((list) => list.getEntries().forEach(note));
            observer.observe({ type: "event", durationThreshold: 16 });
        }"""
    )
    for key in ["1", "2", "=", "3", "4", "Backspace", "j", "k", "r", "r", "0", "2", "1"] * 2:
        press(page, key)
    expect(page.locator("[data-placed] li").first).to_be_visible()
    slow = sorted(page.evaluate("window.durations"))
    # 100 ms is the aim; a shared machine may stall once, so the aim is held by all but one key.
    assert all(duration <= 100 for duration in slow[:-1]), slow


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


def test_working_time_is_counted_and_sent(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    expect(page.locator("[data-active-clock]")).to_have_text("0:02", timeout=10_000)
    submit_by_keys(page, "1", "2", "3")
    assert 1_500 <= Annotation.objects.get().active_ms <= 10_000


def test_the_lease_is_prolonged_while_the_person_works(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast, lease_seconds=8)
    page = visit(committed_cast.bob)
    with page.expect_response(re.compile("/extend/")) as beat:
        open_ready(page, first_task(committed_cast.bob, project))
        page.mouse.move(200, 200)
    assert beat.value.status == 200
