"""The main job, as people do it: rank, freeze, train a reward model, run PPO, see the parents."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from jobs.models import Job
from tests.conftest import Cast
from tests.jobs.processes import Worker
from tests.journeys.conftest import Visit
from tests.journeys.ranking import open_ready, submit_by_keys
from tests.journeys.worlds import ranking_project
from tests.training.conftest import (
    broker,
    freeze_tones,
    start_training_worker,
    training_broker,
    training_worker,
)
from training.models import ModelVersion
from training.runs import start_run

__all__ = ["broker", "start_training_worker", "training_broker", "training_worker"]

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.engine, pytest.mark.timeout(420)]

TINY_MODEL = {"vocabulary_size": 300, "hidden_size": 32, "layers": 1, "heads": 2, "context_length": 128}
TINY_REWARD = {"steps": 3, "batch_size": 4, "max_length": 128, "evaluation_rows": 8}
TINY_PPO = {
    "updates": 2, "batch_size": 8, "minibatches": 1, "epochs": 1, "max_new_tokens": 8,
    "max_prompt_tokens": 64, "evaluation_rows": 4, "samples_every": 1,
}  # fmt: skip


def base_model(cast: Cast, wait_for: Callable[..., None]) -> ModelVersion:
    run = start_run(
        workspace=cast.workspace,
        stage="pretrain",
        name="starter",
        config_values=TINY_MODEL | {"steps": 4, "batch_size": 4, "evaluation_rows": 8},
        dataset_version=freeze_tones(cast),
        by=cast.alice,
    )
    wait_for(lambda: Job.objects.get(pk=run.job_id).has_ended, seconds=120, what="the starter model")
    run.refresh_from_db()
    assert run.output_model is not None, run.job.reason
    return run.output_model


def launch(page: Page, *, button: str, settings: dict[str, int], **parts: str) -> None:
    """Open the form of a run from the button on a page, fill in what matters, and start it."""
    page.get_by_role("link", name=button).click()
    for label, value in parts.items():
        page.locator(f"select[name={label}]").select_option(label=value)
    advanced = page.locator("form details")
    if advanced.count():
        advanced.first.evaluate("element => { element.open = true; }")
    for name, value in settings.items():
        page.locator(f"form [name=set-{name}]").fill(str(value))
    page.get_by_role("button", name="Start the run").click()


def watch_it_finish(page: Page) -> None:
    """Stay on the run page: it shows the end by itself, with a chart and the way to the model."""
    expect(page.get_by_role("link", name="Open the model")).to_be_visible(timeout=120_000)
    expect(page.locator("[data-run-charts] canvas").first).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="Open the model").click()


def test_bob_ranks_and_alice_trains_a_reward_model_and_runs_ppo(
    committed_cast: Cast, visit: Visit, training_worker: Worker, wait_for: Callable[..., None]
) -> None:
    cast = committed_cast
    project = ranking_project(cast, tasks=3)
    starter = base_model(cast, wait_for)

    bob = visit(cast.bob)
    bob.goto(f"/w/acme/projects/{project.uid}/")
    bob.get_by_role("button", name="Start ranking").focus()
    bob.keyboard.press("Enter")
    bob.wait_for_url("**/assignments/**")
    open_ready(bob, bob.url)
    submit_by_keys(bob, "2", "1", "3")
    submit_by_keys(bob, "1", "2", "3")
    submit_by_keys(bob, "3", "1", "2")
    expect(bob.locator("#task")).to_contain_text(re.compile("answered|done", re.IGNORECASE))

    alice = visit(cast.alice)
    alice.goto(f"/w/acme/projects/{project.uid}/")
    alice.get_by_role("button", name="Freeze the preferences").click()
    alice.wait_for_url("**/datasets/**")
    frozen = alice.locator("h1").inner_text()
    expect(alice.locator("main")).to_contain_text("9")

    launch(alice, button="Train a reward model on this", settings=TINY_REWARD, base_model=str(starter))
    watch_it_finish(alice)
    reward_model = alice.locator("h1").inner_text()
    expect(alice.locator("main")).to_contain_text(frozen)

    launch(alice, button="Run PPO with this reward model", settings=TINY_PPO, base_model=str(starter))
    watch_it_finish(alice)
    made_from = alice.locator("section", has=alice.get_by_role("heading", name="Made from"))
    for parent in (str(starter), reward_model, frozen):
        expect(made_from).to_contain_text(parent)
