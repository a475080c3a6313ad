"""The checking model: a second reward model that only judges what PPO makes."""

import json
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from accounts.models import Membership
from corpus import lineage
from jobs.claiming import claim
from jobs.directories import prepare
from jobs.pulse import Pulse
from jobs.running import JobContext, Lease
from tests.conftest import Cast
from tests.training.alarmed import judges, keep, ppo_run
from tests.training.registered import frozen, make_model, make_run
from tests.training.test_pages import page, post_run, text_of
from training.job_handlers import stage_inputs
from training.models import ModelVersion, TrainingRun
from training.run_checks import RunRefused


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.fixture
def base(cast: Cast, home: Path) -> ModelVersion:
    return make_model(cast.workspace, home, name="base")


@pytest.fixture
def reward(cast: Cast, home: Path, base: ModelVersion) -> ModelVersion:
    return judges(cast.workspace, home, base=base)[0]


@pytest.fixture
def second(reward: ModelVersion) -> ModelVersion:
    return ModelVersion.objects.get(name="kindness-check")


def refusal(cast: Cast, stage: str = "ppo", **parts: Any) -> dict[str, str]:
    with pytest.raises(RunRefused) as caught:
        make_run(cast.workspace, stage, name="refused", **parts)
    assert not TrainingRun.objects.filter(name="refused").exists()
    return caught.value.fields


def test_a_run_may_do_without_one(
    cast: Cast, base: ModelVersion, reward: ModelVersion, second: ModelVersion
) -> None:
    assert make_run(cast.workspace, "ppo", base_model=base, reward_model=reward).second_model is None
    run = make_run(cast.workspace, "ppo", base_model=base, reward_model=reward, second_model=second)
    assert run.second_model == second


def test_it_must_be_another_reward_model(cast: Cast, base: ModelVersion, reward: ModelVersion) -> None:
    parts = {"base_model": base, "reward_model": reward}
    assert refusal(cast, **parts, second_model=reward).keys() == {"second_model"}
    assert refusal(cast, **parts, second_model=base).keys() == {"second_model"}


def test_the_same_weights_under_another_number_are_refused_too(
    cast: Cast, base: ModelVersion, reward: ModelVersion, second: ModelVersion
) -> None:
    ModelVersion.objects.filter(pk=second.pk).update(sha256=reward.sha256)
    second.refresh_from_db()
    fields = refusal(cast, base_model=base, reward_model=reward, second_model=second)
    assert fields.keys() == {"second_model"}


@pytest.mark.parametrize("stage", ["sft", "reward"])
def test_only_ppo_takes_one(cast: Cast, base: ModelVersion, second: ModelVersion, stage: str) -> None:
    assert refusal(cast, stage, base_model=base, second_model=second).keys() == {"second_model"}


def test_the_database_refuses_one_at_another_stage(cast: Cast, second: ModelVersion) -> None:
    run = make_run(cast.workspace)
    with pytest.raises(IntegrityError, match="run_second_model_fits_stage"), transaction.atomic():
        TrainingRun.objects.filter(pk=run.pk).update(second_model=second)


def test_one_of_another_workspace_does_not_exist(
    cast: Cast, home: Path, base: ModelVersion, reward: ModelVersion
) -> None:
    theirs = make_model(cast.charlie.workspace, home, "reward")
    fields = refusal(cast, base_model=base, reward_model=reward, second_model=theirs)
    assert list(fields) == ["second_model"]
    answer = create(cast, cast.alice, base, reward, second_model=str(theirs.uid))
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, ["second_model"])
    posted = post(cast, base, reward, second_model=theirs.uid)
    assert posted.status_code == 422
    assert list(posted.context["form"].errors) == ["second_model"]
    assert str(theirs.uid) not in posted.context["form"].as_p()
    with pytest.raises(CommandError, match="no model"):
        train(base, reward, second_model=str(theirs.uid))
    assert not TrainingRun.objects.filter(stage="ppo").exists()


def post(cast: Cast, base: ModelVersion, reward: ModelVersion, **values: object) -> Any:
    parts = {
        "dataset_version": frozen(cast.workspace).uid,
        "base_model": base.uid,
        "reward_model": reward.uid,
    }
    return post_run(cast, "ppo", **(parts | values))


def test_the_form_offers_it_and_explains_it(
    cast: Cast, base: ModelVersion, reward: ModelVersion, second: ModelVersion
) -> None:
    found = text_of(page(cast, cast.alice, "runs/new/ppo/"))
    assert "Checking model" in found
    assert "the policy never learns from it" in found
    assert 'name="second_model"' not in text_of(page(cast, cast.alice, "runs/new/reward/"))


