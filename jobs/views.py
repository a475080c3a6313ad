"""The pages of jobs: the list, one job live, its log, and the button that cancels it."""

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.pagination import newest_first
from core.requests import is_htmx
from jobs.access import job_for, jobs_for
from jobs.directories import log_of
from jobs.launching import cancel, queue_health
from jobs.listing import in_state, offset
from jobs.log_reading import readable
from jobs.logfiles import JobLog, LogPart
from jobs.models import Job
from jobs.subjects import kind_in_words, subject_of
from jobs.times import time_taken


@require_safe
@member_page(Role.REVIEWER)
def jobs(request: WorkspaceRequest) -> HttpResponse:
    rows = in_state(jobs_for(membership=request.membership), request.GET.dict())
    page = newest_first(rows, before=request.GET.get("before", ""))
    context = {
        "page": page,
        "rows": [(row, subject_of(row)) for row in page.rows],
        "states": Job.State.choices,
        "state": request.GET.get("state", ""),
        "health": queue_health(workspace=request.membership.workspace),
        "is_live": any(not row.has_ended for row in page.rows),
    }
    return _live(request, "jobs/jobs.html", context)


@require_safe
@member_page(Role.REVIEWER)
def job(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = job_for(membership=request.membership, uid=uid)
    tail = log_of(uid).tail()
    context = {
        "job": found,
        "kind": kind_in_words(found),
        "subject": subject_of(found),
        "took": time_taken(found),
        "live_url": reverse("job", args=[request.membership.workspace.slug, uid]),
        "log": _for_reading(tail),
        "log_goes_on": not found.has_ended,
        "is_poll": is_htmx(request),
        "health": queue_health(workspace=request.membership.workspace),
        "may_cancel": request.membership.role == Role.ADMIN and not found.has_ended,
    }
    return _live(request, "jobs/job.html", context)


def _live(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The whole page, or for a poll the part of it that changes."""
    response = render(request, f"{template}#live" if is_htmx(request) else template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
@member_page(Role.ADMIN)
def cancel_job(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    cancelled = cancel(job=job_for(membership=request.membership, uid=uid), by=request.membership)
    if cancelled.has_ended:
        messages.success(request, _("The job is cancelled."))
    else:
        messages.success(request, _("The job was asked to stop. This can take a few seconds."))
    return HttpResponseRedirect(reverse("job", args=[request.membership.workspace.slug, uid]))


@require_safe
@member_page(Role.REVIEWER)
def log(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """For a poll the text since `after` with the next poll in it; else the whole log as plain text."""
    found = job_for(membership=request.membership, uid=uid)
    after = offset(request.GET.dict())
    if is_htmx(request):
        part = log_of(uid).read(after=after)
        goes_on = not found.has_ended or part.next_offset < log_of(uid).size()
        context = {"job": found, "log": _for_reading(part), "log_goes_on": goes_on}
        return render(request, "jobs/job.html#log", context)
    parts = _parts(log_of(uid), after)
    return cast(HttpResponse, StreamingHttpResponse(parts, content_type="text/plain; charset=utf-8"))


def _for_reading(part: LogPart) -> LogPart:
    return dataclasses.replace(part, text=readable(part.text))


def _parts(source: JobLog, after: int) -> Iterator[str]:
    end = source.size()
    while after < end and (part := source.read(after=after)).next_offset > after:
        yield part.text
        after = part.next_offset
