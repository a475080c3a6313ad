"""The forms of the project pages. The domain functions hold the rules; these read and re-show input."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Project
from annotation.projects import LENGTHS, LIMITS, LONGEST_GUIDELINE, settings_of

# What only one kind asks; the others do not even see the field.
OF_ONE_KIND = {
    Project.Kind.RANKING: ("aspects", "allow_ties", "allow_all_bad"),
    Project.Kind.CLASSIFICATION: ("labels", "allow_several_labels"),
}


class ProjectForm(forms.Form):
    """The settings of a project of one kind."""

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
    labels = forms.CharField(
        label=_("Labels"),
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("One a line, two to thirty, in the order in which people see them. Keys 1 to 9 choose."),
    )
    allow_several_labels = forms.BooleanField(
        label=_("Several labels at once"),
        required=False,
        help_text=_("Otherwise exactly one."),
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
    gold_every = forms.IntegerField(
        label=_("Hidden gold task every"),
        min_value=LIMITS["gold_every"][0],
        max_value=LIMITS["gold_every"][1],
        required=False,
        initial=0,
        help_text=_("So many tasks of a person on average; 0: never. Made on the page “Gold”."),
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

    def __init__(self, *args: Any, kind: str = Project.Kind.RANKING, **values: Any) -> None:
        super().__init__(*args, **values)
        self.kind = kind
        for owner, names in OF_ONE_KIND.items():
            for name in names if owner != kind else ():
                del self.fields[name]

    def values(self) -> dict[str, Any]:
        """What was typed, in the shape that `check_settings` reads."""
        lists = {
            name: [entry.strip() for entry in split(self.cleaned_data[name]) if entry.strip()]
            for name, split in (("aspects", _at_commas), ("labels", str.splitlines))
            if name in self.cleaned_data
        }
        gold_every = self.cleaned_data["gold_every"] or 0
        return {**self.cleaned_data, **lists, "kind": self.kind, "gold_every": gold_every}


def _at_commas(text: str) -> list[str]:
    return text.split(",")


def initial_of(project: Project) -> dict[str, Any]:
    values = settings_of(project)
    return {**values, "aspects": ", ".join(values["aspects"]), "labels": "\n".join(values["labels"])}


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
