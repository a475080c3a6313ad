"""The context of the review page: the task as it was seen, the answers side by side, and why it is here."""

import string
from collections.abc import Mapping, Sequence
from typing import Any

from annotation.kinds.answers import Fields
from annotation.kinds.ranking_form import rank_field
from annotation.models import Annotation, Project, TaskBody
from annotation.rules import kind_for, rules_of
from annotation.texts import shown
from qa.differences import candidate_difference, differences_of
from qa.evidence import case_of, evidence_for
from qa.listing import answers_beside
from qa.models import Acceptance
from qa.review_lists import Narrowed, neighbours, reviewed
from qa.side_by_side import agreement_in_words, in_words, letters_of, voices

# What the annotator said about the first place holds no more when a reviewer changes the order.
NOT_KEPT = ("strength", "flags")
SHOWN_CHARACTERS = 120


def review_context(
    acceptance: Acceptance,
    *,
    narrowed: Narrowed | None = None,
    typed: Fields | None = None,
    errors: Mapping[str, str] | None = None,
    compared: tuple[str, str] = ("", ""),
) -> dict[str, Any]:
    annotation = acceptance.annotation
    project, body = annotation.assignment.project, annotation.task.body
    letters = letters_of(annotation)
    given = kind_for(annotation.assignment).fields_of(acceptance.fixed_answer or annotation.answer)
    fields = typed if typed is not None else given
    narrowed = narrowed or Narrowed()
    return {
        "acceptance": acceptance,
        "annotation": annotation,
        "project": project,
        "messages_shown": shown_prompt(body),
        "candidates": _candidates(body, letters, fields),
        "ranks": [str(place) for place in range(1, len(letters) + 1)],
        "labels": _labels(project, fields),
        "values": {name: _one(fields, name) for name in ("prompt", "completion")},
        "kept": _kept(given),
        "fixed": in_words(project.kind, acceptance.fixed_answer, letters) if acceptance.fixed_answer else "",
        "may_decide": annotation.is_current and not _is_decided(acceptance),
        "is_typed": typed is not None,
        "comment": _one(fields, "comment") if typed is not None else "",
        "errors": errors or {},
        "narrowed": narrowed,
        "neighbours": neighbours(acceptance, narrowed),
        "reviewed": reviewed(acceptance.project),
        **_beside(acceptance, project, letters, compared),
    }


def _beside(
    acceptance: Acceptance, project: Project, letters: Mapping[str, str], compared: tuple[str, str]
) -> dict[str, Any]:
    annotation = acceptance.annotation
    others = answers_beside(annotation)
    case = case_of(acceptance, others)
    answers = [annotation.answer, *(other.answer for other in others)]
    left, right = compared
    heard = voices(project, [annotation, *others], letters)
    return {
        "voices": heard,
        "anybody_differs": any(voice.differs for voice in heard),
        "agreement": agreement_in_words(project.kind, answers, letters),
        "evidence": evidence_for(case),
        "usual_seconds": case.usual_seconds,
        "differences": differences_of(acceptance, others, project),
        "candidate_difference": candidate_difference(
            annotation.task.body, letters, answers, left=left, right=right
        ),
    }


def _is_decided(acceptance: Acceptance) -> bool:
    return acceptance.state != Acceptance.State.OPEN and acceptance.decided_by_id is not None


def answer_in_short(annotation: Annotation, kind: str, answer: Mapping[str, Any]) -> str:
    words = in_words(kind, answer, letters_of(annotation))
    return words if len(words) <= SHOWN_CHARACTERS else words[:SHOWN_CHARACTERS] + " …"


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
