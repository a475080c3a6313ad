"""The charts of a run in a real browser: drawn, followed to the end, with a table behind, in both themes."""

import re
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from jobs.models import Job
from tests.conftest import Cast, poll
from tests.journeys.conftest import Visit
from tests.journeys.worlds import busy_workspace, measure
from tests.training.registered import make_run
from training.models import RunMetric, RunSample, TrainingRun

pytestmark = pytest.mark.browser

INKED = """(canvas) => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let inked = 0;
    for (let at = 3; at < pixels.length; at += 4) inked += pixels[at] > 0;
    return inked;
}"""


def chart(page: Page, title: str):
    return page.locator(".chart", has=page.get_by_text(title, exact=True))


def add_step(run: TrainingRun, step: int, **values: float) -> None:
    RunMetric.objects.create(run=run, step=step, values=values)


def test_an_ended_run_is_drawn_with_a_table_behind(
    committed_cast: Cast, visit: Visit, tmp_path: Path
) -> None:
    address = busy_workspace(committed_cast, tmp_path)["run ended"]
    page = visit(committed_cast.alice)
    page.goto(address)
    loss = chart(page, "Loss")
    expect(loss.locator("canvas")).to_be_visible()
    assert loss.locator("canvas").evaluate(INKED) > 500
    expect(loss.locator(".plot")).to_have_attribute("aria-label", re.compile(r"^Loss: loss 1\.2"))
    loss.get_by_text("Table").click()
    rows = loss.locator("details tbody tr")
    expect(rows).to_have_count(200)
    expect(rows.first.locator("td").first).to_have_text("199")


def test_a_running_run_is_followed_to_its_end(committed_cast: Cast, visit: Visit, tmp_path: Path) -> None:
    address = busy_workspace(committed_cast, tmp_path)["run running"]
    run = TrainingRun.objects.get(name="ppo-kindness")
    page = visit(committed_cast.alice)
    page.goto(address)
    latest = chart(page, "Loss").locator("figcaption")
    expect(latest).to_contain_text("1.9")
    add_step(run, 40, loss=0.5, reward=1.5)
    expect(latest).to_contain_text("0.5", timeout=10_000)
    ended = {"state": Job.State.SUCCEEDED, "lease_until": None, "ended_at": timezone.now(), "progress": 1.0}
    with page.expect_navigation():
        Job.objects.filter(pk=run.job_id).update(**ended)
    expect(page.locator("[data-run-charts]")).to_have_attribute("data-running", "false")
    expect(chart(page, "Loss").locator("canvas")).to_be_visible()


def test_a_restarted_run_is_read_anew(committed_cast: Cast, visit: Visit, tmp_path: Path) -> None:
    address = busy_workspace(committed_cast, tmp_path)["run running"]
    run = TrainingRun.objects.get(name="ppo-kindness")
    page = visit(committed_cast.alice)
    page.goto(address)
    loss = chart(page, "Loss")
    loss.get_by_text("Table").click()
    expect(loss.locator("details tbody tr")).to_have_count(40)
    RunMetric.objects.filter(run=run, step__gte=10).delete()
    Job.objects.filter(pk=run.job_id).update(attempt=2)
    expect(loss.locator("details tbody tr")).to_have_count(10, timeout=10_000)


def test_charts_take_the_colours_of_the_theme(committed_cast: Cast, visit: Visit, tmp_path: Path) -> None:
    address = busy_workspace(committed_cast, tmp_path)["run ended"]
    page = visit(committed_cast.alice, scheme="dark")
    page.goto(address)
    canvas = chart(page, "Loss").locator("canvas")
    expect(canvas).to_be_visible()
    dark = canvas.evaluate("(canvas) => canvas.toDataURL()")
    page.get_by_role("button", name="Menu of Alice").click()
    page.get_by_role("button", name="Light").click()
    assert canvas.evaluate("(canvas) => canvas.toDataURL()") != dark


def test_the_plot_takes_the_room_that_its_legend_gives_back(
    committed_cast: Cast, visit: Visit, tmp_path: Path
) -> None:
    page = visit(committed_cast.alice)
    page.goto(busy_workspace(committed_cast, tmp_path)["run ended"])
    loss = chart(page, "Loss")
    canvas = loss.locator("canvas")
    expect(canvas).to_be_visible()
    legend = loss.locator(".u-legend")
    legend.evaluate("legend => { legend.style.height = '140px'; legend.style.display = 'block'; }")
    poll(lambda: height(canvas) < 100, what="a plot beside a tall legend")
    legend.evaluate("legend => { legend.style.height = '20px'; }")
    poll(lambda: height(canvas) > 160, what="a plot beside a low legend")


def height(canvas: Locator) -> int:
    return int(canvas.evaluate("canvas => canvas.clientHeight"))


STEPS, SPIKE = 100_000, 61_803
TAKEN = "name => performance.getEntriesByName(name).map(entry => entry.duration)"


def measure_long(run: TrainingRun) -> None:
    """A hundred thousand steps of four figures, and one step at which the loss jumps."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO training_runmetric (run_id, step, "values", created_at)
            SELECT %s, step, jsonb_build_object(
                'loss', CASE WHEN step = %s THEN 77.5 ELSE 1 + 3.0 / step + 0.1 * sin(step) END,
                'grad_norm', 1 + 0.5 * cos(step), 'learning_rate', step * 1e-8,
                'entropy', 2 + sin(step / 900.0)
            ), now() FROM generate_series(1, %s) AS step""",
            [run.pk, SPIKE, STEPS],
        )
        cursor.execute("ANALYZE training_runmetric")


