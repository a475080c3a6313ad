"""Pages of runs and models: who sees them, what they show, and what they cost."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Membership
from core.ids import uuid7
from jobs.launching import cancel
from jobs.models import Job
from tests.conftest import Cast
from tests.training.registered import finish, frozen, make_model, make_run
from training.configs import STAGES
from training.models import RunMetric, RunSample, TrainingRun


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


def page(cast: Cast, who: Membership, path: str, **headers: str) -> Any:
    return cast.client(who).get(f"/w/acme/{path}", headers=headers)


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.content.decode()[:3000]
    return str(response.content.decode())


def post_run(cast: Cast, stage: str, **values: object) -> Any:
    form = cast.client(cast.alice).get(f"/w/acme/runs/new/{stage}/").context["form"]
    defaults = {field.html_name: field.value() for field in form if field.value() is not None}
    data = {name: value for name, value in (defaults | values).items() if value is not False}
    return cast.client(cast.alice).post(f"/w/acme/runs/new/{stage}/", data)


def test_an_admin_starts_a_run_from_the_form(cast: Cast) -> None:
    version = frozen(cast.workspace)
    answer = post_run(cast, "pretrain", dataset_version=version.uid, name="first", **{"set-steps": "12"})
    run = TrainingRun.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/w/acme/runs/{run.uid}/")
    assert (run.name, run.config["steps"], run.config["heads"]) == ("first", 12, 4)
    assert (run.created_by, run.job.state, run.job.queue) == (cast.alice, Job.State.QUEUED, "training")
    assert AuditEvent.objects.filter(kind=AuditEvent.Kind.RUN_STARTED, object_uid=run.uid).count() == 1


def test_ppo_is_started_with_its_policy_and_its_reward_model(cast: Cast, home: Path) -> None:
    base = make_model(cast.workspace, home)
    reward = make_model(cast.workspace, home, "reward", base_model=base)
    switched_off = {"set-normalise_scores": False}
    answer = post_run(
        cast, "ppo", dataset_version=frozen(cast.workspace).uid, base_model=base.uid, reward_model=reward.uid,
        **switched_off,
    )  # fmt: skip
    assert answer.status_code == 302
    run = TrainingRun.objects.get(stage="ppo")
    assert (run.base_model, run.reward_model) == (base, reward)
    assert (run.config["normalise_scores"], run.config["whiten_advantages"]) == (False, True)


@pytest.mark.parametrize("stage", list(STAGES))
def test_every_setting_of_a_stage_has_a_field_with_its_default(cast: Cast, home: Path, stage: str) -> None:
    make_model(cast.workspace, home, "reward")
    found = text_of(page(cast, cast.alice, f"runs/new/{stage}/"))
    for name, value in vars(STAGES[stage]()).items():
        assert f'name="set-{name}"' in found
        assert isinstance(value, bool) or f'value="{value}"' in found


def test_a_refused_form_comes_back_with_its_errors_and_what_was_typed(cast: Cast) -> None:
    version = frozen(cast.workspace)
    wrong = {"set-steps": "many", "set-heads": "3", "set-batch_size": "-1"}
    answer = post_run(cast, "pretrain", dataset_version=version.uid, name="my run", **wrong)
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert 'value="many"' in shown
    assert 'value="my run"' in shown
    errors = answer.context["form"].errors
    assert errors.keys() == {"set-steps", "set-batch_size"}
    assert not TrainingRun.objects.exists()


def test_an_error_in_an_advanced_setting_opens_that_part(cast: Cast) -> None:
    answer = post_run(cast, "pretrain", dataset_version=frozen(cast.workspace).uid, **{"set-heads": "3"})
    assert answer.status_code == 422
    assert "<details open>" in answer.content.decode()


def test_a_part_of_another_workspace_is_no_choice(cast: Cast) -> None:
    frozen(cast.workspace)
    theirs = frozen(cast.charlie.workspace, "theirs")
    answer = post_run(cast, "pretrain", dataset_version=theirs.uid)
    assert answer.status_code == 422
    assert "dataset_version" in answer.context["form"].errors


def test_the_form_says_what_must_exist_first(cast: Cast) -> None:
    assert "freeze or import one first" in text_of(page(cast, cast.alice, "runs/new/reward/"))
    frozen(cast.workspace)
    assert "run pretraining first" in text_of(page(cast, cast.alice, "runs/new/reward/"))


def test_who_waits_for_a_model_is_led_to_the_run_that_makes_it(cast: Cast, home: Path) -> None:
    frozen(cast.workspace)
    run = make_run(cast.workspace)
    theirs = make_run(cast.charlie.workspace)
    waiting = text_of(page(cast, cast.alice, "runs/new/reward/"))
    assert f'href="/w/acme/runs/{run.uid}/"' in waiting
    assert str(theirs.uid) not in waiting
    assert "run pretraining first" not in waiting
    cancel(job=run.job, by=cast.alice)
    assert "run pretraining first" in text_of(page(cast, cast.alice, "runs/new/reward/"))


def test_a_link_fills_the_form(cast: Cast, home: Path) -> None:
    reward = make_model(cast.workspace, home, "reward")
    found = text_of(page(cast, cast.alice, f"runs/new/ppo/?reward_model={reward.uid}"))
    assert f'<option value="{reward.uid}" selected>' in found
    assert page(cast, cast.alice, "runs/new/ppo/?reward=1").status_code == 400
    assert page(cast, cast.alice, "runs/new/dance/").status_code == 404


def test_the_run_page_shows_state_figures_samples_and_settings(cast: Cast, home: Path) -> None:
    run = make_run(cast.workspace, name="a <b>bold</b> run", by=cast.alice)
    RunMetric.objects.create(run=run, step=1, values={"loss": 2.25})
    RunSample.objects.create(
        run=run, step=1, position=0, values={"prompt": "Hi", "response": "<script>x</script>", "score": 0.5}
    )
    model = finish(run, home, heldout_loss=1.25)
    found = text_of(page(cast, cast.rita, f"runs/{run.uid}/"))
    assert "2.25" in found
    assert "1.25" in found
    assert "&lt;script&gt;x&lt;/script&gt;" in found
    assert "<b>bold" not in found
    assert f"/w/acme/models/{model.uid}/" in found
    assert 'data-running="false"' in found
    assert 'data-last-step="1"' in found


def test_a_failed_run_says_why_and_what_to_do(cast: Cast) -> None:
    run = make_run(cast.workspace)
    Job.objects.filter(pk=run.job_id).update(
        state=Job.State.FAILED,
        ended_at=run.created_at,
        reason="It diverged.",
        hint="Lower the learning rate.",
    )
    found = text_of(page(cast, cast.rita, f"runs/{run.uid}/"))
    assert "It diverged." in found
    assert "Lower the learning rate." in found


def test_the_live_fragment_stops_asking_when_the_run_has_ended(cast: Cast) -> None:
    run = make_run(cast.workspace)
    fragment = page(cast, cast.rita, f"runs/{run.uid}/", **{"HX-Request": "true"})
    assert 'hx-trigger="every 2s"' in text_of(fragment)
    assert "<html" not in text_of(fragment)
    Job.objects.filter(pk=run.job_id).update(state=Job.State.CANCELLED, ended_at=run.created_at)
    fragment = page(cast, cast.rita, f"runs/{run.uid}/", **{"HX-Request": "true"})
    assert "hx-trigger" not in text_of(fragment)


def test_the_metrics_are_columns_for_the_charts(cast: Cast) -> None:
    run = make_run(cast.workspace)
    RunMetric.objects.create(run=run, step=1, values={"loss": 2.0})
    RunMetric.objects.create(run=run, step=2, values={"loss": 1.0, "heldout_loss": 1.5})
    found = page(cast, cast.rita, f"runs/{run.uid}/metrics/").json()
    assert found["series"] == {
        "loss": {"steps": [1, 2], "values": [2.0, 1.0]},
        "heldout_loss": {"steps": [2], "values": [1.5]},
    }
    assert (found["next"], found["running"], found["state"]) == (2, True, "queued")
    assert [series["name"] for series in found["charts"][0]["series"]] == ["loss", "heldout_loss"]
    later = page(cast, cast.rita, f"runs/{run.uid}/metrics/?after=2").json()
    assert (later["series"], later["next"], later["charts"]) == ({}, 2, [])
    assert page(cast, cast.rita, f"runs/{run.uid}/metrics/?after=x").status_code == 400
    assert page(cast, cast.rita, f"runs/{run.uid}/metrics/?since=2").status_code == 400


def test_a_chart_shows_the_floor_beside_the_coefficient(cast: Cast, home: Path) -> None:
    reward = make_model(cast.workspace, home, "reward")
    run = make_run(cast.workspace, "ppo", base_model=reward.made_by.base_model, reward_model=reward)
    RunMetric.objects.create(run=run, step=1, values={"kl_coefficient": 0.15, "kl_sequence": 0.5})
    found = page(cast, cast.rita, f"runs/{run.uid}/metrics/").json()
    floor, target = (found["series"][name]["values"] for name in ("kl_floor", "kl_target"))
    assert (floor, target) == ([0.1], [4.0])
    guides = [series["name"] for chart in found["charts"] for series in chart["series"] if series["guide"]]
    assert guides == ["kl_target", "kl_floor"]
    api = cast.api(cast.rita).get(f"/api/v1/runs/{run.uid}/metrics/").json()
    assert api["series"].keys() == {"kl_coefficient", "kl_sequence"}


def test_an_admin_cancels_a_queued_run_by_a_plain_post(cast: Cast) -> None:
    run = make_run(cast.workspace)
    path = f"/w/acme/runs/{run.uid}/cancel/"
    answer = cast.client(cast.alice).post(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/w/acme/runs/{run.uid}/")
    assert Job.objects.get(pk=run.job_id).state == Job.State.CANCELLED
    assert AuditEvent.objects.filter(kind=AuditEvent.Kind.RUN_CANCELLED).count() == 1
    assert cast.client(cast.alice).get(path).status_code == 405


def test_a_run_that_has_ended_cannot_be_cancelled(cast: Cast, home: Path) -> None:
    run = make_run(cast.workspace)
    finish(run, home)
    assert cast.client(cast.alice).post(f"/w/acme/runs/{run.uid}/cancel/").status_code == 409
    assert not AuditEvent.objects.filter(kind=AuditEvent.Kind.RUN_CANCELLED).exists()


def test_the_model_page_shows_files_parents_and_the_next_step(cast: Cast, home: Path) -> None:
    policy = make_model(cast.workspace, home, "ppo")
    found = text_of(page(cast, cast.alice, f"models/{policy.uid}/"))
    for file in policy.manifest["files"]:
        assert file["sha256"] in found
    assert "a reward v1 (reward model)" in found
    assert "a pretrain v1 (pretraining)" in found
    assert "boxes v1" in found
    reward = policy.made_by.reward_model
    assert reward is not None
    found = text_of(page(cast, cast.alice, f"models/{reward.uid}/"))
    assert f"/w/acme/runs/new/ppo/?reward_model={reward.uid}" in found
    assert "a ppo v1 (PPO)" in found


def test_lists_say_what_to_do_when_they_are_empty(cast: Cast) -> None:
    assert "No runs yet" in text_of(page(cast, cast.alice, "runs/"))
    assert "No models yet" in text_of(page(cast, cast.alice, "models/"))


def test_runs_can_be_narrowed_to_one_dataset_version(cast: Cast) -> None:
    here = make_run(cast.workspace, name="here")
    make_run(cast.workspace, name="elsewhere", dataset_version=frozen(cast.workspace, "other"))
    found = text_of(page(cast, cast.rita, f"runs/?dataset={here.dataset_version.uid}"))
    assert "here" in found
    assert "elsewhere" not in found
    assert page(cast, cast.rita, "runs/?dataset=1").status_code == 400
    assert page(cast, cast.rita, "runs/?data=1").status_code == 400


def test_lists_page_by_cursor(cast: Cast) -> None:
    for number in range(51):
        make_run(cast.workspace, name=f"run-{number:02d}")
    first = page(cast, cast.rita, "runs/")
    assert "run-00" not in text_of(first)
    older = page(cast, cast.rita, f"runs/?before={first.context['page'].next_cursor}")
    assert "run-00" in text_of(older)


@pytest.mark.parametrize("path", ["runs/", "models/", "datasets/"])
def test_a_list_costs_the_same_at_ten_and_at_fifty_rows(cast: Cast, home: Path, path: str) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert page(cast, cast.alice, path).status_code == 200
        return len(queries)

    for number in range(10):
        make_model(
            cast.workspace, home, name=f"m{number}", dataset_version=frozen(cast.workspace, f"d{number}")
        )
    few = cost()
    for number in range(10, 50):
        make_model(
            cast.workspace, home, name=f"m{number}", dataset_version=frozen(cast.workspace, f"d{number}")
        )
    assert cost() == few


READERS = (
    "runs/",
    "models/",
    "runs/{run}/",
    "runs/{run}/metrics/",
    "models/{model}/",
    "datasets/",
    "datasets/{data}/",
)


@pytest.mark.parametrize("path", READERS)
def test_reviewers_read_and_annotators_and_strangers_do_not(cast: Cast, home: Path, path: str) -> None:
    model = make_model(cast.workspace, home)
    path = path.format(run=model.made_by.uid, model=model.uid, data=frozen(cast.workspace).uid)
    statuses = [page(cast, who, path).status_code for who in (cast.alice, cast.rita, cast.bob, cast.charlie)]
    assert statuses == [200, 200, 403, 404]


def test_only_admins_start_and_cancel(cast: Cast) -> None:
    run = make_run(cast.workspace)
    for path in ("runs/new/pretrain/", f"runs/{run.uid}/cancel/"):
        for who, status in ((cast.rita, 403), (cast.bob, 403), (cast.charlie, 404)):
            assert cast.client(who).post(f"/w/acme/{path}").status_code == status
    assert Job.objects.get(pk=run.job_id).state == Job.State.QUEUED


@pytest.mark.parametrize("path", ["runs/{}/", "runs/{}/metrics/", "models/{}/", "datasets/{}/"])
def test_what_does_not_exist_here_answers_404(cast: Cast, home: Path, path: str) -> None:
    theirs = make_model(cast.charlie.workspace, home)
    for uid in (uuid7(), theirs.uid, theirs.made_by.uid, theirs.made_by.dataset_version.uid):
        assert page(cast, cast.alice, path.format(uid)).status_code == 404
