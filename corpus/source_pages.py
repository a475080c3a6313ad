"""Pages of collecting: sources, one source with its documents, uploads, one document, freezing."""

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models.functions import Left
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.bars import bars_of
from core.errors import DomainError, Unreadable
from core.forms import add_refusal
from core.pagination import newest_first
from core.requests import is_htmx
from core.word_diff import word_diff
from corpus import coverage
from corpus.access import document_for, source_for, sources_of
from corpus.cleaning_settings import STEPS
from corpus.corpus_freezing import chosen_sources, freeze_or_enqueue
from corpus.intake import receive_documents
from corpus.models import CleaningRun, DatasetVersion, Document, DocumentUpload, Source
from corpus.source_forms import (
    DEFAULTS,
    CleaningForm,
    DocumentsForm,
    FreezeForm,
    SourceForm,
    labelled_thresholds,
)
from corpus.sources import LAWFUL_BASES, check_takes_documents, describe_source

UPLOADS_SHOWN = 10
CLEANINGS_SHOWN = 10
DOCUMENTS_SHOWN = 20
CHARACTERS_SHOWN = 20_000
CHARACTERS_IN_LIST = 160
TABS = {
    "documents": gettext_lazy("Documents"),
    "uploads": gettext_lazy("Uploads"),
    "cleaning": gettext_lazy("Cleaning"),
    "coverage": gettext_lazy("Coverage"),
    "rights": gettext_lazy("Rights"),
}


@require_safe
@member_page(Role.REVIEWER)
def sources(request: WorkspaceRequest) -> HttpResponse:
    refuse_unknown_parameters(request, {"before"})
    return _sources_page(request, FreezeForm(), chosen=[], status=200)


def _sources_page(
    request: WorkspaceRequest, form: FreezeForm, *, chosen: list[str], status: int
) -> HttpResponse:
    page = newest_first(sources_of(request.membership), before=request.GET.get("before", ""))
    counts = coverage.state_counts(page.rows)
    rows: list[dict[str, Any]] = [
        {
            "source": source,
            "counts": counts[source.pk],
            "basis": basis_label(source),
            "origin": origin_label(source),
        }
        for source in page.rows
    ]
    context = {
        "page": page,
        "rows": rows,
        "form": form,
        "chosen": chosen,
        "languages": coverage.by_language(page.rows),
        "lengths": coverage.by_length(page.rows),
        "kept": sum(row["counts"]["kept"] for row in rows),
    }
    return render(request, "corpus/sources.html", context, status=status)


def origin_label(source: Source) -> str:
    """Where it came from; the answers of a project are a source whose origin names the project by its id."""
    return _("What people answered in a project") if source.origin.startswith("project:") else source.origin


def basis_label(source: Source) -> str:
    return str(LAWFUL_BASES.get(source.lawful_basis, source.lawful_basis))


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Role.ADMIN)
def source_new(request: WorkspaceRequest) -> HttpResponse:
    form = SourceForm(request.POST if request.method == "POST" else None, initial=DEFAULTS.as_json())
    if not form.is_bound:
        return render(request, "corpus/source_new.html", {"form": form})
    status = 422
    if form.is_valid():
        workspace = request.membership.workspace
        try:
            made = describe_source(workspace=workspace, by=request.membership, **form.description())
        except DomainError as refusal:
            add_refusal(form, refusal)
            status = refusal.status
        else:
            return redirect("source", workspace.slug, made.uid)
    return render(request, "corpus/source_new.html", {"form": form}, status=status)


