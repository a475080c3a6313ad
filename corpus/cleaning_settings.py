"""What a cleaning run may be told: which steps, how alike is too alike, and the filter's thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import Invalid
from corpus.cleaning.near_duplicates import LEAST_THRESHOLD
from corpus.cleaning.quality import Thresholds, ThresholdWrong, thresholds_from
from corpus.models import Source

# In the order in which a document goes through them.
STEPS = {
    "normalise": gettext_lazy("Mend the text"),
    "exact_duplicates": gettext_lazy("Exact duplicates"),
    "near_duplicates": gettext_lazy("Near duplicates"),
    "quality": gettext_lazy("Quality filter"),
}
REASONS = {
    "same_text": gettext_lazy("the same text but for case, spaces and forms of letters"),
    "similar_text": gettext_lazy("shares most of its five-word phrases with another"),
    "too_few_words": gettext_lazy("too few words"),
    "too_many_words": gettext_lazy("too many words"),
    "too_few_letters": gettext_lazy("too few letters and digits among its characters"),
    "repeated_lines": gettext_lazy("too many repeated lines"),
    "repeated_phrases": gettext_lazy("too many repeated phrases"),
}
NEAR_THRESHOLD = 0.8


@dataclass(frozen=True)
class CleaningSettings:
    steps: tuple[str, ...]
    near_threshold: float
    quality: Thresholds

    def as_json(self) -> dict[str, Any]:
        return {
            "steps": list(self.steps),
            "near_threshold": self.near_threshold,
            "quality": self.quality.as_json(),
        }


def checked_settings(source: Source, values: Mapping[str, object] | None = None) -> CleaningSettings:
    """The settings of a run: what is given, else the source's thresholds, else the defaults.

    Raises Invalid that names each wrong field.
    """
    given, problems = dict(values or {}), {}
    for name in set(given) - {"steps", "near_threshold", "quality"}:
        problems[str(name)] = _("Unknown field.")
    steps = given.get("steps", list(STEPS))
    if not _are_steps(steps):
        problems["steps"] = _("Choose at least one of: %(steps)s.") % {"steps": ", ".join(STEPS)}
    threshold = given.get("near_threshold", NEAR_THRESHOLD)
    if not _is_threshold(threshold):
        problems["near_threshold"] = _("A number from %(least)s to 1.") % {"least": LEAST_THRESHOLD}
    quality = Thresholds()
    try:
        quality = thresholds_from({**source.filters, **_mapping(given.get("quality", {}))})
    except ThresholdWrong as error:
        problems["quality"] = str(error)
    if problems:
        raise Invalid(_("Some fields need mending."), fields=problems)
    chosen = tuple(name for name in STEPS if name in list(steps))  # type: ignore[call-overload]
    return CleaningSettings(steps=chosen, near_threshold=float(threshold), quality=quality)  # type: ignore[arg-type]


def _are_steps(value: object) -> bool:
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(name, str) and name in STEPS for name in value)


def _is_threshold(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and LEAST_THRESHOLD <= value <= 1  # type: ignore[operator]


def _mapping(value: object) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise ThresholdWrong("thresholds are an object of names and numbers")
