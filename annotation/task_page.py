"""The context of the page on which a task is answered: what is shown, what was typed, and where to send it.

The frame is the same for all kinds; what a kind adds is in its own module. Nothing here names a candidate's
source, a task's purpose or its place in the queue: what the context does not hold, no template can leak.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.guidance import guidance_for, newest_number
from annotation.kinds.answers import FLAGS, Fields, one
from annotation.labelling_page import labelling_context, recorded_labels
from annotation.models import Annotation, Assignment, Project, TaskBody
from annotation.progress import recent_progress
from annotation.ranking_page import ranking_context, recorded_order
from annotation.rules import kind_for, rules_for
from annotation.situations import Situation, choice
from annotation.skipping import REASONS
from annotation.submissions import Receipt, may_revise
from annotation.texts import shown
from annotation.writing_page import recorded_completion, writing_context

Context = dict[str, Any]
TEMPLATES: dict[str, str] = {
    Project.Kind.RANKING: "annotation/rank.html",
    Project.Kind.DEMONSTRATION: "annotation/write.html",
    Project.Kind.CLASSIFICATION: "annotation/label.html",
}
BODIES: dict[str, Callable[[Assignment, TaskBody, Fields, Mapping[str, str]], Context]] = {
    Project.Kind.RANKING: ranking_context,
    Project.Kind.DEMONSTRATION: writing_context,
    Project.Kind.CLASSIFICATION: labelling_context,
}
RECORDED: dict[str, Callable[[Assignment, Annotation], list[str]]] = {
    Project.Kind.RANKING: recorded_order,
    Project.Kind.DEMONSTRATION: recorded_completion,
    Project.Kind.CLASSIFICATION: recorded_labels,
}


def template_of(assignment: Assignment) -> str:
    return TEMPLATES[assignment.project.kind]


def fragment_context(assignment: Assignment, situation: Situation) -> Context:
    """Everything inside `#task`."""
    project = assignment.project
    body = TaskBody.objects.get(pk=assignment.task_id)
    current = _current(assignment)
    fields = _fields(assignment, situation, current)
    return {
        "project": project,
        "assignment": assignment,
        "mode": _mode(assignment, current),
        "return_note": assignment.return_note if assignment.state == Assignment.State.RETURNED else "",
        "messages_shown": [shown(message, lang=body.prompt["lang"]) for message in body.prompt["messages"]],
        "flags": [choice(value, _(words), fields.get("flags", ())) for value, words in FLAGS.items()],
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
        **BODIES[project.kind](assignment, body, fields, situation.errors),
    }


def page_context(assignment: Assignment, situation: Situation) -> Context:
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
        "compare": f"{reverse('assignment', args=[slug, assignment.uid])}compare/",
        "project": reverse("project", args=[slug, project]),
        "guideline": reverse("project-guideline", args=[slug, project]),
    }


def recorded_answer(assignment: Assignment, sentence: str) -> Context | None:
    """The answer that stands, in the words of this person's page, beside the refused one."""
    current = _current(assignment)
    if current is None:
        return None
    return {
        "sentence": sentence,
        "recorded": RECORDED[assignment.project.kind](assignment, current),
        "recorded_at": current.submitted_at,
        "revision": current.revision,
    }


def _current(assignment: Assignment) -> Annotation | None:
    if assignment.state not in {Assignment.State.SUBMITTED, Assignment.State.RETURNED}:
        return None
    return assignment.annotations.filter(is_current=True).first()


def _mode(assignment: Assignment, current: Annotation | None) -> str:
    if current is None:
        return "answer"
    return "revise" if may_revise(assignment=assignment, at=timezone.now()) else "closed"


def _fields(assignment: Assignment, situation: Situation, current: Annotation | None) -> dict[str, list[str]]:
    """What was just typed, else the draft, else the stored answer."""
    if situation.fields is not None:
        kept = kind_for(assignment).known_fields(situation.fields, rules=rules_for(assignment))
        return {**kept, "active_ms": list(situation.fields.get("active_ms", ()))}
    if assignment.draft:
        return dict(assignment.draft)
    return kind_for(assignment).fields_of(current.answer) if current else {}


def _values(fields: Fields) -> Context:
    active_ms = one(fields, "active_ms")
    usable = active_ms.isascii() and active_ms.isdigit() and len(active_ms) <= 12
    return {"rationale": one(fields, "rationale"), "active_ms": active_ms if usable else "0"}


def _receipt(assignment: Assignment, receipt: Receipt | None) -> Context | None:
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
