"""Project pages: list, new, overview, settings, guideline, state."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from annotation.access import project_for, projects_of
from annotation.days import answers_by_day
from annotation.forms import GuidelineForm, ProjectForm, initial_of
from annotation.guidance import guideline_context
from annotation.models import Annotation, Project, Standing
from annotation.own_work import begun
from annotation.progress import open_leases, progress_for
from annotation.projects import (
    DEFAULT_ASPECTS,
    change_project,
    check_settings,
    create_project,
    newest_guideline,
    publish_guideline,
    set_state,
)
from annotation.team import MANY, paused_now, teams_of
from core.errors import Conflict, Invalid
from core.forms import add_refusal
from core.markdown import render as render_markdown
from core.pagination import newest_first
from corpus.sources import LAWFUL_BASES

# What the chart on the page of a project shows.
DAYS = 14

# Freezing belongs to an app above this one: its form is included where it is installed.
AFTER_ANSWERS = ["qa/freeze_form.html", "annotation/no-form.html"]
KINDS = [
    (
        Project.Kind.RANKING,
        gettext_lazy("Ranking"),
        gettext_lazy("People put two to four answers of models in order."),
    ),
    (
        Project.Kind.DEMONSTRATION,
        gettext_lazy("Instruction writing"),
        gettext_lazy("People write the answer that a model should give."),
    ),
    (
        Project.Kind.CLASSIFICATION,
        gettext_lazy("Classification"),
        gettext_lazy("People give a text one label or several."),
    ),
]
NEW = {
    "aspects": ", ".join(DEFAULT_ASPECTS),
    "overlap": 1,
    "lease_seconds": 900,
    "allow_ties": True,
    "allow_all_bad": True,
}


@require_safe
@member_page()
def projects(request: WorkspaceRequest) -> HttpResponse:
    page = newest_first(projects_of(request.membership), before=request.GET.get("before", ""), size=50)
    progress = progress_for(request.membership, page.rows)
    teams = teams_of(page.rows)
    own = Standing.objects.filter(membership=request.membership, project__in=page.rows)
    mine = dict(own.values_list("project", "submitted_count"))
    held = begun(membership=request.membership, projects=page.rows)
    rows = [
        {
            "project": project,
            "progress": progress[project.pk],
            "team": teams[project.pk],
            "mine": mine.get(project.pk, 0),
            "is_begun": project.pk in held,
        }
        for project in page.rows
    ]
    return render(request, "annotation/projects.html", {"rows": rows, "next_cursor": page.next_cursor})


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Role.ADMIN)
def new(request: WorkspaceRequest) -> HttpResponse:
    kind = _chosen_kind(request)
    form = ProjectForm(request.POST if request.method == "POST" else None, initial=NEW, kind=kind)
    if request.method == "POST" and form.is_valid():
        try:
            settings = check_settings(form.values())
            project = create_project(membership=request.membership, settings=settings)
        except Invalid as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _("The project is ready: import its tasks next."))
            return redirect("project", request.membership.workspace.slug, project.uid)
    context = {"form": form, "kind": kind, "kinds": KINDS}
    return render(request, "annotation/new.html", context, status=_status(form))


def _chosen_kind(request: WorkspaceRequest) -> str:
    """The kind comes with the address, and with the form that it gave. Raises Invalid for an unknown one."""
    sent = request.POST if request.method == "POST" else request.GET
    kind = sent.get("kind", "") or Project.Kind.RANKING
    if kind not in Project.Kind.values:
        raise Invalid(_("There is no such kind of project."), fields={"kind": _("unknown")})
    return kind


@require_safe
@member_page()
def project(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = project_for(membership=request.membership, uid=uid)
    guideline = newest_guideline(found)
    own = Standing.objects.filter(membership=request.membership, project=found).first()
    context: dict[str, Any] = {
        "project": found,
        "progress": progress_for(request.membership, [found])[found.pk],
        "open_leases": open_leases(found),
        "mine": own.submitted_count if own else 0,
        "is_begun": bool(begun(membership=request.membership, projects=[found])),
        "pause": own if paused_now(own) else None,
        "team": teams_of([found], named=MANY)[found.pk],
        "days": answers_by_day(Annotation.objects.filter(project=found), days=DAYS),
        "guideline": guideline,
        "guideline_html": render_markdown(guideline.text) if guideline else "",
        "imports": _imports(request, found),
        "states": Project.State.choices,
        "after_answers": AFTER_ANSWERS,
        "lawful_basis": str(LAWFUL_BASES.get(found.lawful_basis, found.lawful_basis)),
    }
    return render(request, "annotation/project.html", context)


def _imports(request: WorkspaceRequest, found: Project) -> list[Any]:
    if not request.membership.is_admin:
        return []
    return list(found.imports.select_related("job").order_by("-pk")[:5])


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Role.ADMIN)
def settings(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = project_for(membership=request.membership, uid=uid)
    typed = request.POST if request.method == "POST" else None
    form = ProjectForm(typed, initial=initial_of(found), kind=found.kind)
    if request.method == "POST" and form.is_valid():
        try:
            wanted = check_settings(form.values())
            change_project(membership=request.membership, project=found, settings=wanted)
        except (Invalid, Conflict) as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _("The settings are saved."))
            return redirect("project", request.membership.workspace.slug, found.uid)
    context = {"form": form, "project": found}
    return render(request, "annotation/settings.html", context, status=_status(form))


@require_POST
@member_page(Role.ADMIN)
def state(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = project_for(membership=request.membership, uid=uid)
    set_state(membership=request.membership, project=found, state=request.POST.get("state", ""))
    return redirect("project", request.membership.workspace.slug, found.uid)


@require_safe
@member_page()
def guideline(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """The newest guideline or an earlier one, with what changed; admins publish the next one here."""
    found = project_for(membership=request.membership, uid=uid)
    newest = newest_guideline(found)
    form = GuidelineForm(initial={"text": newest.text if newest else ""})
    return _guideline_page(request, found, form)


@require_POST
@member_page(Role.ADMIN)
def publish(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = project_for(membership=request.membership, uid=uid)
    form = GuidelineForm(request.POST)
    if form.is_valid():
        try:
            publish_guideline(membership=request.membership, project=found, text=form.cleaned_data["text"])
        except Invalid as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _("The guideline is published."))
            return redirect("project-guideline", request.membership.workspace.slug, found.uid)
    return _guideline_page(request, found, form)


def _guideline_page(request: WorkspaceRequest, found: Project, form: GuidelineForm) -> HttpResponse:
    context = {"project": found, "form": form, **guideline_context(found, request.GET.get("version", ""))}
    return render(request, "annotation/guideline.html", context, status=_status(form))


def _status(form: Any) -> int:
    return 422 if form.is_bound and form.errors else 200
