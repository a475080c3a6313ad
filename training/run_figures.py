"""The figure by which a run is judged, with its error where it is known, and which of several is the best.

A lower loss or a higher accuracy is better only on the same held-out data, cut into the same tokens; a gain
in reward only from the same start under the same reward model. Elsewhere nothing is marked, nor is what
cannot be told apart from the next one, or whose error nobody knows.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext as _

from training.comparison import SURE, number, short, with_error
from training.figures import HEADLINES, in_order, label_of, written
from training.models import Stage, TrainingRun
from training.typed_settings import settings_fields

Better = Literal["higher", "lower"]
MAIN = {
    Stage.PRETRAIN: "heldout_loss",
    Stage.SFT: "heldout_loss",
    Stage.REWARD: "heldout_accuracy",
    Stage.PPO: "heldout_reward_gain",
}
BETTER: dict[str, Better] = {
    "heldout_loss": "lower",
    "heldout_token_accuracy": "higher",
    "heldout_accuracy": "higher",
    "heldout_ece": "lower",
    "heldout_reward_gain": "higher",
    "heldout_second_score_gain": "higher",
}
ERROR = "_se"
# Settings that change what is measured, not only how well: a loss in other tokens is on another scale.
MEASURING = {
    Stage.PRETRAIN: ("vocabulary_size", "tokenizer_characters", "context_length", "evaluation_rows"),
    Stage.SFT: ("max_length", "evaluation_rows"),
    Stage.REWARD: ("max_length", "evaluation_rows"),
    Stage.PPO: ("max_prompt_tokens", "max_new_tokens", "temperature", "evaluation_rows"),
}
# A loss is in tokens of the base, a gain is counted from it. An accuracy over pairs is neither.
MEASURED_FROM_BASE = {Stage.SFT, Stage.PPO}


@dataclass(frozen=True)
class MainFigure:
    label: str
    value: str


@dataclass(frozen=True)
class FinalCell:
    value: str
    is_best: bool = False


@dataclass(frozen=True)
class FinalRow:
    """`better` says in words which direction is good, empty where neither is."""

    label: str
    better: str
    cells: list[FinalCell]
    # More than one of the runs has it.
    is_shared: bool = True
    # It says how good a model is, not how the run went.
    is_main: bool = False


def final_metrics(run: TrainingRun) -> Mapping[str, Any]:
    found = run.result.get("metrics", {})
    return found if isinstance(found, dict) else {}


def main_figure(stage: str, metrics: Mapping[str, Any]) -> MainFigure | None:
    """None where it was not measured."""
    name = MAIN.get(Stage(stage), "")
    value = number(metrics, name)
    if value is None:
        return None
    return MainFigure(label=label_of(name), value=shown(metrics, name))


def shown(metrics: Mapping[str, Any], name: str) -> str:
    """With its 95 % interval where its standard error is known."""
    value, error = number(metrics, name), number(metrics, name + ERROR)
    if value is None:
        return "–"
    if error is not None:
        return with_error(value, error)
    return written(value) if isinstance(value, int) else short(value)


def incomparable(runs: Sequence[TrainingRun]) -> str:
    """Why no figure of these runs is better than another; empty when they can be compared."""
    if len({run.stage for run in runs}) > 1:
        return _("These runs are of different stages, so no figure is marked as the best.")
    if len({run.dataset_version_id for run in runs}) > 1:
        return _("These runs were measured on different held-out data, so no figure is marked as the best.")
    if len({(run.reward_model_id, run.second_model_id) for run in runs}) > 1:
        return _("These runs were judged by different reward models, so no figure is marked as the best.")
    stage = Stage(runs[0].stage)
    if stage in MEASURED_FROM_BASE and len({run.base_model_id for run in runs}) > 1:
        return _("These runs started from different models, so no figure is marked as the best.")
    differing = [name for name in MEASURING[stage] if len({run.config.get(name) for run in runs}) > 1]
    if differing:
        labels = [_(settings_fields(stage)[name].metadata["label"]) for name in differing]
        return _(
            "These runs differ in what changes the measurement itself (%(settings)s), so no figure is marked "
            "as the best."
        ) % {"settings": ", ".join(labels)}
    return ""


def final_rows(runs: Sequence[TrainingRun]) -> list[FinalRow]:
    """Every figure that any of the runs has in the end, those that judge them first."""
    metrics = [final_metrics(run) for run in runs]
    is_fair = len(runs) > 1 and not incomparable(runs)
    suspected = [bool(run.standing_alarms) for run in runs]
    names = {name for found in metrics for name in found if not name.endswith(ERROR)}
    judging = [name for name in BETTER if name in names]
    rows = []
    for name in [*judging, *in_order(names - set(judging))]:
        best = best_of(metrics, name, barred=suspected) if is_fair else None
        cells = [FinalCell(shown(found, name), is_best=at == best) for at, found in enumerate(metrics)]
        is_shared = sum(name in found for found in metrics) > 1
        rows.append(
            FinalRow(
                label=label_of(name),
                better=_in_words(BETTER.get(name)),
                cells=cells,
                is_shared=is_shared,
                is_main=name in BETTER or name in HEADLINES,
            )
        )
    return rows


def _in_words(better: Better | None) -> str:
    words = {"higher": _("higher is better"), "lower": _("lower is better")}
    return words[better] if better else ""


def best_of(metrics: Sequence[Mapping[str, Any]], name: str, *, barred: Sequence[bool]) -> int | None:
    """The place of the best value that can be told apart from the next; None where there is none.

    With standard errors e and f, two values differ when their distance is above 2 * sqrt(e^2 + f^2); without
    either, nobody can tell. A run under an alarm is never the best: its figures may be what was hacked.
    """
    better = BETTER.get(name)
    known = [(value, at) for at, found in enumerate(metrics) if (value := number(found, name)) is not None]
    if better is None or len(known) < 2:
        return None
    known.sort(reverse=better == "higher")
    (value, best), (other, next_best) = known[:2]
    errors = [number(metrics[at], name + ERROR) for at in (best, next_best)]
    known_errors = [error for error in errors if error is not None]
    if barred[best] or len(known_errors) < 2 or abs(value - other) <= SURE * math.hypot(*known_errors):
        return None
    return best
