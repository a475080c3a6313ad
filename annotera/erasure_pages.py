"""Pages of erasures: the list with the form, and the report."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from annotera.access import erasure_for, erasures_of
from annotera.erasures import LONGEST_REASON, live_reach, request_erasure, shown_state
from core.api import refuse_unknown_parameters
from core.errors import Invalid
from core.forms import add_refusal
from core.pagination import newest_first
from core.requests import is_htmx
from corpus.subjects import LONGEST_IDENTIFIER


class ErasureForm(forms.Form):
    """The domain function holds the rules; this reads and shows input again."""

    identifier = forms.CharField(
        label=gettext_lazy("Who"),
        max_length=LONGEST_IDENTIFIER,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("As the data names the person, such as an e-mail address. It is not stored."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reference"),
        max_length=LONGEST_REASON,
        required=False,
        help_text=gettext_lazy(
            "Where the request is kept, such as a ticket number. No name: this is stored."
        ),
    )
    sure = forms.BooleanField(
        label=gettext_lazy("The texts of this person are to be deleted for good"),
        error_messages={"required": gettext_lazy("Confirm: nothing brings these texts back.")},
    )


@member_page(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def erasures(request: WorkspaceRequest) -> HttpResponse:
    if request.method == "POST":
        return _request(request)
    refuse_unknown_parameters(request, {"before"})
    return _page(request, ErasureForm(), status=200)


def _request(request: WorkspaceRequest) -> HttpResponse:
    form = ErasureForm(request.POST)
    membership = request.membership
    if not form.is_valid():
        return _page(request, form, status=422)
    given = form.cleaned_data
    try:
        erasure = request_erasure(
            workspace=membership.workspace,
            by=membership,
            identifier=given["identifier"],
            reason=given["reason"],
        )
    except Invalid as refusal:
        add_refusal(form, refusal)
        return _page(request, form, status=422)
    messages.success(request, _("The erasure is on its way. This page tells what it reached."))
    return redirect("erasure", membership.workspace.slug, erasure.uid)


def _page(request: WorkspaceRequest, form: ErasureForm, *, status: int) -> HttpResponse:
    page = newest_first(erasures_of(request.membership), before=request.GET.get("before", ""))
    rows = [(erasure, shown_state(erasure)) for erasure in page.rows]
    context: dict[str, Any] = {"page": page, "rows": rows, "form": form}
    return render(request, "annotera/erasures.html", context, status=status)


@member_page(Role.ADMIN)
@require_safe
def erasure(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """What was reached, looked up now: a run that ended since may have made a model."""
    refuse_unknown_parameters(request, set())
    found = erasure_for(membership=request.membership, uid=uid)
    rows = found.report.get("rows_by_version", {})
    reach = live_reach(found)
    context = {
        "erasure": found,
        "state": shown_state(found),
        "counts": [(label, found.report[name]) for name, label in COUNTS if name in found.report],
        "versions": [(version, rows.get(str(version.uid), 0)) for version in reach.versions],
        "reach": reach,
    }
    template = "annotera/erasure.html#live" if is_htmx(request) else "annotera/erasure.html"
    return render(request, template, context)


COUNTS = (
    ("documents", gettext_lazy("Documents")),
    ("tasks", gettext_lazy("Tasks")),
    ("annotations", gettext_lazy("Answers of annotators")),
    ("outputs", gettext_lazy("Outputs of models")),
    ("feedback", gettext_lazy("Feedback")),
)
