"""The guideline beside the work, and whether the person has seen this version."""

from typing import Any

from django.db.models import Max

from annotation.models import Annotation, Assignment, Guideline, Project
from annotation.projects import newest_guideline
from core.markdown import render


def newest_number(project: Project) -> int:
    """The number of the newest guideline, 0 without one."""
    found = Guideline.objects.filter(project=project).aggregate(newest=Max("number"))["newest"]
    return found or 0


def guidance_for(assignment: Assignment) -> dict[str, Any]:
    guideline = newest_guideline(assignment.project)
    if guideline is None:
        return {"guideline": None, "guideline_number": 0, "guideline_is_new": False}
    last = Annotation.objects.filter(membership_id=assignment.membership_id, project_id=assignment.project_id)
    seen = last.order_by("-pk").values_list("guideline__number", flat=True).first()
    return {
        "guideline": {
            "number": guideline.number,
            "html": render(guideline.text),
            "published_at": guideline.published_at,
        },
        "guideline_number": guideline.number,
        "guideline_is_new": seen != guideline.number,
    }