def test_a_hundred_thousand_steps_are_drawn_at_once_followed_and_seen_closer(
    committed_cast: Cast, visit: Visit, tmp_path: Path
) -> None:
    address = busy_workspace(committed_cast, tmp_path)["run running"]
    run = TrainingRun.objects.get(name="ppo-kindness")
    RunMetric.objects.filter(run=run).delete()
    measure_long(run)
    page = visit(committed_cast.alice)
    with page.expect_response(lambda answer: "/metrics/" in answer.url) as first:
        page.goto(address)
    assert len(first.value.body()) < 250_000
    said = page.locator("[data-said]")
    expect(said).to_contain_text(
        re.compile(r"^[12],\d{3} of 100,000 points are drawn: the highest and the low")
    )
    assert int(page.locator("[data-run-charts]").get_attribute("data-drawn") or 0) <= 2002
    loss = chart(page, "Loss")
    # On a quiet machine a tenth of this; here the suite's other workers draw too.
    assert page.evaluate(TAKEN, "charts:first")[0] < 1500
    add_step(run, STEPS + 1, loss=0.5)
    expect(loss.locator("figcaption")).to_contain_text("0.5", timeout=10_000)
    assert min(page.evaluate(TAKEN, "charts:update")) < 300

    # Dragged over the spike: all of the stretch is read, and all charts show it.
    box = loss.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.61, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.625, box["y"] + 40, steps=4)
    page.mouse.up()
    expect(said).to_contain_text(re.compile(r"^All [12],\d{3} points are shown"))
    loss.get_by_text("Table").click()
    expect(loss.locator("details tbody tr")).to_have_count(200)
    loss.locator(".u-over").dblclick(position={"x": 60, "y": 40})
    expect(said).to_contain_text("of 100,001 points are drawn")

    # The same by keyboard.
    page.get_by_label("From step").fill(str(SPIKE - 2))
    page.get_by_label("To step").fill(str(SPIKE + 2))
    page.keyboard.press("Enter")
    expect(said).to_contain_text("All 5 points are shown")
    expect(loss.locator("details tbody tr")).to_have_count(5)
    expect(loss.locator("details tbody tr").nth(2)).to_contain_text("77.5")
    page.get_by_role("button", name="Whole run").press("Enter")
    expect(said).to_contain_text("of 100,001 points are drawn")


def test_runs_are_chosen_and_compared_by_keyboard(committed_cast: Cast, visit: Visit, tmp_path: Path) -> None:
    busy_workspace(committed_cast, tmp_path)
    second = make_run(committed_cast.workspace, name="smaller steps", config_values={"learning_rate": 0.001})
    measure(second, steps=120)
    page = visit(committed_cast.rita)
    page.goto("/w/acme/runs/")
    compare = page.get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    page.get_by_label("Choose small-llama").press("Space")
    page.get_by_label("Choose smaller steps").press("Space")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    compare.press("Enter")
    expect(page.get_by_role("heading", name="Compare runs")).to_be_visible()
    loss = chart(page, "Loss")
    expect(loss.locator("canvas")).to_be_visible()
    expect(loss.locator(".plot")).to_have_attribute(
        "aria-label", re.compile(r"^Loss: smaller steps 1\.\d+, small-llama 1\.\d+")
    )
    page.get_by_label("From step").fill("10")
    page.get_by_label("To step").fill("29")
    page.keyboard.press("Enter")
    loss.get_by_text("Table").press("Enter")
    expect(loss.locator("details tbody tr")).to_have_count(20)
    differing = page.get_by_role("region", name="Settings that differ")
    expect(differing.locator("tbody tr")).to_have_count(1)
    expect(differing).to_contain_text("Learning rate")


def test_runs_are_compared_without_javascript(committed_cast: Cast, visit: Visit, tmp_path: Path) -> None:
    busy_workspace(committed_cast, tmp_path)
    page = visit(committed_cast.rita, javascript=False)
    page.goto("/w/acme/runs/")
    page.get_by_label("Choose small-llama").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Choose 2 to 5 runs")).to_be_visible()
    page.go_back()
    page.get_by_label("Choose small-llama").check()
    page.get_by_label("Choose kindness", exact=True).check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("region", name="Final figures")).to_contain_text("0.714")
    expect(page.get_by_text("different stages")).to_be_visible()


def test_the_answers_to_one_prompt_stand_side_by_side(
    committed_cast: Cast, visit: Visit, tmp_path: Path
) -> None:
    address = busy_workspace(committed_cast, tmp_path)["run running"]
    run = TrainingRun.objects.get(name="ppo-kindness")
    prompt = "How do I open <b>this</b> box?"
    for step, response in ((0, "Lift the lid."), (40, "Lift the lid, gently and slowly.")):
        values = {"prompt": prompt, "response": response, "score": step / 50}
        RunSample.objects.create(run=run, step=step, position=0, values=values)
    page = visit(committed_cast.rita, javascript=False)
    page.goto(address)
    samples = page.get_by_role("region", name="What the model writes")
    expect(samples.get_by_role("columnheader")).to_have_text(["Step 0", "Step 20", "Step 40"])
    expect(samples.get_by_text(prompt)).to_have_count(1)
    page.get_by_label("Compare step").select_option("0")
    page.get_by_label("with", exact=True).select_option("40")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(samples.get_by_role("columnheader")).to_have_text(["Step 0", "Step 40"])
    expect(samples.locator("ins")).to_contain_text("gently and slowly")
