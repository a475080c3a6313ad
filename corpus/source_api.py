"""Sources and documents over HTTP: describe, list, send documents, freeze a corpus."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.idempotency import HEADER, KEY, remembered
from accounts.models import Membership, Role
from core.api import object_of, refuse_unknown_parameters
from core.documenting import BEFORE
from core.errors import Invalid, Unreadable
from core.pagination import newest_first
from corpus.access import source_for, sources_of
from corpus.corpus_freezing import chosen_sources, freeze_or_enqueue
from corpus.coverage import state_counts
from corpus.intake import receive_at_once, too_much_at_once
from corpus.models import DatasetVersion, Document, Source
from corpus.source_serializers import (
    DocumentList,
    DocumentSummary,
    FreezeRequest,
    Frozen,
    SourceFields,
    SourceList,
    SourceRequest,
    SourceSummary,
    UploadSummary,
)
from corpus.sources import describe_source

STATE = OpenApiParameter("state", enum=Document.State.values, description="All states by default.")
REQUIRED = ("name", "licence", "origin", "lawful_basis", "collector")
DESCRIPTION = (
    *REQUIRED, "holder", "consent_reference", "collected_on", "retention_until", "personal_data", "filters",
)  # fmt: skip
FREEZE = ("sources", "name", "kind", "heldout_share", "note")


def body_of(request: Request, *, known: tuple[str, ...]) -> Mapping[str, Any]:
    """The JSON object of a request; raises Unreadable for anything else, Invalid for an unknown field."""
    body = object_of(request)
    unknown = {str(name): _("Unknown field.") for name in body if name not in known}
    if unknown:
        raise Invalid(_("Some fields need mending."), fields=unknown)
    return body


def reader(request: Request) -> Membership:
    membership = caller(request)
    require_role(membership, Role.REVIEWER)
    return membership


@extend_schema(
    methods=["GET"],
    operation_id="sources_list",
    summary="The sources of the workspace",
    parameters=[BEFORE],
    responses=SourceList,
)
@extend_schema(
    methods=["POST"],
    summary="Describe a source",
    parameters=[KEY],
    request=SourceRequest,
    responses={201: SourceSummary},
)
@api_view(["GET", "POST"])
def sources(request: Request) -> Response:
    if request.method == "POST":
        return _describe(request, caller(request))
    membership = reader(request)
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(sources_of(membership), before=request.GET.get("before", ""))
    counts = state_counts(page.rows)
    return Response(page.body(lambda source: _source(source, counts[source.pk])))


def _describe(request: Request, membership: Membership) -> Response:
    require_role(membership, Role.ADMIN)
    given = body_of(request, known=DESCRIPTION)
    values = {name: given.get(name, "") for name in REQUIRED} | dict(given)

    def act() -> tuple[int, dict[str, Any]]:
        made = describe_source(workspace=membership.workspace, by=membership, **values)
        return 201, _source(made, state_counts([made])[made.pk])

    status, answer = remembered(
        membership=membership,
        key=request.headers.get(HEADER),
        route="source-create",
        body=request.body,
        act=act,
    )
    return Response(answer, status=status)


@extend_schema(operation_id="sources_read", summary="One source", responses=SourceSummary)
@api_view(["GET"])
def source(request: Request, uid: uuid.UUID) -> Response:
    membership = reader(request)
    refuse_unknown_parameters(request, set())
    found = source_for(membership=membership, uid=uid)
    return Response(_source(found, state_counts([found])[found.pk]))


def _source(found: Source, counts: dict[str, int]) -> dict[str, Any]:
    return {**SourceFields(found).data, "documents": counts}


@extend_schema(
    methods=["GET"],
    operation_id="documents_list",
    summary="The documents of a source, newest first, without their texts",
    parameters=[BEFORE, STATE],
    responses=DocumentList,
)
@extend_schema(
    methods=["POST"],
    operation_id="documents_create",
    summary="Send documents, all of them or none",
    description=(
        "JSON lines, at most 10 MB; larger files are uploaded on the source's page, where a job reads them. "
        'A line: `{"text": "...", "id": "d1", "lang": "en", "subject": "jane@example.org"}`; only the text '
        "is needed. The subject is kept as a keyed hash, under which the person can be erased again."
    ),
    parameters=[KEY],
    request={"application/x-ndjson": OpenApiTypes.STR},
    responses={201: UploadSummary},
)
@api_view(["GET", "POST"])
def documents(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    found = source_for(membership=membership, uid=uid)
    if request.method == "POST":
        return _receive(request, membership, found)
    require_role(membership, Role.REVIEWER)
    refuse_unknown_parameters(request, {"before", "state"})
    rows = found.documents.defer("text", "original_text")
    if state := request.GET.get("state", ""):
        if state not in Document.State.values:
            raise Unreadable(_("There is no such state."), fields={"state": _("unknown")})
        rows = rows.filter(state=state)
    page = newest_first(rows, before=request.GET.get("before", ""))
    return Response(page.body(lambda document: dict(DocumentSummary(document).data)))


def _receive(request: Request, membership: Membership, found: Source) -> Response:
    require_role(membership, Role.ADMIN)
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise too_much_at_once() from error

    def act() -> tuple[int, dict[str, Any]]:
        return 201, dict(UploadSummary(receive_at_once(source=found, by=membership, body=body)).data)

    status, answer = remembered(
        membership=membership,
        key=request.headers.get(HEADER),
        route=f"documents {found.uid}",
        body=body,
        act=act,
    )
    return Response(answer, status=status)


@extend_schema(
    operation_id="corpus_freeze",
    summary="Freeze the kept documents of some sources as a dataset version",
    parameters=[KEY],
    request=FreezeRequest,
    responses={201: Frozen},
)
@api_view(["POST"])
def corpus_freeze(request: Request) -> Response:
    membership = caller(request)
    require_role(membership, Role.ADMIN)
    given = body_of(request, known=FREEZE)
    values = _checked_freeze(given)

    def act() -> tuple[int, dict[str, Any]]:
        chosen = chosen_sources(sources_of(membership), values.pop("sources"))
        made = freeze_or_enqueue(workspace=membership.workspace, by=membership, sources=chosen, **values)
        is_version = isinstance(made, DatasetVersion)
        return 201, {
            "dataset_version": made.uid if is_version else None,
            "job": None if is_version else made.uid,
        }

    status, answer = remembered(
        membership=membership,
        key=request.headers.get(HEADER),
        route="corpus-freeze",
        body=request.body,
        act=act,
    )
    return Response(answer, status=status)


def _checked_freeze(given: Mapping[str, Any]) -> dict[str, Any]:
    serializer = FreezeRequest(data=given)
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = dict(serializer.validated_data)
    return {**checked, "sources": [str(uid) for uid in checked["sources"]]}
