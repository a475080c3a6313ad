"""Answering over HTTP: next task, submit, draft, skip. The same domain functions as the pages."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.idempotency import HEADER, KEY, remembered
from annotation.access import assignment_for, project_for
from annotation.api import prompt_of
from annotation.drafts import save_draft
from annotation.emptiness import Nothing
from annotation.exports import content_of
from annotation.kinds import Answer
from annotation.kinds.answers import AnswerInvalid
from annotation.models import Assignment, TaskBody
from annotation.queue import Handed, hand_out
from annotation.rules import kind_for, rules_for
from annotation.serializers import (
    DraftReceiptSerializer,
    DraftRequestSerializer,
    NextSerializer,
    ReceiptSerializer,
    SkipRequestSerializer,
    SubmitRequestSerializer,
)
from annotation.skipping import skip
from annotation.submissions import Receipt, draft_kept, revise, submit
from core.api import object_of
from core.errors import Invalid


@extend_schema(
    summary="The caller's open task, else the next one",
    description="`assignment` is null when there is none; then `reason` and `sentence` say why.",
    request=None,
    responses=NextSerializer,
)
@api_view(["POST"])
def next_task(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    project = project_for(membership=membership, uid=uid)
    handed = hand_out(membership=membership, project=project)
    if isinstance(handed, Nothing):
        return Response({"assignment": None, **_nothing(handed)})
    return Response({"assignment": _assignment(handed)})


@extend_schema(
    summary="Submit or correct an answer",
    description="The same answer again gets the same receipt. A refused answer (409) is kept as the draft.",
    parameters=[KEY],
    request=SubmitRequestSerializer,
    responses={201: ReceiptSerializer},
)
@api_view(["POST"])
def submit_answer(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    found = assignment_for(membership=membership, uid=uid)
    body = object_of(request)
    _refuse_unknown(body, {"answer", "active_ms", "revision", "guideline"})
    try:
        answer = kind_for(found).parse_answer(body.get("answer"), rules=rules_for(found))
    except AnswerInvalid as invalid:
        fields = {name: _(sentence) for name, sentence in invalid.fields.items()}
        raise Invalid(_("The answer breaks a rule."), fields=fields) from invalid
    # Kept outside of the remembered transaction, which a refusal rolls back.
    with draft_kept(assignment=found, answer=answer):
        status, stored = remembered(
            membership=membership,
            key=request.headers.get(HEADER),
            route=f"submit {found.uid}",
            body=request.body,
            act=lambda: (201, _receipt(_take(found, answer, body))),
        )
    return Response(stored, status=status)


def _take(found: Assignment, answer: Answer, body: Mapping[str, Any]) -> Receipt:
    active_ms, revision = _whole(body, "active_ms"), _whole(body, "revision")
    seen = _whole(body, "guideline") or None
    if revision:
        return revise(
            assignment=found, answer=answer, revision=revision, active_ms=active_ms, guideline_number=seen
        )
    return submit(assignment=found, answer=answer, active_ms=active_ms, guideline_number=seen)


@extend_schema(
    summary="Keep an unfinished answer",
    description="409 when another window saved a newer one.",
    request=DraftRequestSerializer,
    responses=DraftReceiptSerializer,
)
@api_view(["PUT"])
def draft(request: Request, uid: uuid.UUID) -> Response:
    found = assignment_for(membership=caller(request), uid=uid)
    body = object_of(request)
    _refuse_unknown(body, {"version", "draft"})
    receipt = save_draft(
        assignment=found, fields=_fields(body.get("draft"), found), version=_whole(body, "version")
    )
    return Response(vars(receipt))


@extend_schema(
    summary="Skip a task",
    description="Never counted against anybody.",
    request=SkipRequestSerializer,
    responses={204: None},
)
@api_view(["POST"])
def skip_task(request: Request, uid: uuid.UUID) -> Response:
    found = assignment_for(membership=caller(request), uid=uid)
    body = object_of(request)
    _refuse_unknown(body, {"reason", "note"})
    skip(assignment=found, reason=_text(body, "reason"), note=_text(body, "note"))
    return Response(status=204)


def _refuse_unknown(body: Mapping[str, Any], known: set[str]) -> None:
    unknown = {str(name): _("Unknown field.") for name in body if name not in known}
    if unknown:
        raise Invalid(_("Some fields need mending."), fields=unknown)


def _whole(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name, 0)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    raise Invalid(_("Some fields need mending."), fields={name: _("A whole number of at least 0.")})


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if isinstance(value, str):
        return value
    raise Invalid(_("Some fields need mending."), fields={name: _("This must be a text.")})


def _fields(value: object, found: Assignment) -> dict[str, list[str]]:
    if not isinstance(value, Mapping) or not all(map(_is_texts, value.values())):
        raise Invalid(_("The draft cannot be read."), fields={"draft": _("An object of lists of texts.")})
    return kind_for(found).known_fields(value, rules=rules_for(found))


def _is_texts(entry: object) -> bool:
    return isinstance(entry, list) and all(isinstance(text, str) for text in entry)


def _nothing(nothing: Nothing) -> dict[str, Any]:
    return {
        "reason": nothing.reason.value,
        "sentence": nothing.sentence,
        "held_by_others": nothing.held_by_others,
        "retry_after": nothing.retry_after,
    }


def _assignment(handed: Handed) -> dict[str, Any]:
    assignment = handed.assignment
    body = TaskBody.objects.get(pk=assignment.task_id)
    shown = [(str(uid), body.candidates[str(uid)]) for uid in assignment.shown_order]
    return {
        "uid": assignment.uid,
        "state": assignment.state,
        "lease_until": assignment.lease_until,
        "resumed": handed.resumed,
        **prompt_of(body.prompt),
        "candidates": [
            {"id": uid, "content": content_of(message), "lang": message["lang"]} for uid, message in shown
        ],
        "kind": assignment.project.kind,
        "aspects": assignment.project.aspects,
        "labels": assignment.project.labels,
        "allow_several_labels": assignment.project.allow_several_labels,
        "return_note": assignment.return_note if assignment.state == Assignment.State.RETURNED else "",
        "draft": assignment.draft,
        "draft_version": assignment.draft_version,
    }


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "uid": receipt.uid,
        "assignment": receipt.assignment_uid,
        "revision": receipt.revision,
        "submitted_at": receipt.submitted_at,
    }
