"""How figures are called, grouped into charts and written. Pure but for the translation of their names."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from training.metrics import Line

LABELS: dict[str, Promise] = {
    "loss": _("loss"),
    "train_loss": _("training loss"),
    "heldout_loss": _("held-out loss"),
    "token_accuracy": _("token accuracy"),
    "heldout_token_accuracy": _("held-out token accuracy"),
    "accuracy": _("accuracy"),
    "heldout_accuracy": _("held-out accuracy"),
    "heldout_accuracy_se": _("its standard error"),
    "heldout_longer_is_better": _("accuracy of “the longer answer wins”"),
    "heldout_ece": _("calibration error"),
    "heldout_length_correlation": _("correlation of score and length"),
    "heldout_score_mean": _("mean of the held-out scores"),
    "heldout_score_sd": _("deviation of the held-out scores"),
    "margin": _("margin"),
    "heldout_margin": _("held-out margin"),
    "reward": _("reward"),
    "reward_after_kl": _("reward less KL"),
    "reward_normalised": _("reward, normalised"),
    "second_score": _("score of the checking model"),
    "kl_sequence": _("KL per answer"),
    "kl_token": _("KL per token"),
    "kl_coefficient": _("KL coefficient"),
    "kl_floor": _("its floor"),
    "kl_target": _("target"),
    "response_length": _("tokens per answer"),
    "distinct_share": _("distinct"),
    "ended_share": _("with an end"),
    "reference_perplexity": _("perplexity"),
    "policy_loss": _("policy loss"),
    "value_loss": _("value loss"),
    "entropy": _("entropy"),
    "explained_variance": _("explained variance"),
    "clip_fraction": _("share of clipped tokens"),
    "approx_kl": _("KL of the update"),
    "value_mean": _("mean value"),
    "grad_norm": _("gradient norm"),
    "value_grad_norm": _("gradient norm of the value model"),
    "learning_rate": _("learning rate"),
    "heldout_reward_gain": _("gain in held-out reward"),
    "heldout_reward_gain_se": _("its standard error"),
    "heldout_second_score_gain": _("gain in the score of the checking model"),
    "heldout_second_score_gain_se": _("its standard error"),
    "heldout_length_ratio": _("length after, as a multiple"),
    "best_update": _("update that was kept"),
    "stopped_at_update": _("update at which the KL limit stopped"),
    "train_rows": _("training rows"),
    "heldout_rows": _("held-out rows"),
    "prompts_cut": _("prompts cut"),
    "answers_cut": _("answers cut"),
    "train_tokens": _("training tokens"),
    "heldout_tokens": _("held-out tokens"),
    "train_prompts": _("training prompts"),
    "heldout_prompts": _("held-out prompts"),
    "parameters": _("parameters"),
    "vocabulary": _("vocabulary"),
}
COMPOSED: tuple[tuple[re.Pattern[str], Promise], ...] = (
    (re.compile(r"heldout_(?P<figure>.+)_before"), _("held-out %(figure)s before")),
    (re.compile(r"heldout_(?P<figure>.+)_after"), _("held-out %(figure)s after")),
    (re.compile(r"heldout_(?P<figure>.+)"), _("held-out %(figure)s")),
    (re.compile(r"final_(?P<figure>.+)"), _("last %(figure)s")),
    (re.compile(r"seconds_(?P<figure>.+)"), _("seconds of %(figure)s")),
)
# Of pretraining; what follows the colon is a source's name, as a person gave it.
OF_SOURCES: dict[str, Promise] = {
    "source_tokens": _("tokens read of “%(source)s”"),
    "source_epochs": _("passes over “%(source)s”"),
}
# What stands on top of a run's final figures, the rest following.
HEADLINES = (
    "heldout_accuracy", "heldout_accuracy_se", "heldout_loss", "heldout_reward_gain",
    "heldout_reward_gain_se", "heldout_reward_before", "heldout_reward_after", "heldout_kl_sequence_after",
    "heldout_distinct_share_after",
)  # fmt: skip
CHARTS: tuple[tuple[Promise, tuple[str, ...]], ...] = (
    (_("Reward"), ("reward", "heldout_reward")),
    (_("Score of the checking model"), ("heldout_second_score",)),
    (
        _("Reward, in standard deviations"),
        ("reward_normalised", "heldout_reward_normalised", "reward_after_kl"),
    ),
    (_("KL from the starting policy"), ("kl_sequence", "heldout_kl_sequence", "kl_target")),
    (_("KL coefficient"), ("kl_coefficient", "kl_floor")),
    (_("Distinct answers"), ("distinct_share", "heldout_distinct_share")),
    (_("Answers that end"), ("ended_share", "heldout_ended_share")),
    (_("Length of the answers"), ("response_length", "heldout_response_length")),
    (_("Perplexity under the starting policy"), ("heldout_reference_perplexity",)),
    (_("Loss"), ("loss", "heldout_loss")),
    (_("Accuracy"), ("accuracy", "heldout_accuracy")),
    (_("Token accuracy"), ("token_accuracy", "heldout_token_accuracy")),
    (_("Margin"), ("margin", "heldout_margin")),
    (_("Policy and value loss"), ("policy_loss", "value_loss")),
    (_("Entropy"), ("entropy",)),
    (_("Gradient norm"), ("grad_norm", "value_grad_norm")),
    (_("Learning rate"), ("learning_rate",)),
)

# In PPO, which has many charts, these say little beside the others: how the optimiser fares.
LESSER_IN_PPO = {"policy_loss", "entropy", "grad_norm", "learning_rate"}
# Settings that stand in a chart beside what they govern: the figure that must be there, and the setting.
GUIDES = (("kl_coefficient", "kl_floor"), ("kl_sequence", "kl_target"))


@dataclass(frozen=True)
class Figure:
    name: str
    label: str
    value: str


def label_of(name: str) -> str:
    """The figure's name in words; `heldout_reward_before` is made of what `reward` is called."""
    if name in LABELS:
        return str(LABELS[name])
    figure, _colon, source = name.partition(":")
    if source and figure in OF_SOURCES:
        return str(OF_SOURCES[figure]) % {"source": source}
    for pattern, sentence in COMPOSED:
        found = pattern.match(name)
        if found:
            return str(sentence) % {"figure": label_of(found["figure"])}
    return name.replace("_", " ")


