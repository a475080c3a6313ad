"""The page on which an admin makes tasks of frozen prompts, with answers of a model where people rank."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Membership, Role
from annotation.access import project_for
from annotation.models import Project
from annotera.candidates import FEWEST_ANSWERS, MOST_PROMPTS, PROMPT_KINDS, request_candidates
from core.errors import Conflict, Invalid
from core.forms import add_refusal
from corpus.access import versions_of
from training.access import models_of
from training.configs import GenerateConfig
from training.run_checks import LANGUAGE_MODELS

MOST_CHOICES = 200
OF_A_MODEL = ("model", "per_prompt", "max_new_tokens", "temperature", "seed")
MOST_ANSWERS, LONGEST_ANSWER = 4, 4096
ONE_OF_THESE = {"invalid_choice": gettext_lazy("Choose one of these.")}


class CandidatesForm(forms.Form):
    prompts = forms.ChoiceField(label=gettext_lazy("Prompts from"), error_messages=ONE_OF_THESE)
    split = forms.ChoiceField(
        label=gettext_lazy("Part"),
        choices=[("train", gettext_lazy("training")), ("heldout", gettext_lazy("held out"))],
    )
    limit = forms.IntegerField(
        label=gettext_lazy("Most tasks"),
        min_value=1,
        max_value=MOST_PROMPTS,
        initial=200,
        help_text=gettext_lazy("The first so many different prompts."),
    )
    model = forms.ChoiceField(label=gettext_lazy("Model that answers"), error_messages=ONE_OF_THESE)
    per_prompt = forms.IntegerField(
        label=gettext_lazy("Answers per prompt"),
        min_value=FEWEST_ANSWERS,
        max_value=MOST_ANSWERS,
        help_text=gettext_lazy("Different ones. A prompt to which the model knows only one becomes no task."),
    )
    max_new_tokens = forms.IntegerField(
        label=gettext_lazy("Longest answer"),
        min_value=1,
        max_value=LONGEST_ANSWER,
        help_text=gettext_lazy("In tokens; longer answers are cut."),
    )
    temperature = forms.FloatField(
        label=gettext_lazy("Temperature"),
        min_value=0.05,
        max_value=5.0,
        help_text=gettext_lazy("Spread of the sampling; 1 is the model's own."),
    )
    seed = forms.IntegerField(label=gettext_lazy("Seed"), min_value=0, max_value=2**31 - 1)

    def __init__(self, typed: Any = None, *, project: Project, membership: Membership) -> None:
        defaults = GenerateConfig()
        initial = {name: getattr(defaults, name) for name in OF_A_MODEL if name != "model"}
        super().__init__(typed, initial=initial)
        versions = versions_of(membership).filter(dataset__kind__in=PROMPT_KINDS, redacted_at=None)
        self.versions = {str(row.uid): row for row in versions.order_by("-pk")[:MOST_CHOICES]}
        self.fields["prompts"].choices = _choices(self.versions)  # type: ignore[attr-defined]
        self.models: dict[str, Any] = {}
        if project.kind != Project.Kind.RANKING:
            for name in OF_A_MODEL:
                del self.fields[name]
            return
        models = models_of(membership).filter(stage__in=LANGUAGE_MODELS)
        self.models = {str(row.uid): row for row in models.order_by("-pk")[:MOST_CHOICES]}
        self.fields["model"].choices = _choices(self.models)  # type: ignore[attr-defined]

    def missing(self) -> str:
        """What must exist before anything can be chosen; empty when everything is there."""
        if not self.versions:
            return _("There are no frozen prompts yet: freeze or import some first.")
        if "model" in self.fields and not self.models:
            return _("There is no language model yet: train or import one first.")
        return ""

    def chosen(self) -> dict[str, Any]:
        """The arguments of `request_candidates`, from a form that is valid."""
        given = self.cleaned_data
        return {
            **given,
            "prompts": self.versions[given["prompts"]],
            "model": self.models.get(given.get("model", "")),
        }


def _choices(rows: dict[str, Any]) -> list[tuple[str, str]]:
    return [(uid, str(row)) for uid, row in rows.items()]


@require_http_methods(["GET", "HEAD", "POST"])
@member_page(Role.ADMIN)
def candidates(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    typed = request.POST if request.method == "POST" else None
    form = CandidatesForm(typed, project=project, membership=request.membership)
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            job = request_candidates(project=project, by=request.membership, **form.chosen())
        except (Invalid, Conflict) as refusal:
            add_refusal(form, refusal)
            status = refusal.status
        else:
            messages.success(request, _("The tasks are being made."))
            return redirect("job", request.membership.workspace.slug, job.uid)
    context = {"project": project, "form": form, "missing": form.missing()}
    return render(request, "annotation/candidates.html", context, status=status)
