"""The context of the review page: the task as the annotator saw it, the answer, and what others answered."""

import string
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotation.kinds.answers import FLAGS, Fields
from annotation.kinds.ranking_form import rank_field
from annotation.models import Annotation, Project, Task, TaskBody
from annotation.rules import kind_for, rules_of
from annotation.texts import shown, text_of
from qa.listing import answers_beside
from qa.models import Acceptance
from qa.risks import REASONS

# What the annotator said about the first place holds no more when a reviewer changes the order.
NOT_KEPT = ("strength", "flags")
SHOWN_CHARACTERS = 120


def review_context(
    acceptance: Acceptance, *, typed: Fields | None = None, errors: Mapping[str, str] | None = None
) -> dict[str, Any]:
    annotation = acceptance.annotation
    project, body = annotation.assignment.project, annotation.task.body
    letters = letters_of(annotation)
    given = kind_for(annotation.assignment).fields_of(acceptance.fixed_answer or annotation.answer)
    fields = typed if typed is not None else given
    return {
        "acceptance": acceptance,
        "annotation": annotation,
        "project": project,
        "reasons": [REASONS[reason] for reason in acceptance.reasons if reason in REASONS],
        "messages_shown": shown_prompt(body),
        "candidates": _candidates(body, letters, fields),
        "ranks": [str(place) for place in range(1, len(letters) + 1)],
        "labels": _labels(project, fields),
        "values": {name: _one(fields, name) for name in ("prompt", "completion")},
        "kept": _kept(given),
        "answer": in_words(annotation, annotation.answer, letters),
        "fixed": in_words(annotation, acceptance.fixed_answer, letters) if acceptance.fixed_answer else "",
        "rationale": annotation.answer.get("rationale", ""),
        "rewrite": (annotation.answer.get("rewrite") or {}).get("text", ""),
        "flags": [_(FLAGS[flag]) for flag in annotation.answer.get("flags", ()) if flag in FLAGS],
        "others": [
            {"annotation": other, "words": in_words(other, other.answer, letters)}
            for other in answers_beside(annotation)
        ],
        "may_decide": annotation.is_current and not _is_decided(acceptance),
        "comment": _one(fields, "comment") if typed is not None else "",
        "errors": errors or {},
    }


def _is_decided(acceptance: Acceptance) -> bool:
    return acceptance.state != Acceptance.State.OPEN and acceptance.decided_by_id is not None


def letters_of(annotation: Annotation) -> dict[str, str]:
    """The candidates as on the annotator's page."""
    shown_order = annotation.answer.get("shown_order", ())
    return dict(zip(map(str, shown_order), string.ascii_uppercase, strict=False))


def in_words(annotation: Annotation, answer: Mapping[str, Any], letters: Mapping[str, str]) -> str:
    """A > B = C, the labels, or the written text."""
    kind = annotation.project.kind if annotation.project_id else ""
    if kind == Project.Kind.CLASSIFICATION:
        return ", ".join(answer["labels"])
    if kind == Project.Kind.DEMONSTRATION:
        return str(answer["completion"])
    tiers = [" = ".join(sorted(letters.get(uid, "?") for uid in tier)) for tier in answer["ranking"]]
    words = " > ".join(tiers)
    return f"{words} ({_('all bad')})".strip() if answer.get("all_bad") else words


def shown_prompt(body: TaskBody) -> list[Any]:
    return [shown(message, lang=body.prompt["lang"]) for message in body.prompt["messages"]]


def _candidates(body: TaskBody, letters: Mapping[str, str], fields: Fields) -> list[dict[str, Any]]:
    return [
        {
            **vars(shown(body.candidates[uid], lang=body.prompt["lang"])),
            "uid": uid,
            "letter": letter,
            "field": rank_field(uid),
            "rank": _one(fields, rank_field(uid)),
        }
        for uid, letter in letters.items()
        if uid in body.candidates
    ]


def _labels(project: Project, fields: Fields) -> list[dict[str, Any]]:
    chosen = fields.get("labels", ())
    return [{"value": label, "checked": label in chosen} for label in project.labels]


def _kept(given: Fields) -> list[tuple[str, str]]:
    """What else the annotator said stays as it is, in hidden fields."""
    edited = (*NOT_KEPT, "labels", "prompt", "completion")
    return [
        (name, value)
        for name, values in given.items()
        for value in values
        if name not in edited and not name.startswith("rank-")
    ]


def _one(fields: Fields, name: str) -> str:
    values = fields.get(name, ())
    return values[-1] if values else ""


def opening_of(task: Task) -> str:
    """The beginning of the last message, by which people tell tasks apart."""
    text = text_of(task.body.prompt["messages"][-1])
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"


def gold_form(
    project: Project, body: TaskBody, candidates: Sequence[str], *, typed: Fields | None = None
) -> dict[str, Any]:
    """The form in which a reviewer says what is right."""
    fields = typed or {}
    letters = dict(zip(candidates, string.ascii_uppercase, strict=False))
    return {
        "messages_shown": shown_prompt(body),
        "candidates": _candidates(body, letters, fields),
        "ranks": [str(place) for place in range(1, len(letters) + 1)],
        "labels": _labels(project, fields),
        "explanation": _one(fields, "explanation"),
        "rules": rules_of(project, shown_order=candidates),
    }
