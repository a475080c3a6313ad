"""The guideline beside the work, and whether the person has seen this version."""

from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _

from annotation.models import Annotation, Assignment, Guideline, Project
from annotation.projects import newest_guideline
from core.errors import NotFound
from core.markdown import render
from core.word_diff import word_diff

MOST_LISTED = 50


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


def guideline_context(project: Project, number: str) -> dict[str, Any]:
    """One version, the newest where no number is given, with what it changed. Raises NotFound."""
    rows = Guideline.objects.filter(project=project).select_related("published_by__user").order_by("-number")
    versions = list(rows.defer("text")[:MOST_LISTED])
    if not versions and not number:
        return {"versions": [], "shown": None}
    chosen = int(number) if number.isdecimal() and len(number) < 9 else None if number else versions[0].number
    shown = rows.filter(number=chosen).first() if chosen is not None else None
    if shown is None:
        raise NotFound(_("There is no such version of the guideline."))
    before = rows.filter(number=shown.number - 1).first()
    return {
        "versions": versions,
        "shown": shown,
        "html": render(shown.text),
        "before": before,
        "pieces": word_diff(before.text, shown.text) if before else [],
        "is_newest": shown.number == versions[0].number,
    }
