"""Bringing tasks in by file, and taking answers out."""

import uuid

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from annotation.access import import_for, project_for
from annotation.downloads import JSON_LINES, exported
from annotation.forms import UploadForm
from annotation.models import TaskImport
from annotation.uploads import confirm, discard, is_waiting, receive
from core.errors import DomainError
from core.forms import add_refusal
from core.requests import is_htmx


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Role.ADMIN)
def upload(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            batch = receive(membership=request.membership, project=project, upload=form.cleaned_data["file"])
        except DomainError as refusal:
            add_refusal(form, refusal)
            status = refusal.status
        else:
            return redirect("import", request.membership.workspace.slug, batch.uid)
    if form.is_bound and status == 200:
        status = 422
    return render(request, "annotation/upload.html", {"form": form, "project": project}, status=status)


@require_safe
@member_page(Role.ADMIN)
def preview(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    batch = import_for(membership=request.membership, uid=uid)
    address = reverse("import", args=[request.membership.workspace.slug, batch.uid])
    if is_htmx(request):
        return _live(request, batch, address)
    at_work = batch.job is not None and not batch.job.has_ended
    context = {
        "batch": batch,
        "project": batch.project,
        "waiting": is_waiting(batch),
        "reading": batch.state == TaskImport.State.PREVIEW and at_work,
        "more_problems": batch.problem_count - len(batch.problems),
        "job": batch.job,
        "live_url": address,
    }
    return render(request, "annotation/import.html", context)


def _live(request: WorkspaceRequest, batch: TaskImport, address: str) -> HttpResponse:
    """The job's state for the poll; once it has ended, the whole page again."""
    if batch.job is None or batch.job.has_ended:
        response = HttpResponse(status=200)
        response["HX-Redirect"] = address
        return response
    return render(request, "jobs/job.html#live", {"job": batch.job, "live_url": address, "is_poll": True})


@require_POST
@member_page(Role.ADMIN)
def confirm_import(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    batch = import_for(membership=request.membership, uid=uid)
    confirm(membership=request.membership, batch=batch, skip_bad=bool(request.POST.get("skip_bad")))
    return redirect("import", request.membership.workspace.slug, batch.uid)


@require_POST
@member_page(Role.ADMIN)
def discard_import(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    batch: TaskImport = discard(batch=import_for(membership=request.membership, uid=uid))
    messages.info(request, _("The file is discarded; nothing was imported."))
    return redirect("project", request.membership.workspace.slug, batch.project.uid)


@require_safe
@member_page(Role.ADMIN)
def export(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse | StreamingHttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    if request.method == "HEAD":
        return HttpResponse(content_type=JSON_LINES)
    return exported(request.membership, project)
