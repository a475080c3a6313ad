"""What the ranking page adds to the frame: the candidates in the order drawn for this person."""

import string
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotation.kinds.answers import Fields, Rules, one
from annotation.kinds.ranking import SCALE, aspect_field
from annotation.kinds.ranking_form import rank_field
from annotation.models import Annotation, Assignment, TaskBody
from annotation.rules import rules_for
from annotation.situations import choice
from annotation.texts import shown


def ranking_context(
    assignment: Assignment, body: TaskBody, fields: Fields, errors: Mapping[str, str]
) -> dict[str, Any]:
    rules = rules_for(assignment)
    return {
        "candidates": _candidates(body, rules, fields, errors),
        "ranks": [str(place) for place in range(1, len(rules.shown_order) + 1)],
        "aspect_scale": [str(number) for number in SCALE],
        "strengths": _strengths(fields),
        "rewrite": {"text": one(fields, "rewrite"), "of": one(fields, "rewrite_of")},
        "all_bad": bool(one(fields, "all_bad")),
    }


def recorded_order(assignment: Assignment, current: Annotation) -> list[str]:
    """The places of a stored answer, in the letters of this person's page."""
    letters = dict(zip(map(str, assignment.shown_order), string.ascii_uppercase, strict=False))
    tiers = [sorted(letters[uid] for uid in tier) for tier in current.answer["ranking"]]
    return [f"{place}. {' = '.join(tier)}" for place, tier in enumerate(tiers, start=1)]


def _candidates(
    body: TaskBody, rules: Rules, fields: Fields, errors: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            **vars(shown(body.candidates[uid], lang=body.prompt["lang"])),
            "uid": uid,
            "letter": letter,
            "rank": one(fields, rank_field(uid)),
            "aspects": [_aspect(aspect, uid, fields, errors) for aspect in rules.aspects],
            "error": _(errors[rank_field(uid)]) if rank_field(uid) in errors else "",
        }
        for uid, letter in zip(rules.shown_order, string.ascii_uppercase, strict=False)
    ]


def _aspect(aspect: str, uid: str, fields: Fields, errors: Mapping[str, str]) -> dict[str, str]:
    name = aspect_field(aspect, uid)
    return {
        "name": aspect,
        "label": aspect.replace("_", " ").capitalize(),
        "field": name,
        "value": one(fields, name),
        "error": _(errors[name]) if name in errors else "",
    }


def _strengths(fields: Fields) -> list[dict[str, Any]]:
    words = {
        "": _("not said"),
        "1": _("slightly better"),
        "2": _("better"),
        "3": _("much better"),
    }
    return [choice(value, label, [one(fields, "strength")]) for value, label in words.items()]
