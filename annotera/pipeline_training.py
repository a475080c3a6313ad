"""Where the three training stages of the pipeline stand: pretraining, fine-tuning, alignment."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Role
from annotera.pipeline_facts import NOTHING, Facts
from annotera.pipeline_steps import Count, Standing, State, Step, about, counts
from corpus.models import Dataset, DatasetVersion
from jobs.models import Job
from training.models import ModelVersion, TrainingRun
from training.models import Stage as Training

Kind = Dataset.Kind
LANGUAGE_MODELS = (Training.PRETRAIN, Training.SFT, Training.PPO)
START = {
    Training.PRETRAIN: gettext_lazy("Train the first model"),
    Training.SFT: gettext_lazy("Fine-tune a model"),
    Training.REWARD: gettext_lazy("Train a reward model"),
    Training.PPO: gettext_lazy("Run PPO"),
}


def pretrain(facts: Facts) -> Standing:
    found = training_counts(facts, Training.PRETRAIN, Kind.CORPUS)
    data = facts.version(Kind.CORPUS) or facts.version(Kind.DEMONSTRATIONS) or facts.version(Kind.PREFERENCES)
    if data is None and facts.model(Training.PRETRAIN) is None:
        return Standing(State.EMPTY, found, Step(_("Freeze a corpus first"), "sources"))
    return trained(facts, Training.PRETRAIN, found, data=data, query={"dataset": data.uid if data else ""})


def fine_tune(facts: Facts) -> Standing:
    found = training_counts(facts, Training.SFT, Kind.DEMONSTRATIONS)
    base = facts.model(Training.PRETRAIN, Training.SFT)
    data = facts.version(Kind.DEMONSTRATIONS) or facts.version(Kind.PREFERENCES)
    if base is None:
        return Standing(State.EMPTY, found, Step(_("Pretrain or import a model first"), "models"))
    if data is None:
        return Standing(State.EMPTY, found, Step(_("Release demonstrations first"), "quality"))
    return trained(facts, Training.SFT, found, data=data, query={"dataset": data.uid, "model": base.uid})


def align(facts: Facts) -> Standing:
    rewards = facts.models.get(Training.REWARD, NOTHING).count
    found = counts(
        (rewards, ngettext("reward model", "reward models", rewards)),
        (facts.models.get(Training.PPO, NOTHING).count, _("after PPO")),
    )
    base, data = facts.model(*LANGUAGE_MODELS), facts.version(Kind.PREFERENCES)
    reward, policy = facts.model(Training.REWARD), facts.model(Training.PPO)
    if base is None:
        return Standing(State.EMPTY, found, Step(_("Train a language model first"), "models"))
    if data is None and reward is None:
        return Standing(State.EMPTY, found, Step(_("Release preferences first"), "quality"))
    if policy is not None and policy.standing_alarms and not facts.count("ppo_at_work"):
        return Standing(State.ATTENTION, found, about(_("Reward hacking is suspected"), "model", policy))
    if reward is None or facts.count("reward_at_work") or _judges_first(facts, data, policy):
        query = {"dataset": data.uid if data else "", "model": base.uid}
        return trained(facts, Training.REWARD, found, data=data, query=query)
    start = facts.model(Training.SFT, Training.PRETRAIN) or base
    query = {"dataset": data.uid if data else "", "model": start.uid, "reward_model": reward.uid}
    return trained(facts, Training.PPO, found, data=None, query=query)


def _judges_first(facts: Facts, data: DatasetVersion | None, policy: ModelVersion | None) -> bool:
    """Whether the next step is a reward model although there is one: the last run failed, or the newest
    policy was trained and there are newer preferences.
    """
    run: TrainingRun | None = facts.runs.get(Training.REWARD, NOTHING).newest
    if run is None:
        return False
    is_newer = policy is not None and data is not None and data.pk > run.dataset_version_id
    return run.job.state == Job.State.FAILED or is_newer


def training_counts(facts: Facts, stage: Training, kind: Kind) -> list[Count]:
    models = facts.models.get(stage, NOTHING).count
    runs = facts.runs.get(stage, NOTHING).count
    versions = facts.versions.get(kind, NOTHING).count
    return counts(
        (models, ngettext("model", "models", models)),
        (runs, ngettext("run", "runs", runs)),
        (versions, ngettext("data version", "data versions", versions)),
    )


def trained(
    facts: Facts, stage: Training, found: list[Count], *, data: Any, query: Mapping[str, Any]
) -> Standing:
    """How a training stage stands whose parts are there. `data`: what a newer model would learn from."""
    run: TrainingRun | None = facts.runs.get(stage, NOTHING).newest
    model = facts.model(stage)
    if facts.count(f"{stage}_at_work"):
        if run is None or run.job.has_ended:
            return Standing(State.RUNNING, found, Step(_("Runs are under way"), "runs"))
        return Standing(State.RUNNING, found, about(_("Watch the run"), "run", run))
    if run is not None and run.job.state == Job.State.FAILED:
        return Standing(State.ATTENTION, found, about(_("See why the run failed"), "run", run))
    if model is None:
        step = Step(str(START[stage]), "run-new", arguments=(stage.value,), query=query, role=Role.ADMIN)
        return Standing(State.READY, found, step)
    if data is not None and run is not None and data.pk > run.dataset_version_id:
        step = Step(
            _("Train on newer data"), "run-new", arguments=(stage.value,), name=str(data), query=query,
            role=Role.ADMIN,
        )  # fmt: skip
        return Standing(State.DONE, found, step)
    return Standing(State.DONE, found, about(_("Look at the model"), "model", model))
