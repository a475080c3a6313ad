"""PPO runs with the figures and alarms of the engine's protocol, for the tests of what is made of them."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from accounts.models import Workspace
from jobs.models import Job
from tests.training.registered import finish, make_model, make_run
from training.models import ModelVersion, RunAlarm, RunMetric, TrainingRun

LENGTH: dict[str, Any] = {
    "kind": "length",
    "reason": "The reward rose by 0.84 while the answers became longer: from 21 to 48 tokens on average.",
    "hint": "The reward model may judge length. Read the samples.",
}
SECOND: dict[str, Any] = {
    "kind": "second_score",
    "reason": "The reward rose by 0.84 while the second score, never learnt from, fell by 0.31.",
    "hint": "The two judges part over what the policy learnt.",
}
KL: dict[str, Any] = {
    "kind": "kl",
    "reason": "The policy drifted 27.4 nats an answer away from the start; the limit is 25.",
    "hint": "Raise the KL coefficient or lower the learning rate.",
}
FIGURES = {
    "heldout_prompts": 128, "best_update": 16,
    "heldout_reward_before": -0.092, "heldout_reward_after": 0.411,
    "heldout_reward_gain": 0.503, "heldout_reward_gain_se": 0.045,
    "heldout_second_score_before": 0.021, "heldout_second_score_after": 0.064,
    "heldout_second_score_gain": 0.043, "heldout_second_score_gain_se": 0.051,
    "heldout_kl_sequence_before": 0.0, "heldout_kl_sequence_after": 2.264,
    "heldout_distinct_share_before": 1.0, "heldout_distinct_share_after": 0.976,
    "heldout_ended_share_before": 0.742, "heldout_ended_share_after": 1.0,
    "heldout_response_length_before": 37.4, "heldout_response_length_after": 13.5,
    "heldout_reference_perplexity_before": 18.2, "heldout_reference_perplexity_after": 9.61,
    "heldout_length_ratio": 0.361,
}  # fmt: skip


def ppo_run(workspace: Workspace, directory: Path, **parts: Any) -> TrainingRun:
    """A PPO run with a reward model and a checking model."""
    base = make_model(workspace, directory)
    reward, second = judges(workspace, directory, base=base)
    models = {"base_model": base, "reward_model": reward, "second_model": second}
    return make_run(workspace, "ppo", **(models | parts))


def judges(workspace: Workspace, directory: Path, *, base: ModelVersion) -> tuple[ModelVersion, ModelVersion]:
    """Two reward models from the same data, with other seeds."""
    first, second = (
        make_model(workspace, directory, "reward", base_model=base, name=name, config_values={"seed": seed})
        for seed, name in enumerate(("kindness", "kindness-check"))
    )
    return first, second


def raise_alarms(run: TrainingRun, *alarms: dict[str, Any], at: Iterable[int]) -> None:
    """Alarms that stood at these updates, with the figures of the evaluations at them."""
    for step in at:
        evaluate(run, step)
        for alarm in alarms:
            RunAlarm.objects.create(run=run, step=step, **alarm)


def evaluate(run: TrainingRun, step: int) -> None:
    values = {"reward": 0.1 * step, "kl_sequence": 0.2 * step, "heldout_kl_sequence": 0.21 * step}
    RunMetric.objects.update_or_create(run=run, step=step, defaults={"values": values})


def keep(run: TrainingRun, directory: Path, *alarms: dict[str, Any], **figures: float) -> ModelVersion:
    """End the run with a model for which these alarms stand."""
    figures = FIGURES | figures
    standing = [alarm | {"step": figures["best_update"]} for alarm in alarms]
    return finish(run, directory, alarms=standing, **figures)


def set_running(run: TrainingRun) -> None:
    now = timezone.now()
    Job.objects.filter(pk=run.job_id).update(
        state=Job.State.RUNNING, progress=0.42, sentence="Update 10 of 24", attempt=1, started_at=now,
        lease_owner="worker", lease_until=now + timedelta(hours=1), heartbeat_at=now,
    )  # fmt: skip
