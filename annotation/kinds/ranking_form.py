"""A ranking answer as plain form fields, for the page with and without JavaScript, and for its draft.

Fields: `rank-<candidate>` ("" or 1..k, equal numbers are ties), `aspect-<aspect>-<candidate>`, `all_bad`,
`flags` (repeated), `strength`, `rationale`, `rewrite`, `rewrite_of`.
"""

from collections.abc import Mapping
from typing import Any

from annotation.kinds.answers import AnswerInvalid, Fields, Rules, gettext_noop, kept, one
from annotation.kinds.ranking import Answer, aspect_field, parse_answer

PLAIN = ("all_bad", "strength", "rationale", "rewrite", "rewrite_of")


def rank_field(uid: str) -> str:
    return f"rank-{uid}"


def field_names(rules: Rules) -> list[str]:
    ranks = [rank_field(uid) for uid in rules.shown_order]
    ratings = [aspect_field(aspect, uid) for uid in rules.shown_order for aspect in rules.aspects]
    return [*ranks, *ratings, *PLAIN, "flags"]


def known_fields(form: Fields, *, rules: Rules) -> dict[str, list[str]]:
    """What of a form belongs to the answer: the draft keeps exactly this, however incomplete."""
    return kept(form, field_names(rules))


def parse_form(form: Fields, *, rules: Rules) -> Answer:
    """Read an answer from form fields; raises AnswerInvalid with the names of the form's fields."""
    problems: dict[str, str] = {}
    value = {
        "ranking": _ranking(form, rules, problems),
        "all_bad": bool(one(form, "all_bad")),
        "strength": _number(form, "strength", problems),
        "aspects": _aspects(form, rules, problems),
        "flags": list(form.get("flags", ())),
        "rewrite": {"text": one(form, "rewrite"), "of": one(form, "rewrite_of")},
        "rationale": one(form, "rationale"),
    }
    try:
        answer = parse_answer(value, rules=rules)
    except AnswerInvalid as invalid:
        raise AnswerInvalid({**invalid.fields, **problems}) from invalid
    if problems:
        raise AnswerInvalid(problems)
    return answer


def _number(form: Fields, name: str, problems: dict[str, str]) -> int | None:
    text = one(form, name).strip()
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 2:
        return int(text)
    problems[name] = gettext_noop("Choose one of the offered numbers.")
    return None


def _ranking(form: Fields, rules: Rules, problems: dict[str, str]) -> list[list[str]]:
    """Places become tiers; gaps between the numbers mean nothing."""
    tiers: dict[int, list[str]] = {}
    for uid in rules.shown_order:
        place = _number(form, rank_field(uid), problems)
        if place is None:
            continue
        if not 1 <= place <= len(rules.shown_order):
            problems[rank_field(uid)] = gettext_noop("Choose one of the offered numbers.")
            continue
        tiers.setdefault(place, []).append(uid)
    return [tiers[place] for place in sorted(tiers)]


def _aspects(form: Fields, rules: Rules, problems: dict[str, str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for uid in rules.shown_order:
        for aspect in rules.aspects:
            rating = _number(form, aspect_field(aspect, uid), problems)
            if rating is not None:
                found.setdefault(uid, {})[aspect] = rating
    return found


def fields_of(answer: Mapping[str, Any]) -> dict[str, list[str]]:
    """A stored answer as form fields, so that it can be shown again and corrected."""
    fields: dict[str, list[str]] = {}
    for place, tier in enumerate(answer["ranking"], start=1):
        fields |= {rank_field(uid): [str(place)] for uid in tier}
    for uid, ratings in answer["aspects"].items():
        fields |= {aspect_field(aspect, uid): [str(number)] for aspect, number in ratings.items()}
    rewrite = answer["rewrite"] or {}
    plain = {
        "all_bad": "on" if answer["all_bad"] else "",
        "strength": str(answer["strength"] or ""),
        "rationale": answer["rationale"],
        "rewrite": rewrite.get("text", ""),
        "rewrite_of": rewrite.get("of") or "",
    }
    fields |= {name: [text] for name, text in plain.items() if text}
    if answer["flags"]:
        fields["flags"] = list(answer["flags"])
    return fields
