"""A policy that leaves its starting point too far behind: the alarm comes up by itself and says why."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from corpus.models import DatasetVersion
from jobs.models import Job
from tests.conftest import Cast
from tests.jobs.processes import Worker
from tests.journeys.conftest import Visit
from tests.journeys.looking import LOOKS, findings, look_at, sideways
from tests.journeys.test_from_ranking_to_ppo import TINY_MODEL, TINY_PPO, TINY_REWARD, launch
from tests.training.alarmed import (
    LENGTH,
    SECOND,
    evaluate,
    keep,
    ppo_run,
    raise_alarms,
    set_running,
)
from tests.training.conftest import (
    broker,
    freeze_tones,
    start_training_worker,
    training_broker,
    training_worker,
)
from tests.training.registered import finish, make_run
from training.model_imports import import_model
from training.models import ModelVersion, RunAlarm, TrainingRun
from training.registry import stage_model
from training.runs import start_run

__all__ = ["broker", "start_training_worker", "training_broker", "training_worker"]

pytestmark = [pytest.mark.browser]

# Nothing holds this policy: the first update takes it whole nats away, far past the limit.
UNBOUND = {
    "updates": 3, "evaluate_every": 3, "evaluation_rows": 16, "epochs": 2, "minibatches": 2,
    "learning_rate": 0.03, "policy_clip": 10, "warmup_updates": 0, "kl_coefficient": 0, "kl_target": 0,
    "kl_floor": 0, "kl_stop": 0.02,
}  # fmt: skip


def trained(
    cast: Cast, wait_for: Callable[..., None], stage: str, version: DatasetVersion, **parts: object
) -> ModelVersion:
    """A model by the real engine."""
    run = start_run(workspace=cast.workspace, stage=stage, dataset_version=version, by=cast.alice, **parts)
    wait_for(lambda: Job.objects.get(pk=run.job_id).has_ended, seconds=120, what=f"the {stage} model")
    run = TrainingRun.objects.get(pk=run.pk)
    assert run.output_model is not None, run.job.reason
    return run.output_model


@pytest.mark.processes
@pytest.mark.engine
@pytest.mark.timeout(420)
def test_alice_sees_why_a_policy_is_not_to_be_trusted(
    committed_cast: Cast,
    visit: Visit,
    training_worker: Worker,
    wait_for: Callable[..., None],
    tmp_path: Path,
) -> None:
    cast, version = committed_cast, freeze_tones(committed_cast)
    small = TINY_MODEL | {"steps": 4, "batch_size": 4, "evaluation_rows": 8}
    starter = trained(cast, wait_for, "pretrain", version, name="starter", config_values=small)
    judge = trained(
        cast, wait_for, "reward", version, name="judge", base_model=starter, config_values=TINY_REWARD
    )
    # To train another one would take a fifth of a minute and show nothing more.
    copied = stage_model(judge, tmp_path / "judge")
    second = import_model(
        workspace=cast.workspace, directory=copied, name="from elsewhere", stage="reward", licence="MIT"
    )

    page = visit(cast.alice)
    page.goto(f"/w/acme/models/{judge.uid}/")
    launch(
        page,
        button="Run PPO with this reward model",
        settings=TINY_PPO | UNBOUND,
        base_model=str(starter),
        second_model=str(second),
    )
    expect(page.get_by_role("link", name="Open the model")).to_be_visible(timeout=120_000)
    expect(page.locator("[data-run-charts] canvas").first).to_be_visible(timeout=15_000)

    alarm = page.locator(".notice-alarm")
    expect(alarm).to_contain_text("An alarm stood during training")
    expect(alarm).to_contain_text("the starting policy itself was kept")
    alarm.get_by_text("What it said").click()
    expect(alarm.get_by_text("nats an answer away from the start; the limit is 0.02.")).to_be_visible()
    expect(alarm.get_by_text("Raise the KL coefficient")).to_be_visible()
    expect(page.locator("main")).to_contain_text("The KL limit stopped the training after update")
    table = page.get_by_role("region", name="On held-out prompts").get_by_role("table")
    for label in ("Reward", "Score of the checking model", "KL per answer", "Distinct answers", "Perplexity"):
        expect(table.get_by_role("rowheader").filter(has_text=label).first).to_be_visible()
    for title in ("KL coefficient", "Distinct answers", "Score of the checking model"):
        expect(page.locator("figure.chart", has=page.get_by_text(title, exact=True))).to_be_visible()
    assert findings(page) + sideways(page) == []

    run = TrainingRun.objects.get(stage="ppo")
    assert RunAlarm.objects.filter(run=run, kind="kl").exists()
    assert run.standing_alarms == []
    page.get_by_role("link", name="Open the model").click()
    expect(page.locator("main")).to_contain_text("checking model")
    page.goto("/w/acme/runs/")
    badges = page.get_by_role("row").filter(has_text=run.name).locator(".badge")
    expect(badges.filter(has_text="alarm in training")).to_be_visible()


def mark(page: Page) -> None:
    """Whatever is still there afterwards was not replaced."""
    page.locator(".notice-alarm").evaluate("element => { element.dataset.seen = 'yes'; }")


def test_an_alarm_comes_up_on_an_open_page_and_stays_as_it_is(
    committed_cast: Cast, visit: Visit, tmp_path: Path
) -> None:
    run = ppo_run(committed_cast.workspace, tmp_path)
    set_running(run)
    page = visit(committed_cast.alice)
    page.goto(f"/w/acme/runs/{run.uid}/")
    notice = page.locator(".notice-alarm")
    expect(notice).to_have_count(0)

    raise_alarms(run, LENGTH, at=[8])
    expect(page.get_by_role("alert").filter(has_text="Reward hacking suspected")).to_be_visible(
        timeout=10_000
    )
    expect(notice).to_contain_text(LENGTH["reason"])
    assert findings(page) == []
    mark(page)
    Job.objects.filter(pk=run.job_id).update(sentence="Update 12 of 24")
    expect(page.locator("#run-state")).to_contain_text("Update 12 of 24", timeout=10_000)
    # A notice that is put in again is read out again.
    expect(notice).to_have_attribute("data-seen", "yes")

    evaluate(run, 16)
    expect(page.get_by_role("status").filter(has_text="An alarm stood")).to_be_visible(timeout=10_000)
    notice.locator("summary").click()
    expect(notice.get_by_text(LENGTH["reason"])).to_be_visible()
    Job.objects.filter(pk=run.job_id).update(sentence="Update 20 of 24")
    expect(page.locator("#run-state")).to_contain_text("Update 20 of 24", timeout=10_000)
    expect(notice.get_by_text(LENGTH["reason"])).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_alarms_and_figures_are_open_to_everybody(
    scheme: str, width: int, committed_cast: Cast, visit: Visit, tmp_path: Path
) -> None:
    workspace = committed_cast.workspace
    hacked = ppo_run(workspace, tmp_path, name="hacked")
    parts = {"base_model": hacked.base_model, "reward_model": hacked.reward_model}
    passed = make_run(workspace, "ppo", name="passed", **parts)
    for run in (hacked, passed):
        raise_alarms(run, LENGTH, SECOND, at=[8, 24])
    model = keep(hacked, tmp_path, LENGTH, SECOND)
    keep(passed, tmp_path)
    judge = make_run(workspace, "reward", base_model=hacked.base_model, name="judge")
    finish(
        judge, tmp_path, heldout_accuracy=0.714, heldout_accuracy_se=0.021, heldout_ece=0.043,
        heldout_length_correlation=-0.1, heldout_longer_is_better=0.459,
    )  # fmt: skip
    page = visit(committed_cast.alice, scheme=scheme, width=width)
    paths = (f"runs/{hacked.uid}/", f"runs/{judge.uid}/", f"models/{model.uid}/", "runs/", "models/")
    found = [line for path in paths for line in look_at(page, f"/w/acme/{path}")]
    page.goto(f"/w/acme/runs/{passed.uid}/")
    page.locator(".notice-alarm summary").click()
    assert found + findings(page) + sideways(page) == []
