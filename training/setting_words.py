"""What a form says of a setting beside its help: its unit, its default and how far it may go."""

from dataclasses import dataclass
from typing import Any

from django.forms import BoundField
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from training.figures import written

UNITS: dict[str, Promise] = {
    "warmup_steps": gettext_lazy("updates"),
    "warmup_updates": gettext_lazy("updates"),
    "evaluate_every": gettext_lazy("updates"),
    "samples_every": gettext_lazy("updates"),
    "checkpoint_every": gettext_lazy("updates"),
    "batch_size": gettext_lazy("in one update"),
    "vocabulary_size": gettext_lazy("tokens"),
    "context_length": gettext_lazy("tokens"),
    "max_length": gettext_lazy("tokens"),
    "max_new_tokens": gettext_lazy("tokens"),
    "max_prompt_tokens": gettext_lazy("tokens"),
    "tokenizer_characters": gettext_lazy("characters"),
    "evaluation_rows": gettext_lazy("rows"),
    "kl_target": gettext_lazy("nats an answer"),
    "kl_stop": gettext_lazy("nats an answer"),
    "rollout_batch_size": gettext_lazy("answers"),
    "mixture_epochs": gettext_lazy("passes"),
}


@dataclass(frozen=True)
class ExplainedField:
    """`about` gives the default and the range in one line."""

    field: BoundField
    unit: str
    about: str


def explained(field: BoundField, *, name: str, setting: Any) -> ExplainedField:
    """`setting` is the field of the config dataclass that the form's field stands for."""
    default = _("Default %(value)s") % {"value": written(setting.default)}
    return ExplainedField(
        field=field, unit=str(UNITS.get(name, "")), about=f"{default}{_range(setting.metadata)}"
    )


def _range(about: Any) -> str:
    if "minimum" not in about:
        return ""
    ends = {"least": f"{about['minimum']:,.10g}", "most": f"{about['maximum']:,.10g}"}
    return " · " + _("%(least)s to %(most)s") % ends
