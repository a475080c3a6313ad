"""Ranking k candidates: the answer, its rules, and the preferences that follow from it.

An answer names candidates by id, never by letter. `unranked` means "not judged": such a candidate takes part
in no preference. `all_bad` stands beside the order: candidates may be ordered and bad all the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from annotation.kinds.answers import (
    LONGEST_RATIONALE,
    SCHEMA,
    AnswerInvalid,
    Rules,
    gettext_noop,
    opened,
    read_flags,
    read_text,
    refuse,
)

__all__ = ["Answer", "AnswerInvalid", "Pairs", "Rewrite", "Rules", "pairs", "parse_answer"]

SCALE = (1, 2, 3, 4, 5)
STRENGTHS = (1, 2, 3)
LONGEST_REWRITE = 256 * 1024
KEYS = {
    "schema", "shown_order", "ranking", "unranked", "all_bad",
    "strength", "aspects", "flags", "rewrite", "rationale",
}  # fmt: skip


@dataclass(frozen=True)
class Rewrite:
    """A better answer written by the person; `of` is the candidate it started from, or empty."""

    text: str
    of: str = ""


@dataclass(frozen=True)
class Answer:
    shown_order: tuple[str, ...]
    ranking: tuple[tuple[str, ...], ...]
    all_bad: bool = False
    strength: int | None = None
    aspects: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    rewrite: Rewrite | None = None
    rationale: str = ""

    @property
    def unranked(self) -> tuple[str, ...]:
        ranked = {uid for tier in self.ranking for uid in tier}
        return tuple(uid for uid in self.shown_order if uid not in ranked)

    def as_json(self) -> dict[str, Any]:
        """The canonical form: equal answers give equal JSON whatever the order of typing."""
        rewrite = {"of": self.rewrite.of or None, "text": self.rewrite.text} if self.rewrite else None
        return {
            "schema": SCHEMA,
            "shown_order": list(self.shown_order),
            "ranking": [sorted(tier) for tier in self.ranking],
            "unranked": sorted(self.unranked),
            "all_bad": self.all_bad,
            "strength": self.strength,
            "aspects": {uid: dict(sorted(self.aspects[uid].items())) for uid in sorted(self.aspects)},
            "flags": sorted(self.flags),
            "rewrite": rewrite,
            "rationale": self.rationale,
        }


@dataclass(frozen=True)
class Pairs:
    """Strict preferences (chosen, rejected), and the pairs that were called equal."""

    preferences: tuple[tuple[str, str], ...]
    ties: tuple[tuple[str, str], ...]


def pairs(answer: Mapping[str, Any]) -> Pairs:
    """All pairs that a stored answer implies: k candidates in a strict order give k(k-1)/2 preferences."""
    tiers: list[list[str]] = answer["ranking"]
    preferences = [
        (better, worse)
        for upper, lower in combinations(tiers, 2)
        for better in upper
        for worse in lower
    ]  # fmt: skip
    ties = [pair for tier in tiers for pair in combinations(sorted(tier), 2)]
    return Pairs(preferences=tuple(preferences), ties=tuple(ties))


# --- From JSON --------------------------------------------------------------------------------------------
def parse_answer(value: object, *, rules: Rules) -> Answer:
    """Read an answer as JSON (the API); raises AnswerInvalid that names every wrong field."""
    problems: dict[str, str] = {}
    value = opened(value, known=KEYS, problems=problems)
    answer = Answer(
        shown_order=rules.shown_order,
        ranking=_tiers(value.get("ranking", []), rules, problems),
        all_bad=_flag(value.get("all_bad", False), "all_bad", problems),
        strength=_choice(value.get("strength"), STRENGTHS, "strength", problems),
        aspects=_ratings(value.get("aspects", {}), rules, problems),
        flags=read_flags(value.get("flags", []), problems),
        rewrite=_rewrite(value.get("rewrite"), rules, problems),
        rationale=read_text(value.get("rationale", ""), "rationale", LONGEST_RATIONALE, problems),
    )
    if "shown_order" in value and value["shown_order"] != list(rules.shown_order):
        problems["shown_order"] = gettext_noop("This is not the order in which the candidates were shown.")
    _check_unranked(value, answer, problems)
    refuse(problems, _broken_rules(answer, rules))
    return answer


def _tiers(value: object, rules: Rules, problems: dict[str, str]) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list):
        problems["ranking"] = gettext_noop("The ranking must be a list of candidate ids or of lists of them.")
        return ()
    tiers = [tier if isinstance(tier, list) else [tier] for tier in value]
    named = [uid for tier in tiers for uid in tier]
    if not all(isinstance(uid, str) and uid in rules.shown_order for uid in named):
        problems["ranking"] = gettext_noop("The ranking names a candidate that this task does not have.")
        return ()
    if len(set(named)) != len(named):
        problems["ranking"] = gettext_noop("The ranking names a candidate twice.")
        return ()
    return tuple(tuple(tier) for tier in tiers if tier)


def _check_unranked(value: Mapping[str, Any], answer: Answer, problems: dict[str, str]) -> None:
    given = value.get("unranked")
    if given is None or "ranking" in problems:
        return
    if not isinstance(given, list) or sorted(map(str, given)) != sorted(answer.unranked):
        problems["unranked"] = gettext_noop("Every candidate is either in the ranking or unranked.")


def _flag(value: object, name: str, problems: dict[str, str]) -> bool:
    if isinstance(value, bool):
        return value
    problems[name] = gettext_noop("This must be true or false.")
    return False


def _choice(value: object, allowed: Sequence[int], name: str, problems: dict[str, str]) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value in allowed:
        return value
    problems[name] = gettext_noop("Choose one of the offered numbers.")
    return None


def _ratings(value: object, rules: Rules, problems: dict[str, str]) -> dict[str, dict[str, int]]:
    if not isinstance(value, Mapping) or not all(isinstance(given, Mapping) for given in value.values()):
        problems["aspects"] = gettext_noop("Ratings are an object of candidate id, aspect and number.")
        return {}
    if set(value) - set(rules.shown_order):
        problems["aspects"] = gettext_noop("The ratings name a candidate that this task does not have.")
        return {}
    found: dict[str, dict[str, int]] = {}
    for uid, given in value.items():
        for name, number in given.items():
            rating = _rating(uid, name, number, rules, problems)
            if rating is not None:
                found.setdefault(uid, {})[name] = rating
    return found


def _rating(uid: str, name: object, number: object, rules: Rules, problems: dict[str, str]) -> int | None:
    if name not in rules.aspects:
        problems["aspects"] = gettext_noop("The ratings name an aspect that this project does not have.")
        return None
    return _choice(number, SCALE, aspect_field(str(name), uid), problems)


def aspect_field(aspect: str, uid: str) -> str:
    """The name of a rating in the form; the API's errors use the same name."""
    return f"aspect-{aspect}-{uid}"


