"""Pages of quality assurance: quality of projects, measuring, freezing, and what is decided about people."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from annotation.access import project_for, projects_of
from annotation.models import Project
from core.pagination import newest_first
from corpus.models import DatasetVersion, LineageEdge
from qa import gold, inbox, reviews
from qa.access import person_for
from qa.forecast import forecast
from qa.freezing import freeze_project
from qa.intervals import marks
from qa.listing import LEAST_ALPHA, overviews
from qa.models import QualityReport
from qa.quality import last_report, measure_or_queue
from qa.quality_page import quality_context
from qa.releasable import Policy

AT_A_TIME = 30
MOST_VERSIONS = 5


class FreezeForm(forms.Form):
    heldout_percent = forms.IntegerField(
        label=gettext_lazy("Held out for testing, in percent"),
        min_value=0,
        max_value=90,
        initial=20,
        help_text=gettext_lazy("Of the prompts. A prompt is never on both sides."),
    )
    policy = forms.ChoiceField(label=gettext_lazy("What is released"), choices=Policy.choices, required=False)
    note = forms.CharField(label=gettext_lazy("Note"), max_length=500, required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Role.ADMIN)
def project_freeze(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """What each policy would release, and the button that does it."""
    project = project_for(membership=request.membership, uid=uid)
    if request.method != "POST":
        return render(request, "qa/freeze.html", _freeze_context(project))
    form = FreezeForm(request.POST)
    if not form.is_valid():
        return render(request, "qa/freeze.html", {**_freeze_context(project), "form": form}, status=422)
    made = freeze_project(
        project=project,
        by=request.membership,
        heldout_share=form.cleaned_data["heldout_percent"] / 100,
        note=form.cleaned_data["note"],
        policy=form.cleaned_data["policy"],
    )
    slug = request.membership.workspace.slug
    if isinstance(made, DatasetVersion):
        messages.success(request, _("Frozen as %(name)s.") % {"name": str(made)})
        return redirect("dataset-version", slug, made.uid)
    return redirect("job", slug, made.uid)


def _freeze_context(project: Project) -> dict[str, Any]:
    made = LineageEdge.objects.filter(
        parent_kind="project", parent_uid=project.uid, child_kind="dataset_version"
    )
    versions = DatasetVersion.objects.filter(workspace=project.workspace_id, uid__in=made.values("child_uid"))
    return {
        "project": project,
        "forecast": forecast(project),
        "is_freeze_page": True,
        "versions": versions.select_related("dataset").order_by("-pk")[:MOST_VERSIONS],
    }


@require_safe
@member_page(Role.REVIEWER)
def quality(request: WorkspaceRequest) -> HttpResponse:
    page = newest_first(projects_of(request.membership), before=request.GET.get("before", ""), size=AT_A_TIME)
    context = {
        "rows": overviews(page.rows),
        "next_cursor": page.next_cursor,
        "alpha_marks": marks({0.0: "0", 0.5: "0.5", 1.0: "1"}, least=LEAST_ALPHA),
    }
    return render(request, "qa/quality.html", context)


@require_safe
@member_page(Role.REVIEWER)
def project_quality(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """The last measurement; what came in since is only counted into it by the next one."""
    project = project_for(membership=request.membership, uid=uid)
    inbox.take_some(project=project)
    return render(request, "qa/project_quality.html", quality_context(project, last_report(project)))


@require_POST
@member_page(Role.REVIEWER)
def measure(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    made = measure_or_queue(project=project, by=request.membership)
    slug = request.membership.workspace.slug
    if isinstance(made, QualityReport):
        messages.success(request, _("Measured."))
        return redirect("project-quality", slug, project.uid)
    return redirect("job", slug, made.uid)


@require_POST
@member_page(Role.REVIEWER)
def resume_person(request: WorkspaceRequest, uid: uuid.UUID, person: uuid.UUID) -> HttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    membership = person_for(membership=request.membership, uid=person)
    note = request.POST.get("note", "")
    gold.let_work_again(project=project, membership=membership, by=request.membership, note=note)
    messages.success(request, _("%(name)s can work again.") % {"name": membership.pseudonym})
    return redirect("project-quality", request.membership.workspace.slug, project.uid)


@require_POST
@member_page(Role.REVIEWER)
def reject_person(request: WorkspaceRequest, uid: uuid.UUID, person: uuid.UUID) -> HttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    membership = person_for(membership=request.membership, uid=person)
    note = request.POST.get("note", "")
    count = reviews.reject_person(project=project, membership=membership, by=request.membership, comment=note)
    messages.success(request, _("%(count)d answers are rejected.") % {"count": count})
    return redirect("project-quality", request.membership.workspace.slug, project.uid)
