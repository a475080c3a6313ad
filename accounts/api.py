"""People over HTTP: who am I, my tokens; for admins the members and the audit trail."""

import uuid
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.audit import events_of
from accounts.authentication import caller
from accounts.members import members_of
from accounts.models import ApiToken, AuditEvent, Membership, Role
from accounts.serializers import (
    AuditListSerializer,
    MemberListSerializer,
    MeSerializer,
    TokenCreatedSerializer,
    TokenListSerializer,
    TokenRequestSerializer,
)
from accounts.tokens import create_token, revoke_token, tokens_of
from core.api import refuse_unknown_parameters
from core.documenting import BEFORE
from core.errors import Unreadable
from core.pagination import newest_first

KIND = OpenApiParameter("kind", enum=list(AuditEvent.Kind.values), description="Only events of this kind.")


@extend_schema(summary="Who the caller is", responses=MeSerializer)
@api_view(["GET"])
def me(request: Request) -> Response:
    refuse_unknown_parameters(request, set())
    membership = caller(request)
    workspace = membership.workspace
    return Response(
        {
            "person": {
                "uid": membership.user.uid,
                "name": membership.user.name,
                "email": membership.user.email,
            },
            "workspace": {"uid": workspace.uid, "slug": workspace.slug, "name": workspace.name},
            "membership": membership.uid,
            "role": membership.role,
            "pseudonym": membership.pseudonym,
        }
    )


@extend_schema(
    methods=["GET"], summary="One's own API tokens", parameters=[BEFORE], responses=TokenListSerializer
)
@extend_schema(
    methods=["POST"],
    summary="Make an API token; the answer shows its secret once",
    request=TokenRequestSerializer,
    responses={201: TokenCreatedSerializer},
)
@api_view(["GET", "POST"])
def tokens(request: Request) -> Response:
    if request.method == "POST":
        return _create_token(request)
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(tokens_of(caller(request)), before=request.GET.get("before", ""))
    return Response(page.body(_token))


def _create_token(request: Request) -> Response:
    # No Idempotency-Key here: a stored answer would keep the secret.
    wanted = TokenRequestSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    token, secret = create_token(membership=caller(request), **wanted.validated_data)
    response = Response({**_token(token), "token": secret}, status=201)
    response["Location"] = reverse("api-token", args=[token.uid])
    response["Cache-Control"] = "no-store"
    return response


@extend_schema(summary="Revoke one's own API token", responses={204: None})
@api_view(["DELETE"])
def token(request: Request, uid: uuid.UUID) -> Response:
    revoke_token(membership=caller(request), uid=uid)
    return Response(status=204)


@extend_schema(summary="The members of the workspace", parameters=[BEFORE], responses=MemberListSerializer)
@api_view(["GET"])
def members(request: Request) -> Response:
    require_role(caller(request), Role.ADMIN)
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(members_of(caller(request).workspace), before=request.GET.get("before", ""))
    return Response(page.body(_member))


@extend_schema(summary="The audit trail", parameters=[BEFORE, KIND], responses=AuditListSerializer)
@api_view(["GET"])
def audit(request: Request) -> Response:
    require_role(caller(request), Role.ADMIN)
    refuse_unknown_parameters(request, {"before", "kind"})
    kind = request.GET.get("kind", "")
    if kind and kind not in AuditEvent.Kind.values:
        raise Unreadable(_("There is no such kind of event."), fields={"kind": _("unknown")})
    events = events_of(workspace=caller(request).workspace, kind=kind)
    return Response(newest_first(events, before=request.GET.get("before", "")).body(_event))


def _token(row: ApiToken) -> dict[str, Any]:
    return {
        "uid": row.uid,
        "name": row.name,
        "prefix": row.prefix,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_on": row.last_used_on,
    }


def _member(row: Membership) -> dict[str, Any]:
    return {
        "uid": row.uid,
        "name": row.user.name,
        "email": row.user.email,
        "role": row.role,
        "pseudonym": row.pseudonym,
        "is_active": row.is_active,
        "is_simulated": row.is_simulated,
        "created_at": row.created_at,
    }


def _event(row: AuditEvent) -> dict[str, Any]:
    return {
        "uid": row.uid,
        "kind": row.kind,
        "at": row.created_at,
        "member": row.membership.uid if row.membership else None,
        "object_kind": row.object_kind,
        "object_uid": row.object_uid,
        "detail": row.detail,
        "address": row.address,
        "request_id": row.request_id,
    }
