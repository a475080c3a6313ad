"""The forms of the pages of deployed models. The domain functions hold the rules; these read and re-show."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from annotation.access import projects_of
from annotation.models import Project
from production.deployments import LONGEST_NAME
from production.feedback import LONGEST_COMMENT
from production.harvest import MOST_AT_ONCE
from production.models import Deployment
from production.prompts import HOTTEST, MOST_NEW_TOKENS
from training.access import models_of
from training.models import ModelVersion, Stage

MOST_CHOICES = 200
CHOOSE_ONE = {"invalid_choice": _("Choose one of these.")}


class DeployForm(forms.Form):
    """Which model, under which name."""

    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        initial="assistant",
        help_text=_("Programs ask for it by this name. What answered under it before is retired."),
    )

    def __init__(self, *args: Any, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        writers = models_of(membership).exclude(stage=Stage.REWARD).order_by("-pk")[:MOST_CHOICES]
        self.models: dict[str, ModelVersion] = {str(model.uid): model for model in writers}
        choices = [(uid, f"{model} ({model.get_stage_display()})") for uid, model in self.models.items()]
        self.fields["model"] = forms.ChoiceField(label=_("Model"), choices=choices, error_messages=CHOOSE_ONE)
        self.order_fields(["model", "name"])


class AskForm(forms.Form):
    """One question to the model."""

    prompt = forms.CharField(
        label=_("Prompt"), widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}), strip=False
    )
    max_new_tokens = forms.IntegerField(
        label=_("At most so many tokens"), min_value=1, max_value=MOST_NEW_TOKENS, initial=128
    )
    temperature = forms.FloatField(
        label=_("Temperature"),
        min_value=0,
        max_value=HOTTEST,
        initial=1.0,
        help_text=_("0: always the likeliest word."),
        widget=forms.NumberInput(attrs={"step": "0.1"}),
    )


class OpenProjectForm(forms.Form):
    """A project that takes tasks."""

    def __init__(self, *args: Any, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        still_open = projects_of(membership).exclude(state=Project.State.CLOSED).order_by("-pk")
        self.projects: dict[str, Project] = {
            str(project.uid): project for project in still_open[:MOST_CHOICES]
        }
        choices = [
            (uid, f"{project.name} ({project.get_kind_display()})") for uid, project in self.projects.items()
        ]
        self.fields["project"] = forms.ChoiceField(
            label=_("Project"), choices=choices, error_messages=CHOOSE_ONE
        )
        self.order_fields(["project"])

    def chosen_project(self) -> Project:
        return self.projects[self.cleaned_data["project"]]


class HarvestForm(OpenProjectForm):
    """Which share of a deployment's outputs goes back."""

    floor = forms.FloatField(
        label=_("Of the rest, this share in percent"),
        min_value=0,
        max_value=100,
        initial=5,
        help_text=_("Drawn once for each output: asking again gives no second chance."),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    limit = forms.IntegerField(
        label=_("At most so many"), min_value=1, max_value=MOST_AT_ONCE, initial=100,
        help_text=_("What is left over comes next time."),
    )  # fmt: skip


class CorrectionForm(forms.Form):
    """What the model should have written."""

    text = forms.CharField(
        label=_("Better answer"), widget=forms.Textarea(attrs={"rows": 5, "dir": "auto"}), strip=False
    )
    comment = forms.CharField(label=_("Comment"), max_length=LONGEST_COMMENT, required=False)


def state_of(deployment: Deployment) -> tuple[str, Any]:
    """The state of a badge, and its word."""
    if deployment.state == Deployment.State.RETIRED:
        return "closed", _("retired")
    if deployment.ready_at is not None:
        return "succeeded", _("ready")
    if deployment.failure:
        return "failed", _("cannot answer")
    return "running", _("loading")
