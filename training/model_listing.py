"""Models in lists: by name with their versions, where they answer, and what to do with one next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from training.alarm_notices import Badge, badge_of_model
from training.models import ModelVersion, Stage, TrainingRun
from training.run_figures import MainFigure, final_metrics, main_figure
from training.sample_steps import Cell, cell_of

SAMPLES_SHOWN = 5


@dataclass(frozen=True)
class Row:
    model: ModelVersion
    badge: Badge | None
    figure: MainFigure | None
    deployments: list[Any]


@dataclass(frozen=True)
class NextStep:
    label: str
    about: str
    url: str


@dataclass(frozen=True)
class Sample:
    step: int
    cell: Cell


def with_deployments(models: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Each with the names under which it answers, which the app above this one keeps."""
    field: Any = ModelVersion._meta.get_field("deployments")
    active = field.related_model._default_manager.filter(state="active").order_by("name")
    return models.prefetch_related(Prefetch("deployments", queryset=active, to_attr="active_deployments"))


def deployments_of(model: ModelVersion) -> list[Any]:
    found: list[Any] = getattr(model, "active_deployments", [])
    return found


def by_name(models: Iterable[ModelVersion]) -> list[list[Row]]:
    """The newest name first, and of each name the newest version first."""
    groups: dict[str, list[Row]] = {}
    for model in models:
        groups.setdefault(model.name, []).append(
            Row(
                model=model,
                badge=badge_of_model(model),
                figure=main_figure(model.stage, model.metrics),
                deployments=deployments_of(model),
            )
        )
    return list(groups.values())


def next_steps(model: ModelVersion, *, slug: str) -> list[NextStep]:
    """What an admin can do with it, the usual first."""
    uid = model.uid
    if model.stage == Stage.REWARD:
        url = f"{reverse('run-new', args=[slug, 'ppo'])}?reward_model={uid}"
        return [NextStep(_("Run PPO with this reward model"), _("A policy learns to please it."), url)]
    steps = {
        "sft": NextStep(
            _("Fine-tune"),
            _("Teach it by demonstrations."),
            f"{reverse('run-new', args=[slug, 'sft'])}?model={uid}",
        ),
        "reward": NextStep(
            _("Train a reward model from it"),
            _("It learns to score answers as people rank them."),
            f"{reverse('run-new', args=[slug, 'reward'])}?model={uid}",
        ),
        "ppo": NextStep(
            _("Run PPO from it"),
            _("It learns to please a reward model."),
            f"{reverse('run-new', args=[slug, 'ppo'])}?model={uid}",
        ),
        "deploy": NextStep(
            _("Deploy"),
            _("It answers prompts, and people say what they think of its answers."),
            f"{reverse('deployments', args=[slug])}?model={uid}",
        ),
    }
    first = {Stage.PRETRAIN: "sft", Stage.SFT: "reward", Stage.PPO: "deploy"}[Stage(model.stage)]
    return [steps.pop(first), *steps.values()]


def last_samples(run: TrainingRun | None) -> Sequence[Sample]:
    """A few of what it wrote last, in the order in which it wrote them.

    PPO keeps the policy of its best update: what a later one wrote is not this model's.
    """
    if run is None:
        return []
    rows = run.sample_rows.all()
    kept = final_metrics(run).get("best_update")
    if isinstance(kept, int | float):
        rows = rows.filter(step__lte=kept)
    newest = rows.order_by("-step").first()
    if newest is None:
        return []
    found = rows.filter(step=newest.step).order_by("position")[:SAMPLES_SHOWN]
    return [Sample(step=row.step, cell=cell_of(row)) for row in found]
