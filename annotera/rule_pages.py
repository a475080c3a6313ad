"""Pages of the rules: the list with the form of a new one, and the switch."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import F, Model, Window
from django.db.models.functions import RowNumber
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import WorkspaceRequest, member_page, require_role
from accounts.models import Membership, Role
from annotation.access import projects_of
from annotation.models import Project
from annotera.access import rule_for, rules_of
from annotera.models import RewardRule, RuleFiring
from annotera.rules import MOST_PREFERENCES, RuleRefused, set_reward_rule, switch_off, switch_on
from core.api import refuse_unknown_parameters
from core.errors import Invalid
from core.pagination import newest_first
from training.access import models_of
from training.models import Stage
from training.run_checks import LANGUAGE_MODELS
from training.typed_settings import settings_fields, typed_values

MOST_CHOICES = 200
FIRINGS_SHOWN = 3


class RuleForm(forms.Form):
    """The domain function holds the rules; this reads and shows input again."""

    project = forms.ChoiceField(label=gettext_lazy("Project"))
    threshold = forms.IntegerField(
        label=gettext_lazy("New released preferences"),
        min_value=1,
        max_value=MOST_PREFERENCES,
        initial=500,
        help_text=gettext_lazy("So many since the rule last acted. What is released already counts."),
    )
    base_model = forms.ChoiceField(label=gettext_lazy("Start from the model"))
    settings = forms.CharField(
        label=gettext_lazy("Settings that differ"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy("One a line, as name=value: steps=200. The others keep their defaults."),
    )

    def __init__(self, *args: Any, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ranking = projects_of(membership).filter(kind=Project.Kind.RANKING).exclude(state="closed")
        models = models_of(membership).filter(stage__in=LANGUAGE_MODELS)
        self.projects = {str(row.uid): row for row in ranking.order_by("-pk")[:MOST_CHOICES]}
        self.models = {str(row.uid): row for row in models.order_by("-pk")[:MOST_CHOICES]}
        self.fields["project"] = _choice(_("Project"), self.projects)
        self.fields["base_model"] = _choice(_("Start from the model"), self.models)

    def missing(self) -> str:
        """What must exist before there can be a rule."""
        if not self.projects:
            return _("There is no ranking project yet: open one first.")
        if not self.models:
            return _("There is no language model to start from yet: train or import one first.")
        return ""

    def clean_settings(self) -> dict[str, object]:
        known, texts = settings_fields(Stage.REWARD), {}
        for number, line in enumerate(self.cleaned_data["settings"].splitlines(), start=1):
            name, equals, text = line.partition("=")
            if not line.strip():
                continue
            if not equals:
                raise forms.ValidationError(_("Line %(n)d: write name=value.") % {"n": number})
            # What is no name of ours is not repeated: it may hold anything.
            if name.strip() not in known:
                raise forms.ValidationError(_("Line %(n)d: there is no such setting.") % {"n": number})
            texts[name.strip()] = text
        return typed_values(stage=Stage.REWARD, texts=texts)

    def add_refusal(self, refusal: RuleRefused) -> None:
        """Put each reason beside its field."""
        for name, reason in refusal.fields.items():
            inside = name.removeprefix("config.")
            self.add_error(*(("settings", f"{inside}: {reason}") if inside != name else (name, reason)))


def _choice(label: str, rows: Mapping[str, Model]) -> forms.ChoiceField:
    choices = [(uid, str(row)) for uid, row in rows.items()]
    return forms.ChoiceField(
        label=label, choices=choices, error_messages={"invalid_choice": _("Choose one of these.")}
    )


@dataclass(frozen=True)
class RuleRow:
    rule: RewardRule
    firings: list[RuleFiring]


@member_page(Role.REVIEWER)
@require_http_methods(["GET", "HEAD", "POST"])
def rules(request: WorkspaceRequest) -> HttpResponse:
    membership = request.membership
    if request.method == "POST":
        return _set(request)
    refuse_unknown_parameters(request, {"before"})
    return _page(request, RuleForm(membership=membership), status=200)


def _set(request: WorkspaceRequest) -> HttpResponse:
    membership = request.membership
    require_role(membership, Role.ADMIN)
    form = RuleForm(request.POST, membership=membership)
    if not form.is_valid():
        return _page(request, form, status=422)
    given = form.cleaned_data
    try:
        set_reward_rule(
            project=form.projects[given["project"]],
            by=membership,
            base_model=form.models[given["base_model"]],
            threshold=given["threshold"],
            config=given["settings"],
        )
    except RuleRefused as refusal:
        form.add_refusal(refusal)
        return _page(request, form, status=422)
    messages.success(request, _("The rule is set. It is checked every few seconds."))
    return redirect("rules", membership.workspace.slug)


def _page(request: WorkspaceRequest, form: RuleForm, *, status: int) -> HttpResponse:
    page = newest_first(rules_of(request.membership), before=request.GET.get("before", ""))
    firings = last_firings(page.rows)
    rows = [RuleRow(rule, firings[rule.pk]) for rule in page.rows]
    context = {"page": page, "rows": rows, "form": form, "missing": form.missing()}
    return render(request, "annotera/rules.html", context, status=status)


def last_firings(rules: Sequence[RewardRule]) -> defaultdict[int, list[RuleFiring]]:
    """The last times that each rule acted, by the rule's id, the newest first; one query for all rules."""
    place = Window(RowNumber(), partition_by=F("rule"), order_by=F("pk").desc())
    numbered = (
        RuleFiring.objects.filter(rule__in=rules).annotate(place=place).filter(place__lte=FIRINGS_SHOWN)
    )
    found: defaultdict[int, list[RuleFiring]] = defaultdict(list)
    for firing in numbered.select_related("run__job", "version__dataset").order_by("-pk"):
        found[firing.rule_id].append(firing)
    return found


@member_page(Role.ADMIN)
@require_POST
def rule_switch(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    rule = rule_for(membership=request.membership, uid=uid)
    switch = {"on": switch_on, "off": switch_off}.get(request.POST.get("to", ""))
    if switch is None:
        raise Invalid(_("Switch the rule on or off."), fields={"to": "on or off"})
    switch(rule=rule, by=request.membership)
    return redirect("rules", request.membership.workspace.slug)
