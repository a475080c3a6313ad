"""What the home of a workspace shows: to each role what that role does next."""

from typing import Any

from accounts.models import Membership
from annotation.days import answers_by_day
from annotation.models import Annotation, Project
from annotation.own_work import own_projects
from annotera.decisions import Standpoint, decisions_of
from annotera.own_home import DAYS, active_projects, own_home, to_go_on
from annotera.pipeline import next_stage, stages
from qa.queues import paused_standings, queues_of, riskiest
from training.access import models_of, runs_of
from training.alarm_notices import badge_of_model

LATEST = 5


def home_of(membership: Membership) -> dict[str, Any]:
    """The context of the page, in a number of queries that does not grow with the workspace."""
    projects = active_projects(membership)
    context = to_go_on(membership)
    if not membership.may_review:
        return context | own_home(membership, projects)
    return context | _overview(membership, projects)


def _overview(membership: Membership, projects: list[Project]) -> dict[str, Any]:
    """What reviewers and admins see: the queues, the pipeline, the newest runs and models."""
    found = stages(membership=membership)
    queues = queues_of(projects)
    paused = paused_standings(projects)
    context: dict[str, Any] = {
        "projects": own_projects(
            membership=membership, projects=Project.objects.filter(pk__in=[row.pk for row in projects])
        ),
        "stages": found,
        "next_stage": next_stage(found),
        "queues": queues,
        "waiting": sum(queue.waiting for queue in queues),
        "riskiest": riskiest(queues),
        "paused_people": paused,
        "team_days": answers_by_day(Annotation.objects.filter(project__in=projects), days=DAYS),
        **_latest(membership),
    }
    if membership.is_admin:
        at = Standpoint(
            membership=membership,
            projects=projects,
            stages=found,
            next_stage=context["next_stage"],
            queues=queues,
            paused=paused,
        )
        context["decisions"] = decisions_of(at)
    return context


def _latest(membership: Membership) -> dict[str, Any]:
    models = models_of(membership).order_by("-pk")[:LATEST]
    return {
        "runs": list(runs_of(membership).order_by("-pk")[:LATEST]),
        "models": [(model, badge_of_model(model)) for model in models],
    }
