"""The ranking page in a real browser: by keys, by pointer, by touch, and without JavaScript."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Annotation, Assignment
from tests.conftest import Cast
from tests.journeys.conftest import Visit
from tests.journeys.ranking import answers, open_ready, press, submit_by_keys, task_of
from tests.journeys.worlds import first_task, ranking_project

pytestmark = pytest.mark.browser


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


def test_a_browser_that_forbids_its_stores_ranks_all_the_same(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    forbidden = "get() { throw new DOMException('The store is forbidden.', 'SecurityError'); }"
    for store in ("localStorage", "sessionStorage"):
        page.add_init_script(f"Object.defineProperty(window, '{store}', {{ {forbidden} }});")
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "v")
    expect(page.locator("#task.is-stacked")).to_be_visible()
    submit_by_keys(page, "2", "1", "3")
    assert len(answers()) == 1


def test_keys_pop_tie_and_walk(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    placed, announced = page.locator("[data-placed] li"), page.locator("[data-announce]")
    press(page, "3", "1")
    expect(placed).to_have_text(["C", "A"])
    expect(announced).to_have_text("A is 2nd of 3")
    press(page, "Backspace")
    expect(placed).to_have_text(["C"])
    expect(announced).to_have_text("A is not placed")
    press(page, "=", "2")
    expect(announced).to_have_text("B, C share 1st place of 3")
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


def test_the_guideline_stays_beside_the_work_until_escape(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob, width=1440, height=900)
    open_ready(page, first_task(committed_cast.bob, project))
    guideline, submit = page.locator("#guideline"), page.locator("[data-submit]")
    press(page, "g", "1")
    expect(page.locator("[data-placed] li")).to_have_count(1)
    page.locator(".candidate .letter").last.click()
    expect(page.locator("[data-placed] li")).to_have_count(2)
    expect(guideline).to_be_visible()
    beside, work = guideline.bounding_box(), submit.bounding_box()
    assert beside and work and work["x"] + work["width"] <= beside["x"]
    press(page, "Escape")
    expect(guideline).to_be_hidden()
    expect(page.locator("[data-placed] li")).to_have_count(2)


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
    expect(page.locator("[data-announce]")).to_have_text("A is 2nd of 3")
    start, end = placed.nth(0).bounding_box(), placed.nth(1).bounding_box()
    drag(page, start, end, until=lambda: placed.all_inner_texts() == ["A", "B", "C"])
    expect(page.locator("[data-announce]")).to_have_text("B is 2nd of 3")


def drag(page: Page, start: dict, end: dict, *, until: Callable[[], bool]) -> None:
    page.mouse.move(start["x"] + 8, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(start["x"] + 30, start["y"] + 10, steps=5)
    page.mouse.move(end["x"] + end["width"] - 2, end["y"] + 10, steps=10)
    page.mouse.up()
    expect(page.locator("[data-placed] .chip-ghost")).to_have_count(0)
    assert until()


@pytest.mark.parametrize("count", [2, 3, 4])
def test_ratings_against_the_order_are_asked_about_once(
    count: int, committed_cast: Cast, visit: Visit
) -> None:
    project = ranking_project(committed_cast, candidates=count, aspects=["quality", "safety"])
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    order = [str(number) for number in range(1, count + 1)]
    # The last one in the order is rated best, the others worst.
    press(page, *order, "s", *["1", "1"] * (count - 1), "5", "5", "Escape", "Control+Enter")
    dialog, worst = page.locator("#ratings-conflict"), "ABCD"[count - 1]
    expect(dialog).to_contain_text(f"You rated {worst} higher than A (5.0 against 1.0 on average)")
    assert answers() == []
    press(page, "Escape")
    expect(dialog).to_be_hidden()
    assert answers() == []
    press(page, "Control+Enter")
    before = task_of(page)
    page.get_by_role("button", name="Keep both and send").click()
    expect(page.locator(f'#task[data-assignment="{before}"]')).to_have_count(0)
    assert len(answers()) == 1


def test_a_better_answer_starts_from_another_and_is_not_sent_unchanged(
    committed_cast: Cast, visit: Visit
) -> None:
    project = ranking_project(committed_cast, candidates=2)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    press(page, "1", "2", "e")
    page.get_by_label("Starting from").select_option("B")
    expect(page.get_by_label("Better answer", exact=True)).to_have_value(re.compile("Answer . to question"))
    page.locator("#task-title").focus()
    press(page, "Control+Enter")
    expect(page.locator("[data-problem]")).to_contain_text("still the same as B")
    press(page, "e", "Control+End")
    page.keyboard.type("And more.")
    # What the person wrote is not replaced by another start.
    page.get_by_label("Starting from").select_option("A")
    expect(page.get_by_label("Better answer", exact=True)).to_have_value(re.compile("And more"))
    submit_by_keys(page)
    assert answers()[0]["rewrite"]["text"].endswith("And more.")


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


def test_the_keys_that_send_skip_while_the_skip_is_asked_about(committed_cast: Cast, visit: Visit) -> None:
    project = ranking_project(committed_cast)
    page = visit(committed_cast.bob)
    open_ready(page, first_task(committed_cast.bob, project))
    before = task_of(page)
    press(page, "1", "2", "3", "Control+ ", "Control+Enter")
    expect(page.locator(f'#task[data-assignment="{before}"]')).to_have_count(0)
    assert Assignment.objects.get(uid=before).state == Assignment.State.SKIPPED
    assert answers() == []


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