def charts_for(names: Collection[str]) -> list[dict[str, Any]]:
    """The charts that have something to show. Each names all its series: others may be measured later."""
    guides = {setting for _figure, setting in GUIDES}
    lesser = LESSER_IN_PPO if "kl_sequence" in names else set()
    return [
        {
            "title": str(title),
            "isLesser": series[0] in lesser,
            "series": [{"name": name, "label": label_of(name), "guide": name in guides} for name in series],
        }
        for title, series in CHARTS
        if any(name in names and name not in guides for name in series)
    ]


def guides_of(series: Mapping[str, Line], *, config: Mapping[str, object]) -> dict[str, Line]:
    """Level lines for the settings above zero that govern a measured figure, at the steps where it is."""
    return {
        setting: Line(steps=series[figure].steps, values=[float(level)] * len(series[figure].steps))
        for figure, setting in GUIDES
        if figure in series and isinstance(level := config.get(setting), int | float) and level > 0
    }


def in_order(names: Collection[str]) -> list[str]:
    """Names in the order in which they are known here, the unknown ones after them: JSON keeps no order."""
    known = list(LABELS)
    return sorted(names, key=lambda name: (known.index(name) if name in LABELS else len(known), name))


def written(value: object) -> str:
    """A number with four significant digits, a large whole one with separators."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def final_figures(metrics: Mapping[str, object]) -> tuple[list[Figure], list[Figure]]:
    """The headlines of a model's figures, and all the others by name."""
    first = [name for name in HEADLINES if name in metrics]
    rest = in_order(set(metrics) - set(first))
    return _figures(metrics, first), _figures(metrics, rest)


def _figures(metrics: Mapping[str, object], names: list[str]) -> list[Figure]:
    return [Figure(name=name, label=label_of(name), value=written(metrics[name])) for name in names]
