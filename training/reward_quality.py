"""How good a reward model is, in figures that say beside them what good looks like."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from training.comparison import MINUS, SURE, Verdict, number, percent

WELL_CALIBRATED = 0.05


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Quality:
    tiles: list[Tile]
    verdicts: list[Verdict]


def quality_of(metrics: Mapping[str, Any]) -> Quality | None:
    """Accuracy, calibration and what length alone would get; None without an accuracy."""
    accuracy = number(metrics, "heldout_accuracy")
    if accuracy is None:
        return None
    tiles = [
        _accuracy(accuracy, number(metrics, "heldout_accuracy_se")),
        *_calibration(number(metrics, "heldout_ece")),
        *_length_correlation(number(metrics, "heldout_length_correlation")),
        *_longer(number(metrics, "heldout_longer_is_better")),
    ]
    return Quality(tiles=tiles, verdicts=_verdicts(metrics, accuracy))


def _accuracy(accuracy: float, error: float | None) -> Tile:
    value = percent(accuracy)
    if error is not None:
        value = f"{100 * accuracy:.1f} ± {100 * SURE * error:.1f} %"
    meaning = _("Held-out pairs ranked as people did, with the 95 % interval. 50 % is guessing.")
    return Tile(label=_("Accuracy"), value=value, meaning=meaning)


def _calibration(error: float | None) -> list[Tile]:
    if error is None:
        return []
    meaning = _("How far its certainty is off. 0 is best; up to 0.05 it can be taken at its word.")
    return [Tile(label=_("Calibration error"), value=f"{error:.3f}", meaning=meaning)]


def _length_correlation(correlation: float | None) -> list[Tile]:
    if correlation is None:
        return []
    meaning = _("Between the scores and the lengths. Near 0 is good; near 1 or −1 it counts words.")
    value = f"{correlation:+.2f}".replace("-", MINUS)
    return [Tile(label=_("Length correlation"), value=value, meaning=meaning)]


def _longer(share: float | None) -> list[Tile]:
    if share is None:
        return []
    meaning = _("The accuracy of a rule that reads nothing. The model must be clearly better.")
    return [Tile(label=_("“The longer answer wins”"), value=f"{100 * share:.1f} %", meaning=meaning)]


def _verdicts(metrics: Mapping[str, Any], accuracy: float) -> list[Verdict]:
    error = number(metrics, "heldout_accuracy_se")
    return [] if error is None else [_verdict(metrics, least=accuracy - SURE * error)]


def _verdict(metrics: Mapping[str, Any], *, least: float) -> Verdict:
    longer = number(metrics, "heldout_longer_is_better")
    # A model can count words in either direction.
    by_length = max(longer, 1 - longer) if longer is not None else 0.5
    if least > max(0.5, by_length):
        return Verdict("good", _("It is clearly better than guessing and than any rule about length."))
    if least > 0.5:
        return Verdict("unsure", _("It is clearly better than guessing, but not than a rule about length."))
    return Verdict("bad", _("Its accuracy cannot be told apart from guessing."))
