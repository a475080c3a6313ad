"""Pages of qa."""

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from annotation.access import project_for
from corpus.models import DatasetVersion
from qa.freezing import freeze_project


class FreezeForm(forms.Form):
    heldout_percent = forms.IntegerField(
        label=gettext_lazy("Held out for testing, in percent"),
        min_value=0,
        max_value=90,
        initial=20,
        help_text=gettext_lazy("Of the prompts. A prompt is never on both sides."),
    )
    note = forms.CharField(label=gettext_lazy("Note"), max_length=500, required=False)


@member_page(Role.ADMIN)
@require_POST
def project_freeze(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    form = FreezeForm(request.POST)
    if not form.is_valid():
        return render(request, "qa/freeze.html", {"project": project, "form": form}, status=422)
    made = freeze_project(
        project=project,
        by=request.membership,
        heldout_share=form.cleaned_data["heldout_percent"] / 100,
        note=form.cleaned_data["note"],
    )
    slug = request.membership.workspace.slug
    if isinstance(made, DatasetVersion):
        messages.success(request, _("Frozen as %(name)s.") % {"name": str(made)})
        return redirect("dataset-version", slug, made.uid)
    return redirect("job", slug, made.uid)