@require_safe
@member_page(Role.REVIEWER)
def source(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    refuse_unknown_parameters(request, {"before", "state", "tab"})
    found = source_for(membership=request.membership, uid=uid)
    if is_htmx(request):
        return _live(request, found)
    return source_page(request, found, tab=request.GET.get("tab", ""))


def source_page(
    request: WorkspaceRequest, found: Source, *, tab: str = "", status: int = 200, **bound: forms.Form
) -> HttpResponse:
    """With a refused form where one was sent. A source without documents opens at its uploads."""
    counts = coverage.state_counts([found])[found.pk]
    tab = tab or ("documents" if any(counts.values()) else "uploads")
    if tab not in TABS:
        raise Unreadable(_("There is no such part of this page."), fields={"tab": _("unknown")})
    uploads = list(found.uploads.select_related("job").order_by("-pk")[:UPLOADS_SHOWN])
    cleanings = list(found.cleaning_runs.order_by("-pk")[:CLEANINGS_SHOWN])
    context: dict[str, Any] = {
        "source": found,
        "tab": tab,
        "tabs": TABS.items(),
        "basis": basis_label(found),
        "origin": origin_label(found),
        "refusal": _refusal(found),
        "counts": counts,
        "uploads": uploads,
        "cleanings": cleanings,
        "is_clean": any(run.state == CleaningRun.State.APPLIED for run in cleanings),
        "job": _running_job(uploads),
        "trouble": _trouble(uploads),
        "live_url": reverse("source", args=[request.membership.workspace.slug, found.uid]),
    }
    context |= PARTS[tab](request, found) if tab in PARTS else {}
    return render(request, "corpus/source.html", context | bound, status=status)


def _documents(request: WorkspaceRequest, found: Source) -> dict[str, Any]:
    state = request.GET.get("state", Document.State.KEPT)
    if state not in Document.State.values:
        raise Unreadable(_("There is no such state."), fields={"state": _("unknown")})
    documents = found.documents.filter(state=state).defer("text", "original_text")
    beginnings = documents.annotate(beginning=Left("text", CHARACTERS_IN_LIST))
    page = newest_first(beginnings, before=request.GET.get("before", ""), size=DOCUMENTS_SHOWN)
    rows = [(row, coverage.reason_label((row.removal or {}).get("reason"))) for row in page.rows]
    return {"state": state, "states": Document.State.choices, "page": page, "rows": rows}


def _uploads(request: WorkspaceRequest, found: Source) -> dict[str, Any]:
    return {"upload_form": DocumentsForm()}


def _cleaning(request: WorkspaceRequest, found: Source) -> dict[str, Any]:
    return {"cleaning_form": CleaningForm(initial={**DEFAULTS.as_json(), **found.filters})}


def _coverage(request: WorkspaceRequest, found: Source) -> dict[str, Any]:
    removals = coverage.removals_of([found])
    return {
        "languages": coverage.by_language([found]),
        "lengths": coverage.by_length([found]),
        "findings": coverage.findings_of([found]),
        "removals": bars_of([(f"{removal.step}: {removal.reason}", removal.count) for removal in removals]),
    }


def _rights(request: WorkspaceRequest, found: Source) -> dict[str, Any]:
    return {"thresholds": labelled_thresholds({**DEFAULTS.as_json(), **found.filters})}


PARTS: dict[str, Callable[[WorkspaceRequest, Source], dict[str, Any]]] = {
    "documents": _documents,
    "uploads": _uploads,
    "cleaning": _cleaning,
    "coverage": _coverage,
    "rights": _rights,
}


def _refusal(found: Source) -> str:
    """Why no document may come in, or nothing."""
    try:
        check_takes_documents(found)
    except DomainError as refusal:
        return refusal.message
    return ""


def _running_job(uploads: list[DocumentUpload]) -> Any:
    return next((upload.job for upload in uploads if upload.job and not upload.job.has_ended), None)


def _trouble(uploads: list[DocumentUpload]) -> DocumentUpload | None:
    """The newest upload, where not all of it came in."""
    newest = uploads[0] if uploads else None
    has_trouble = newest and (newest.reject_count or newest.state == DocumentUpload.State.FAILED)
    return newest if has_trouble else None


def _live(request: WorkspaceRequest, found: Source) -> HttpResponse:
    """The job's state for the poll; once it has ended, the whole page again."""
    job = _running_job(list(found.uploads.select_related("job").order_by("-pk")[:UPLOADS_SHOWN]))
    address = reverse("source", args=[request.membership.workspace.slug, found.uid])
    if job is None:
        response = HttpResponse(status=200)
        response["HX-Redirect"] = address
        return response
    return render(request, "jobs/job.html#live", {"job": job, "live_url": address, "is_poll": True})


@require_POST
@member_page(Role.ADMIN)
def source_upload(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = source_for(membership=request.membership, uid=uid)
    form = DocumentsForm(request.POST, request.FILES)
    status = 422
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            receive_documents(source=found, by=request.membership, upload=file, file_name=file.name or "")
        except DomainError as refusal:
            add_refusal(form, refusal)
            status = refusal.status
        else:
            messages.success(request, _("The file is here; a job reads it now."))
            return redirect("source", request.membership.workspace.slug, found.uid)
    return source_page(request, found, tab="uploads", upload_form=form, status=status)


@require_safe
@member_page(Role.REVIEWER)
def document(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    refuse_unknown_parameters(request, set())
    found = document_for(membership=request.membership, uid=uid)
    removal = found.removal or {}
    partner = _partner(found, removal.get("of"))
    context = {
        "document": found,
        "text": found.text[:CHARACTERS_SHOWN],
        "is_cut": len(found.text) > CHARACTERS_SHOWN,
        "change": word_diff(found.original_text[:CHARACTERS_SHOWN], found.text[:CHARACTERS_SHOWN])
        if found.original_text
        else [],
        "partner": partner,
        "step": STEPS.get(removal.get("step", ""), ""),
        "reason": coverage.reason_label(removal.get("reason")),
        "findings": coverage.labelled_findings(found.findings),
    }
    return render(request, "corpus/document.html", context)


def _partner(found: Document, uid: str | None) -> Document | None:
    """The document that a removed one repeats."""
    return Document.objects.filter(workspace_id=found.workspace_id, uid=uid).first() if uid else None


@require_POST
@member_page(Role.ADMIN)
def corpus_freeze(request: WorkspaceRequest) -> HttpResponse:
    form, chosen = FreezeForm(request.POST), request.POST.getlist("sources")
    status = 422
    if form.is_valid():
        slug, given = request.membership.workspace.slug, form.cleaned_data
        try:
            made = freeze_or_enqueue(
                kind=given["kind"],
                workspace=request.membership.workspace,
                by=request.membership,
                sources=chosen_sources(sources_of(request.membership), chosen),
                name=given["name"],
                heldout_share=given["heldout_percent"] / 100,
                note=given["note"],
            )
        except DomainError as refusal:
            add_refusal(form, refusal)
            status = refusal.status
        else:
            if isinstance(made, DatasetVersion):
                messages.success(request, _("Frozen as %(name)s.") % {"name": str(made)})
                return redirect("dataset-version", slug, made.uid)
            return redirect("job", slug, made.uid)
    return _sources_page(request, form, chosen=chosen, status=status)
