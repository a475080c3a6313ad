"""The context of the ranking page: what is shown, what was typed, and where to send it.

Nothing here names a candidate's source, a task's purpose or its place in the queue: what the context does not
hold, no template can leak.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.guidance import guidance_for, newest_number
from annotation.kinds.ranking import FLAGS, SCALE, Rules, aspect_field
from annotation.kinds.ranking_form import fields_of, known_fields, rank_field
from annotation.models import Annotation, Assignment, TaskBody
from annotation.progress import recent_progress
from annotation.skipping import REASONS
from annotation.submissions import Receipt, may_revise
from annotation.texts import shown

Fields = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Situation:
    """What happened just before the page is shown."""

    fields: Fields | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    conflict: dict[str, Any] | None = None
    receipt: Receipt | None = None
    submitted_count: int | None = None
    newest_guideline: int | None = None


def rules_for(assignment: Assignment) -> Rules:
    project = assignment.project
    return Rules(
        shown_order=tuple(str(uid) for uid in assignment.shown_order),
        aspects=tuple(project.aspects),
        allow_ties=project.allow_ties,
        allow_all_bad=project.allow_all_bad,
        require_rationale=project.require_rationale,
    )


def fragment_context(assignment: Assignment, situation: Situation) -> dict[str, Any]:
    """Everything inside `#task`."""
    project, rules = assignment.project, rules_for(assignment)
    body = TaskBody.objects.get(pk=assignment.task_id)
    current = _current(assignment)
    fields = _fields(assignment, situation, current, rules)
    return {
        "project": project,
        "assignment": assignment,
        "mode": _mode(assignment, current),
        "messages_shown": [shown(message, lang=body.prompt["lang"]) for message in body.prompt["messages"]],
        "candidates": _candidates(body, rules, fields, situation.errors),
        "ranks": [str(place) for place in range(1, len(rules.shown_order) + 1)],
        "aspect_scale": [str(number) for number in SCALE],
        "flags": [_choice(value, _(words), fields.get("flags", ())) for value, words in FLAGS.items()],
        "strengths": _strengths(fields),
        "values": _values(fields),
        "errors": {name: _(sentence) for name, sentence in situation.errors.items()},
        "conflict": situation.conflict,
        "revision": current.revision if current else 0,
        "guideline": None,
        "guideline_is_new": False,
        "guideline_number": _guideline_number(assignment, situation),
        "receipt": _receipt(assignment, situation.receipt),
        "progress": _progress(assignment, situation.submitted_count),
        "shortcuts": assignment.membership.user.single_key_shortcuts,
        "lease_seconds": project.lease_seconds,
        "urls": urls_of(assignment),
        "skip_reasons": [{"value": value, "label": label} for value, label in REASONS.items()],
        "wants_rationale": project.require_rationale,
    }


def page_context(assignment: Assignment, situation: Situation) -> dict[str, Any]:
    """The fragment and what stands around it: the guideline, and whether it is new to this person."""
    return {**fragment_context(assignment, situation), **guidance_for(assignment)}


def _guideline_number(assignment: Assignment, situation: Situation) -> int:
    if situation.newest_guideline is None:
        return newest_number(assignment.project)
    return situation.newest_guideline


def urls_of(assignment: Assignment) -> dict[str, str]:
    slug = assignment.membership.workspace.slug
    of_task = {
        name: reverse(f"assignment-{name}", args=[slug, assignment.uid])
        for name in ("submit", "skip", "draft", "extend")
    }
    project = assignment.project.uid
    return {
        **of_task,
        "project": reverse("project", args=[slug, project]),
        "guideline": reverse("project-guideline", args=[slug, project]),
    }


def recorded_answer(assignment: Assignment, sentence: str) -> dict[str, Any] | None:
    """The answer that stands, in the letters of this person's page, beside the refused one."""
    current = _current(assignment)
    if current is None:
        return None
    letters = dict(zip(map(str, assignment.shown_order), string.ascii_uppercase, strict=False))
    tiers = [sorted(letters[uid] for uid in tier) for tier in current.answer["ranking"]]
    return {
        "sentence": sentence,
        "recorded": [{"rank": place, "letters": tier} for place, tier in enumerate(tiers, start=1)],
        "recorded_at": current.submitted_at,
        "revision": current.revision,
    }


def _current(assignment: Assignment) -> Annotation | None:
    if assignment.state != Assignment.State.SUBMITTED:
        return None
    return assignment.annotations.filter(is_current=True).first()


def _mode(assignment: Assignment, current: Annotation | None) -> str:
    if current is None:
        return "answer"
    return "revise" if may_revise(assignment=assignment, at=timezone.now()) else "closed"


def _fields(
    assignment: Assignment, situation: Situation, current: Annotation | None, rules: Rules
) -> dict[str, list[str]]:
    """What was just typed, else the draft, else the stored answer."""
    if situation.fields is not None:
        kept = known_fields(situation.fields, rules=rules)
        return {**kept, "active_ms": list(situation.fields.get("active_ms", ()))}
    if assignment.draft:
        return dict(assignment.draft)
    return fields_of(current.answer) if current else {}


def _one(fields: Fields, name: str) -> str:
    values = fields.get(name, ())
    return values[-1] if values else ""


def _candidates(
    body: TaskBody, rules: Rules, fields: Fields, errors: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            **vars(shown(body.candidates[uid], lang=body.prompt["lang"])),
            "uid": uid,
            "letter": letter,
            "rank": _one(fields, rank_field(uid)),
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
        "value": _one(fields, name),
        "error": _(errors[name]) if name in errors else "",
    }


def _choice(value: str, label: str, chosen: Sequence[str]) -> dict[str, Any]:
    return {"value": value, "label": label, "checked": value in chosen}


def _strengths(fields: Fields) -> list[dict[str, Any]]:
    words = {
        "": _("not said"),
        "1": _("slightly better"),
        "2": _("better"),
        "3": _("much better"),
    }
    return [_choice(value, label, [_one(fields, "strength")]) for value, label in words.items()]


def _values(fields: Fields) -> dict[str, Any]:
    plain = {name: _one(fields, name) for name in ("rationale", "rewrite", "rewrite_of")}
    active_ms = _one(fields, "active_ms")
    usable = active_ms.isascii() and active_ms.isdigit() and len(active_ms) <= 12
    return {**plain, "all_bad": bool(_one(fields, "all_bad")), "active_ms": active_ms if usable else "0"}


def _receipt(assignment: Assignment, receipt: Receipt | None) -> dict[str, Any] | None:
    if receipt is None:
        return None
    address = reverse(
        "assignment-reopen", args=[assignment.membership.workspace.slug, receipt.assignment_uid]
    )
    return {
        "uid": receipt.uid,
        "revision": receipt.revision,
        "submitted_at": receipt.submitted_at,
        "reopen_url": address,
        "undo_until": receipt.undo_until,
    }


def _progress(assignment: Assignment, submitted_count: int | None) -> dict[str, int]:
    mine = submitted_count
    if mine is None:
        standing = assignment.project.standings.filter(membership=assignment.membership)
        mine = standing.values_list("submitted_count", flat=True).first() or 0
    recent = recent_progress(assignment.project, person=assignment.membership_id, mine=mine)
    return {"mine": mine, "done": recent.submitted, "wanted": recent.wanted, "percent": recent.percent}