def _rewrite(value: object, rules: Rules, problems: dict[str, str]) -> Rewrite | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = {"text": value}
    if not isinstance(value, Mapping) or set(value) - {"text", "of"}:
        problems["rewrite"] = gettext_noop("A rewrite is a text, or an object of text and of.")
        return None
    text = read_text(value.get("text", ""), "rewrite", LONGEST_REWRITE, problems)
    of = value.get("of") or ""
    if of and of not in rules.shown_order:
        problems["rewrite_of"] = gettext_noop("The rewrite names a candidate that this task does not have.")
        return None
    return Rewrite(text=text, of=of) if text.strip() else None


def _broken_rules(answer: Answer, rules: Rules) -> Iterator[tuple[str, str]]:
    ranked = sum(len(tier) for tier in answer.ranking)
    if ranked < 2 and not answer.all_bad:
        yield "ranking", gettext_noop("Rank at least two candidates, or say that all are bad, or skip.")
    if ranked == 1 and answer.all_bad:
        yield "ranking", gettext_noop("One candidate alone makes no order: rank two or none.")
    if not rules.allow_ties and any(len(tier) > 1 for tier in answer.ranking):
        yield "ranking", gettext_noop("This project does not allow ties: give every candidate its own place.")
    if answer.all_bad and not rules.allow_all_bad:
        yield "all_bad", gettext_noop("This project does not offer “all bad”.")
    if answer.strength and len(answer.ranking) < 2:
        yield "strength", gettext_noop("A strength needs a best candidate: the order has ties only.")
    if rules.require_rationale and not answer.rationale:
        yield "rationale", gettext_noop("This project asks for a reason: write a sentence.")
