"""The form of a new run, made from the stage's config dataclass: one truth for form, API and command line."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from accounts.models import Membership
from corpus.access import versions_of
from corpus.models import DatasetVersion
from jobs.models import Job
from training.access import models_of, run_for, runs_of
from training.models import ModelVersion, Stage, TrainingRun
from training.run_checks import DATA_KINDS, RunRefused, base_stages
from training.run_listing import as_uid
from training.setting_words import ExplainedField, explained
from training.typed_settings import settings_fields, typed_value

MOST_CHOICES = 200
# What a person usually thinks about; everything else waits behind "More settings".
BASIC = {
    Stage.PRETRAIN: ("steps", "batch_size", "hidden_size", "layers"),
    Stage.SFT: ("steps", "batch_size", "learning_rate"),
    Stage.REWARD: ("steps", "batch_size", "learning_rate"),
    Stage.PPO: ("updates", "batch_size", "max_new_tokens", "kl_coefficient", "kl_target"),
}
PREFIX = "set-"


@dataclass(frozen=True)
class Missing:
    """Why the form cannot be filled in, and the stage to run first; empty where data is missing.

    `run` is one that is making the missing model now: the person only has to wait for it.
    """

    reason: str
    first: str
    run: TrainingRun | None = None


class RunForm(forms.Form):
    """Fields for the parts of the run, then one for each setting, named `set-<setting>`."""

    name = forms.CharField(max_length=120, required=False)

    def __init__(self, *args: Any, stage: Stage, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stage = stage
        self.membership = membership
        usable = versions_of(membership).filter(dataset__kind__in=DATA_KINDS[stage], redacted_at=None)
        self.versions = _by_uid(usable.order_by("-pk")[:MOST_CHOICES])
        bases = base_stages(stage)
        models = models_of(membership).filter(stage__in=Stage.values).order_by("-pk")
        self.bases = _by_uid(models.filter(stage__in=bases)[:MOST_CHOICES]) if bases else {}
        wants_reward = stage == Stage.PPO
        self.rewards = _by_uid(models.filter(stage=Stage.REWARD)[:MOST_CHOICES]) if wants_reward else {}
        self.fields["name"].label = _("Name")
        self.fields["name"].help_text = _(
            "The model gets this name too. Left empty, it is named after its data."
        )
        self.fields["dataset_version"] = _choice(_("Dataset version"), self.versions)
        if bases:
            self.fields["base_model"] = _choice(_("Start from the model"), self.bases)
        if wants_reward:
            self.fields["reward_model"] = _choice(_("Reward model"), self.rewards)
            self.fields["second_model"] = _checking_model(self.rewards)
        for name, field in settings_fields(stage).items():
            self.fields[PREFIX + name] = _setting(field)

    def parts(self) -> list[forms.BoundField]:
        return [field for field in self if not field.name.startswith(PREFIX)]

    def basic(self) -> list[ExplainedField]:
        return self._explained(BASIC[self.stage])

    def advanced(self) -> list[ExplainedField]:
        return self._explained(
            [name for name in settings_fields(self.stage) if name not in BASIC[self.stage]]
        )

    def _explained(self, names: Sequence[str]) -> list[ExplainedField]:
        settings = settings_fields(self.stage)
        return [explained(self[PREFIX + name], name=name, setting=settings[name]) for name in names]

    def advanced_has_errors(self) -> bool:
        return any(row.field.errors for row in self.advanced())

    def missing(self) -> Missing | None:
        """What must exist before this stage can run at all; None when everything is there."""
        if not self.versions:
            return Missing(
                _("There is no frozen dataset version for this stage yet: freeze or import one first."), ""
            )
        if "base_model" in self.fields and not self.bases:
            reason = _("There is no language model to start from yet: run pretraining first.")
            return self._in_the_making(base_stages(self.stage)) or Missing(reason, Stage.PRETRAIN)
        if "reward_model" in self.fields and not self.rewards:
            reason = _("There is no reward model yet: train one first.")
            return self._in_the_making([Stage.REWARD]) or Missing(reason, Stage.REWARD)
        return None

    def _in_the_making(self, stages: Collection[Stage]) -> Missing | None:
        underway = runs_of(self.membership).filter(stage__in=stages).exclude(job__state__in=Job.ENDED)
        run = underway.order_by("-pk").first()
        if run is None:
            return None
        reason = _(
            "The model that this needs is being trained by the run “%(run)s”. Come back when it is done."
        )
        return Missing(reason % {"run": run.name}, run.stage, run)

    def chosen(self) -> dict[str, Any]:
        """The arguments of `start_run`, from a form that is valid."""
        given = self.cleaned_data
        kinds = {name: field.metadata["kind"] for name, field in settings_fields(self.stage).items()}
        return {
            "stage": self.stage,
            "name": given["name"],
            "dataset_version": self.versions.get(given["dataset_version"]),
            "base_model": self.bases.get(given.get("base_model", "")),
            "reward_model": self.rewards.get(given.get("reward_model", "")),
            "second_model": self.rewards.get(given.get("second_model", "")),
            "config_values": {
                name: given[PREFIX + name] if kind is bool else typed_value(given[PREFIX + name], kind=kind)
                for name, kind in kinds.items()
            },
        }

    def add_refusal(self, refusal: RunRefused) -> None:
        """Put each reason beside its field."""
        for name, reason in refusal.fields.items():
            field = name if name in self.fields else PREFIX + name
            self.add_error(field if field in self.fields else None, reason)


def initial_values(stage: Stage, query: dict[str, str], *, membership: Membership) -> dict[str, Any]:
    """The defaults of the stage, and what the link that led here had chosen: parts, or a run to repeat."""
    defaults = {PREFIX + name: field.default for name, field in settings_fields(stage).items()}
    if uid := query.get("run", ""):
        defaults |= _as_in_run(run_for(membership=membership, uid=as_uid(uid, field="run")), stage)
    links = {"dataset": "dataset_version", "model": "base_model", "reward_model": "reward_model"}
    return defaults | {field: query[name] for name, field in links.items() if name in query}


def _as_in_run(run: TrainingRun, stage: Stage) -> dict[str, Any]:
    """What that run was told; only what this stage knows, should it be of another."""
    parts = {
        "dataset_version": run.dataset_version,
        "base_model": run.base_model,
        "reward_model": run.reward_model,
        "second_model": run.second_model,
    }
    known = {PREFIX + name: run.config[name] for name in settings_fields(stage) if name in run.config}
    return known | {"name": run.name} | {name: str(part.uid) for name, part in parts.items() if part}


def _by_uid(found: Any) -> dict[str, Any]:
    return {str(row.uid): row for row in found}


def _choice(label: str, rows: dict[str, DatasetVersion] | dict[str, ModelVersion]) -> forms.ChoiceField:
    choices = [(uid, str(row)) for uid, row in rows.items()]
    return forms.ChoiceField(
        label=label, choices=choices, error_messages={"invalid_choice": _("Choose one of these.")}
    )


def _checking_model(rewards: dict[str, ModelVersion]) -> forms.ChoiceField:
    field = _choice(_("Checking model"), rewards)
    field.required = False
    field.choices = [("", _("None")), *((uid, str(row)) for uid, row in rewards.items())]
    field.help_text = _(
        "A reward model that only judges the held-out answers; the policy never learns from it. When its "
        "score falls while the reward rises, the alarm says so. Best trained on other pairs or another seed."
    )
    return field


def _setting(field: Any) -> forms.Field:
    about = field.metadata
    texts: dict[str, Any] = {"label": _(about["label"]), "help_text": _(about["help"])}
    if about["kind"] is bool:
        return forms.BooleanField(required=False, **texts)
    if about["kind"] is str:
        return forms.ChoiceField(choices=[(word, word) for word in about["choices"]], **texts)
    step = "1" if about["kind"] is int else "any"
    limits = {"min": about["minimum"], "max": about["maximum"], "step": step}
    return forms.CharField(max_length=40, widget=forms.NumberInput(attrs=limits), **texts)
