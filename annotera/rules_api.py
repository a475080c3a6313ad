"""Rules over HTTP."""

import uuid
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.models import Membership, Role
from annotation.access import project_for
from annotera.access import rule_for, rules_of
from annotera.models import RewardRule
from annotera.rules import MOST_PREFERENCES, RuleRefused, set_reward_rule, switch_off, switch_on
from core.api import object_of, refuse_unknown_parameters
from core.documenting import BEFORE
from core.errors import NotFound
from core.pagination import newest_first
from training.access import model_for


class RewardRuleRequest(serializers.Serializer[Any]):
    """The rule of a project; a project has at most one, so a second request changes the first."""

    project = serializers.UUIDField()
    base_model = serializers.UUIDField(help_text="The language model that each run starts from.")
    threshold = serializers.IntegerField(
        min_value=1, max_value=MOST_PREFERENCES, help_text="New released preferences since it last acted."
    )
    config = serializers.DictField(
        required=False, default=dict, help_text="Settings of the reward stage that differ from the defaults."
    )


class RewardRuleSwitch(serializers.Serializer[Any]):
    is_active = serializers.BooleanField()


class RewardRuleDetail(serializers.Serializer[RewardRule]):
    uid = serializers.UUIDField()
    project = serializers.UUIDField(source="project.uid")
    base_model = serializers.UUIDField(source="base_model.uid")
    threshold = serializers.IntegerField()
    new_preferences = serializers.IntegerField(help_text="As counted last, within seconds.")
    config = serializers.JSONField()
    is_active = serializers.BooleanField()
    problem = serializers.CharField(help_text="Why it could not act, in words; empty when it could.")
    created_at = serializers.DateTimeField()


class RewardRuleList(serializers.Serializer[Any]):
    results = RewardRuleDetail(many=True)
    next = serializers.CharField(allow_null=True)


@extend_schema(
    methods=["GET"], operation_id="reward_rules_list", parameters=[BEFORE], responses=RewardRuleList
)
@extend_schema(
    methods=["POST"],
    operation_id="reward_rules_set",
    request=RewardRuleRequest,
    responses={201: RewardRuleDetail},
)
@api_view(["GET", "POST"])
def reward_rules(request: Request) -> Response:
    """The rules that train reward models by themselves, the newest first; POST sets a project's rule."""
    membership = caller(request)
    if request.method == "POST":
        require_role(membership, Role.ADMIN)
        given = _checked(RewardRuleRequest, request)
        return Response(RewardRuleDetail(_set(membership, given)).data, status=201)
    require_role(membership, Role.REVIEWER)
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(rules_of(membership), before=request.GET.get("before", ""))
    return Response(page.body(lambda row: dict(RewardRuleDetail(row).data)))


def _set(membership: Membership, given: dict[str, Any]) -> RewardRule:
    """Raises RuleRefused, also for the id of something that does not exist here."""
    try:
        field = "project"
        project = project_for(membership=membership, uid=given["project"])
        field = "base_model"
        model = model_for(membership=membership, uid=given["base_model"])
    except NotFound as error:
        raise RuleRefused({field: error.message}) from error
    return set_reward_rule(
        project=project, by=membership, base_model=model, threshold=given["threshold"], config=given["config"]
    )


@extend_schema(methods=["GET"], operation_id="reward_rules_read", responses=RewardRuleDetail)
@extend_schema(
    methods=["PATCH"],
    operation_id="reward_rules_switch",
    request=RewardRuleSwitch,
    responses=RewardRuleDetail,
)
@api_view(["GET", "PATCH"])
def reward_rule(request: Request, uid: uuid.UUID) -> Response:
    """One rule; PATCH switches the rule on or off."""
    membership = caller(request)
    require_role(membership, Role.REVIEWER)
    rule = rule_for(membership=membership, uid=uid)
    if request.method == "GET":
        refuse_unknown_parameters(request, set())
        return Response(RewardRuleDetail(rule).data)
    require_role(membership, Role.ADMIN)
    given = _checked(RewardRuleSwitch, request)
    switch = switch_on if given["is_active"] else switch_off
    switch(rule=rule, by=membership)
    return Response(RewardRuleDetail(rule_for(membership=membership, uid=uid)).data)


def _checked(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The request's fields; one that does not exist is refused: it was meant to do something."""
    body = object_of(request)
    given = shape(data=body)
    given.is_valid(raise_exception=True)
    unknown = sorted(set(body) - set(given.fields))
    if unknown:
        raise RuleRefused(dict.fromkeys(unknown, _("There is no such field.")))
    return dict(given.validated_data)
