"""The charts of a run in a real browser: drawn, followed to the end, with a table behind, in both themes."""

import re
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from jobs.models import Job
from tests.conftest import Cast, poll
from tests.journeys.conftest import Visit
from tests.journeys.worlds import busy_workspace
from training.models import RunMetric, TrainingRun

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
