"""From a frozen version to a policy with a real worker and the real engine, as small as it gets."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEvent
from corpus import lineage
from corpus.models import DatasetVersion
from jobs.directories import log_of
from jobs.models import Job
from tests.conftest import Cast
from tests.jobs.processes import Worker
from tests.training.conftest import freeze_tones
from training import following
from training.metrics import metrics_for
from training.models import ModelVersion, RunSample, TrainingRun
from training.registry import stage_model
from training.runs import cancel_run, start_run

pytestmark = [pytest.mark.processes, pytest.mark.engine]

TINY_MODEL = {"vocabulary_size": 300, "hidden_size": 32, "layers": 1, "heads": 2, "context_length": 64}
TINY = {
    "pretrain": TINY_MODEL | {"steps": 6, "batch_size": 4, "checkpoint_every": 3, "evaluation_rows": 8},
    "sft": {"steps": 3, "batch_size": 4, "max_length": 64, "evaluation_rows": 8},
    "reward": {"steps": 3, "batch_size": 4, "max_length": 64, "evaluation_rows": 8},
    "ppo": {
        "updates": 2, "batch_size": 8, "minibatches": 1, "epochs": 1, "max_new_tokens": 8,
        "max_prompt_tokens": 40, "evaluation_rows": 4, "samples_every": 1,
    },
}  # fmt: skip

Ended = Callable[[TrainingRun], TrainingRun]


@pytest.fixture
def ended(wait_for: Callable[..., None]) -> Ended:
    def wait(run: TrainingRun) -> TrainingRun:
        wait_for(lambda: Job.objects.get(pk=run.job_id).has_ended, seconds=120, what=f"the end of {run.name}")
        return TrainingRun.objects.select_related("job", "output_model").get(pk=run.pk)

    return wait


def launch(cast: Cast, stage: str, version: DatasetVersion, **parts: Any) -> TrainingRun:
    return start_run(
        workspace=cast.workspace,
        stage=stage,
        name=f"tiny {stage}",
        config_values=TINY[stage] | parts.pop("settings", {}),
        dataset_version=version,
        by=cast.alice,
        **parts,
    )


def model_of(run: TrainingRun) -> ModelVersion:
    assert run.job.state == Job.State.SUCCEEDED, f"{run.job.reason} {run.job.hint}"
    assert run.output_model is not None
    return run.output_model


def test_preferences_become_a_policy_with_all_its_parents(
    committed_cast: Cast, training_worker: Worker, ended: Ended, tmp_path: Path
) -> None:
    cast = committed_cast
    version = freeze_tones(cast)
    base = model_of(ended(launch(cast, "pretrain", version)))
    sft = model_of(ended(launch(cast, "sft", version, base_model=base)))
    reward = model_of(ended(launch(cast, "reward", version, base_model=sft)))
    run = ended(launch(cast, "ppo", version, base_model=sft, reward_model=reward))
    policy = model_of(run)

    edges = {(edge.parent_uid, edge.role) for edge in lineage.parents_of("model_version", policy.uid)}
    assert edges == {(sft.uid, "base"), (reward.uid, "reward_model"), (version.uid, "prompts")}
    ancestors = {edge.parent_uid for edge in lineage.walk_up(("model_version", policy.uid))}
    assert {base.uid, sft.uid, reward.uid, version.uid} == ancestors

    points = metrics_for(run)
    assert points.steps == [1, 2]
    assert all(
        isinstance(value, float) for name in ("reward", "kl_sequence") for value in points.series[name].values
    )
    assert RunSample.objects.filter(run=run).exists()
    assert "heldout_reward_gain" in policy.metrics
    assert run.environment["seed"] == 17
    assert {"torch", "trl", "threads", "device"} <= run.environment.keys()
    assert run.result["steps"] == 2
    staged = stage_model(policy, tmp_path / "policy")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in staged.iterdir()}


def test_a_running_run_is_cancelled_and_keeps_its_metrics(
    committed_cast: Cast, training_worker: Worker, ended: Ended, wait_for: Callable[..., None]
) -> None:
    cast = committed_cast
    run = launch(cast, "pretrain", freeze_tones(cast), settings={"steps": 1_000_000})
    wait_for(lambda: metrics_for(run).steps, seconds=60, what="the first metrics")
    cancel_run(run=run, by=cast.alice)
    run = ended(run)
    assert run.job.state == Job.State.CANCELLED
    assert run.output_model is None
    assert not ModelVersion.objects.exists()
    assert metrics_for(run).steps
    assert AuditEvent.objects.filter(kind=AuditEvent.Kind.RUN_CANCELLED, object_uid=run.uid).count() == 1


def test_a_run_that_cannot_work_says_why_and_what_to_do(
    committed_cast: Cast, training_worker: Worker
) -> None:
    freeze_tones(committed_cast)
    out = StringIO()
    # Such a context is longer than all the text there is.
    with pytest.raises(CommandError, match="100,000"):
        call_command(
            "train", "pretrain", workspace="acme", dataset="tones", settings_given=["context_length=100000"],
            wait=True, stdout=out, stderr=StringIO(),
        )  # fmt: skip
    printed = json.loads(out.getvalue())
    run = TrainingRun.objects.select_related("job").get(uid=printed["run"])
    assert (printed["state"], run.job.state, printed["model"]) == ("failed", Job.State.FAILED, None)
    assert "100,000" in run.job.reason
    assert run.job.hint
    assert not ModelVersion.objects.exists()


def test_damaged_data_is_found_before_the_engine_starts(
    committed_cast: Cast, training_worker: Worker, ended: Ended, own_storage: Path
) -> None:
    cast = committed_cast
    version = freeze_tones(cast)
    for path in (own_storage / "blobs").rglob(version.manifest["files"][0]["sha256"]):
        path.write_bytes(path.read_bytes()[:-1])
    run = ended(launch(cast, "pretrain", version))
    assert run.job.state == Job.State.FAILED
    assert "damaged" in run.job.reason


def test_the_command_waits_for_the_model_and_prints_it(committed_cast: Cast, training_worker: Worker) -> None:
    freeze_tones(committed_cast)
    out, err = StringIO(), StringIO()
    settings = [f"{name}={value}" for name, value in TINY["pretrain"].items()]
    call_command(
        "train", "pretrain", workspace="acme", dataset="tones v1", settings_given=settings, wait=True,
        stdout=out, stderr=err,
    )  # fmt: skip
    printed = json.loads(out.getvalue())
    model = ModelVersion.objects.get(uid=printed["model"])
    assert printed["model_name"] == "tones pretrain v1"
    assert printed["metrics"] == model.metrics
    assert printed["seconds"] > 0
    assert "running" in err.getvalue() or "%" in err.getvalue()


def test_a_run_survives_the_death_of_its_worker_and_goes_on_from_its_checkpoint(
    committed_cast: Cast,
    training_worker: Worker,
    start_training_worker: Callable[[], Worker],
    ended: Ended,
    wait_for: Callable[..., None],
) -> None:
    cast = committed_cast
    run = launch(cast, "pretrain", freeze_tones(cast), settings={"steps": 600, "checkpoint_every": 20})
    wait_for(lambda: metrics_for(run).last_step >= 60, seconds=90, what="some steps")
    training_worker.kill()
    reached = metrics_for(run).last_step
    assert reached < 600
    start_training_worker()
    run = ended(run)
    assert run.output_model is not None
    assert run.job.attempt == 2
    assert metrics_for(run).steps == list(range(1, 601))
    assert "esum" in log_of(run.job.uid).read().text


def test_following_a_run_that_nobody_takes_says_so(
    committed_cast: Cast, broker: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = committed_cast
    run = launch(cast, "pretrain", freeze_tones(cast))
    monkeypatch.setattr(following, "SECONDS_UNTIL_IMPATIENT", 0.1)
    monkeypatch.setattr(following, "SECONDS_BETWEEN_LOOKS", 0.05)
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if "No worker" in line:
            cancel_run(run=run, by=cast.alice)

    assert following.follow(run, tell=tell).job.state == Job.State.CANCELLED
    assert told[0] == "queued"
    assert "make run" in told[1]
    assert told[-1] == "cancelled"