@pytest.mark.parametrize("chosen", [True, False])
def test_the_form_takes_one_or_none(
    cast: Cast, base: ModelVersion, reward: ModelVersion, second: ModelVersion, chosen: bool
) -> None:
    answer = post(cast, base, reward, second_model=second.uid if chosen else "")
    assert answer.status_code == 302
    assert TrainingRun.objects.get(stage="ppo").second_model == (second if chosen else None)


def test_the_form_refuses_the_reward_model_itself_at_that_field(
    cast: Cast, base: ModelVersion, reward: ModelVersion
) -> None:
    answer = post(cast, base, reward, second_model=reward.uid)
    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {"second_model"}
    assert "Choose another model than the reward model" in answer.content.decode()


def create(cast: Cast, who: Membership, base: ModelVersion, reward: ModelVersion, **body: Any) -> Any:
    parts = {"dataset_version": frozen(cast.workspace), "base_model": base, "reward_model": reward}
    body = {"stage": "ppo"} | {name: str(part.uid) for name, part in parts.items()} | body
    return cast.api(who).post("/api/v1/runs/", body, format="json")


def test_the_api_takes_and_tells_it(
    cast: Cast, base: ModelVersion, reward: ModelVersion, second: ModelVersion
) -> None:
    made = create(cast, cast.alice, base, reward, second_model=str(second.uid))
    assert (made.status_code, made.json()["second_model"]) == (201, str(second.uid))
    [listed] = [
        row for row in cast.api(cast.rita).get("/api/v1/runs/").json()["results"] if row["stage"] == "ppo"
    ]
    assert listed["second_model"] == str(second.uid)
    assert create(cast, cast.alice, base, reward).json()["second_model"] is None
    assert create(cast, cast.alice, base, reward, second_model=None).status_code == 201
    for wrong in (str(reward.uid), "one", 7):
        answer = create(cast, cast.alice, base, reward, second_model=wrong)
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, ["second_model"])


def train(base: ModelVersion, reward: ModelVersion, **options: Any) -> dict[str, Any]:
    out = StringIO()
    call_command(
        "train", "ppo", workspace="acme", dataset="boxes", model=str(base.uid), reward_model=str(reward.uid),
        stdout=out, stderr=StringIO(), **options,
    )  # fmt: skip
    return dict(json.loads(out.getvalue()))


@pytest.mark.parametrize("name", ["kindness-check", "kindness-check v1"])
def test_the_command_takes_it_by_name(
    cast: Cast, base: ModelVersion, reward: ModelVersion, second: ModelVersion, name: str
) -> None:
    printed = train(base, reward, second_model=name)
    assert TrainingRun.objects.get(uid=printed["run"]).second_model == second


def test_the_command_says_what_is_wrong(cast: Cast, base: ModelVersion, reward: ModelVersion) -> None:
    with pytest.raises(CommandError, match="second_model: Choose another model"):
        train(base, reward, second_model="kindness")


def test_the_engine_gets_a_verified_copy(cast: Cast, home: Path) -> None:
    run = ppo_run(cast.workspace, home)
    # The queue is served in order: the runs that made the models are waiting no longer.
    job = claim(queue="training", owner="tests", kinds={"training.run"})
    assert job == run.job
    prepare(job)
    context = JobContext(job, pulse=Pulse(Lease.of(job), taken_at=time.monotonic(), request_id=""))
    inputs = stage_inputs(context, run)
    assert inputs.keys() == {"dataset", "model", "reward_model", "second_model"}
    assert run.second_model is not None
    for file in run.second_model.manifest["files"]:
        assert (Path(inputs["second_model"]) / file["name"]).stat().st_size == file["bytes"]
    assert "second_model" not in stage_inputs(context, TrainingRun.objects.filter(second_model=None)[0])


def test_it_is_a_parent_of_the_policy(cast: Cast, home: Path) -> None:
    run = ppo_run(cast.workspace, home)
    policy = keep(run, home)
    roles = {edge.role: edge.parent_uid for edge in lineage.parents_of("model_version", policy.uid)}
    assert roles.keys() == {"base", "reward_model", "second_model", "prompts"}
    assert run.second_model is not None and roles["second_model"] == run.second_model.uid
    assert {parent["role"] for parent in policy.manifest["parents"]} == roles.keys()
    assert "checking model" in text_of(page(cast, cast.rita, f"models/{policy.uid}/"))
    found = text_of(page(cast, cast.rita, f"runs/{run.uid}/"))
    assert f"/w/acme/models/{run.second_model.uid}/" in found
    assert "kindness-check</bdi> v1" in found
