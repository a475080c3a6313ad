"""The forms of the project pages. The domain functions hold the rules; these read and re-show input."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Project
from annotation.projects import LENGTHS, LIMITS, LONGEST_GUIDELINE, settings_of


class ProjectForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=LENGTHS["name"])
    description = forms.CharField(
        label=_("Description"),
        max_length=LENGTHS["description"],
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What the answers are for. Everybody in the workspace sees it."),
    )
    aspects = forms.CharField(
        label=_("Aspects"),
        required=False,
        help_text=_("Rated 1 to 5 per candidate, separated by commas, at most six. Empty: the order alone."),
    )
    overlap = forms.IntegerField(
        label=_("Answers per task"),
        min_value=LIMITS["overlap"][0],
        max_value=LIMITS["overlap"][1],
        help_text=_("How many different people answer each task. Agreement needs at least two."),
    )
    lease_seconds = forms.IntegerField(
        label=_("Seconds a task is kept"),
        min_value=LIMITS["lease_seconds"][0],
        max_value=LIMITS["lease_seconds"][1],
        help_text=_("So long without a sign of life, then the task goes to somebody else."),
    )
    allow_ties = forms.BooleanField(label=_("Ties are allowed"), required=False)
    allow_all_bad = forms.BooleanField(label=_("“All bad” is offered"), required=False)
    require_rationale = forms.BooleanField(label=_("A reason is required"), required=False)
    content_warning = forms.CharField(
        label=_("Content warning"),
        max_length=LENGTHS["content_warning"],
        required=False,
        help_text=_("Shown before the first task; each person decides whether to go on."),
    )
    licence = forms.CharField(
        label=_("Licence of the answers"),
        max_length=LENGTHS["licence"],
        required=False,
        help_text=_("An SPDX expression such as CC-BY-4.0."),
    )
    lawful_basis = forms.CharField(
        label=_("Lawful basis"),
        max_length=LENGTHS["lawful_basis"],
        required=False,
        help_text=_("On which ground personal data in the answers is processed, e.g. consent or contract."),
    )

    def values(self) -> dict[str, Any]:
        """What was typed, in the shape that `check_settings` reads."""
        names = [name.strip() for name in self.cleaned_data["aspects"].split(",")]
        return {**self.cleaned_data, "aspects": [name for name in names if name]}


def initial_of(project: Project) -> dict[str, Any]:
    values = settings_of(project)
    return {**values, "aspects": ", ".join(values["aspects"])}


class GuidelineForm(forms.Form):
    text = forms.CharField(
        label=_("Text (Markdown)"),
        max_length=LONGEST_GUIDELINE,
        widget=forms.Textarea(attrs={"rows": 18}),
        help_text=_("Publishing makes a new version. Answers name the version that was on the page."),
    )


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("Task file"),
        allow_empty_file=True,
        help_text=_("JSON lines, one task a line, plain or compressed with gzip."),
    )
