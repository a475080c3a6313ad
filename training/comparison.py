"""What a PPO run changed on held-out prompts: a table, and sentences that say no more than the figures do."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# A change is told apart from noise when it is more than so many standard errors: 95 % of what chance alone
# does stays below.
SURE = 2.0
MINUS = "\N{MINUS SIGN}"
UNBROKEN = "\N{NO-BREAK SPACE}"
NOTHING = "–"


@dataclass(frozen=True)
class Row:
    label: str
    meaning: str
    before: str
    after: str
    change: str


@dataclass(frozen=True)
class Verdict:
    """One sentence on one score; `level` is good, bad or unsure."""

    level: str
    text: str


@dataclass(frozen=True)
class Comparison:
    rows: list[Row]
    verdicts: list[Verdict]
    kept: str


Metrics = Mapping[str, Any]
FIGURES: tuple[tuple[str, Promise, Promise, str], ...] = (
    ("reward", gettext_lazy("Reward"), gettext_lazy("Mean score of the reward model."), "gain"),
    (
        "second_score",
        gettext_lazy("Score of the checking model"),
        gettext_lazy("From another reward model, which the policy never learnt from."),
        "gain",
    ),
    (
        "kl_sequence",
        gettext_lazy("KL per answer"),
        gettext_lazy("Distance from the starting policy, in nats; 0 is no change."),
        "difference",
    ),
    (
        "distinct_share",
        gettext_lazy("Distinct answers"),
        gettext_lazy("Falls when many prompts get the same answer."),
        "share",
    ),
    (
        "ended_share",
        gettext_lazy("Answers that end"),
        gettext_lazy("The others were cut at the longest length."),
        "share",
    ),
    (
        "response_length",
        gettext_lazy("Length"),
        gettext_lazy("Tokens an answer. A large change may mean that length is what pays."),
        "ratio",
    ),
    (
        "reference_perplexity",
        gettext_lazy("Perplexity"),
        gettext_lazy("How much the answers surprise the starting policy."),
        "ratio",
    ),
)


def comparison_of(metrics: Metrics, *, config: Mapping[str, Any]) -> Comparison | None:
    """The held-out figures of the starting policy and of the one that was kept; None without any."""
    rows = [
        _row(metrics, name, str(label), str(meaning), changed)
        for name, label, meaning, changed in FIGURES
        if number(metrics, f"heldout_{name}_after") is not None
    ]
    if not rows:
        return None
    return Comparison(rows=rows, verdicts=_verdicts(metrics), kept=_kept(metrics, config))


def number(metrics: Metrics, name: str) -> float | None:
    value = metrics.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _row(metrics: Metrics, name: str, label: str, meaning: str, changed: str) -> Row:
    before, after = (number(metrics, f"heldout_{name}_{when}") for when in ("before", "after"))
    shown = percent if changed == "share" else short
    if changed == "gain":
        change = _gain(metrics, name)
    else:
        change = CHANGES[changed](before, after) if before is not None and after is not None else NOTHING
    return Row(label=label, meaning=meaning, before=shown(before), after=shown(after), change=change)


def _gain(metrics: Metrics, name: str) -> str:
    gain, error = (number(metrics, f"heldout_{name}_gain{end}") for end in ("", "_se"))
    if gain is None:
        return NOTHING
    return with_error(gain, error, sign=True) if error is not None else signed(gain)


def _points(before: float, after: float) -> str:
    points = round(100 * after) - round(100 * before)
    return _("%(points)s points") % {"points": f"{points:+d}".replace("-", MINUS)} if points else _("none")


def _ratio(before: float, after: float) -> str:
    return f"× {after / before:.2f}" if before > 0 else NOTHING


def _difference(before: float, after: float) -> str:
    return signed(after - before)


CHANGES: dict[str, Callable[[float, float], str]] = {
    "share": _points,
    "ratio": _ratio,
    "difference": _difference,
}


def _verdicts(metrics: Metrics) -> list[Verdict]:
    prompts = number(metrics, "heldout_prompts")
    found = [
        _verdict(metrics, "reward", _("reward"), prompts),
        _verdict(metrics, "second_score", _("score of the checking model"), prompts),
    ]
    return [verdict for verdict in found if verdict]


def _verdict(metrics: Metrics, name: str, called: str, prompts: float | None) -> Verdict | None:
    gain, error = (number(metrics, f"heldout_{name}_gain{end}") for end in ("", "_se"))
    if gain is None:
        return None
    if error is None:
        words = {"score": called, "change": signed(gain)}
        return Verdict(
            "unsure",
            _("The %(score)s changed by %(change)s. With so few prompts its error is unknown.") % words,
        )
    interval = (
        _("95 %% interval, paired over %(count)d prompts") % {"count": prompts}
        if prompts
        else _("95 % interval")
    )
    words = {"score": called, "interval": interval, "size": with_error(abs(gain), error)}
    if gain > SURE * error:
        return Verdict("good", _("The %(score)s rose by %(size)s (%(interval)s).") % words)
    if gain < -SURE * error:
        return Verdict("bad", _("The %(score)s fell by %(size)s (%(interval)s).") % words)
    words["size"] = with_error(gain, error, sign=True)
    unsure = _("No change of the %(score)s can be told apart from noise: %(size)s (%(interval)s).")
    return Verdict("unsure", unsure % words)


def _kept(metrics: Metrics, config: Mapping[str, Any]) -> str:
    best, stopped = number(metrics, "best_update"), number(metrics, "stopped_at_update")
    steps = {"best": best, "stopped": stopped, "all": number(config, "updates") or 0}
    sentences = []
    if best == 0:
        sentences.append(
            _("No update did better on held-out prompts, so the starting policy itself was kept.")
        )
    elif best is not None:
        sentences.append(
            _("The policy after update %(best)d of %(all)d was kept, the best on held-out prompts.") % steps
        )
    if stopped is not None:
        sentences.append(_("The KL limit stopped the training after update %(stopped)d.") % steps)
    return " ".join(sentences)


def with_error(value: float, error: float, *, sign: bool = False) -> str:
    """With its 95 % interval, both to the second digit of the interval, for more would be noise."""
    half = SURE * error
    places = min(6, max(0, 1 - math.floor(math.log10(half)))) if half > 0 else 3
    shown = f"{value:+.{places}f}" if sign else f"{value:.{places}f}"
    return f"{shown} ± {half:.{places}f}".replace("-", MINUS).replace(" ", UNBROKEN)


def signed(value: float) -> str:
    return short(value) if value < 0 else f"+{short(value)}"


def short(value: float | None) -> str:
    """Three digits, as one reads them: 1,234 and 12.3 and 0.123."""
    if value is None:
        return NOTHING
    size = abs(value)
    if size == 0:
        return "0"
    if size < 0.001:
        return f"{value:.1e}".replace("-", MINUS)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{places}f}".replace("-", MINUS)


def percent(value: float | None) -> str:
    return NOTHING if value is None else _("%(share)d %%") % {"share": round(100 * value)}
