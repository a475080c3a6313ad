"""Every component of the pages, live: where designers look, and what the accessibility test looks at."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page, redirect_to_login
from accounts.models import Membership, Role
from core.api import refuse_unknown_parameters
from core.errors import Denied
from core.templatetags.drawings import DRAWINGS
from core.word_diff import word_diff

# Name of the pair in styleguide.css, what it is for, and the least contrast that WCAG 2.2 AA asks for.
PAIRS = (
    ("text-page", gettext_lazy("Text on the page"), 4.5),
    ("text-surface", gettext_lazy("Text on a card"), 4.5),
    ("text-hover", gettext_lazy("Text of a row under the pointer"), 4.5),
    ("muted-page", gettext_lazy("Quiet text on the page"), 4.5),
    ("muted-surface", gettext_lazy("Quiet text on a card"), 4.5),
    ("muted-sidebar", gettext_lazy("Quiet text in the sidebar"), 4.5),
    ("muted-hover", gettext_lazy("Quiet text under the pointer"), 4.5),
    ("accent-surface", gettext_lazy("Links on a card"), 4.5),
    ("accent-soft", gettext_lazy("Links on a chosen row"), 4.5),
    ("on-accent", gettext_lazy("Text of the main button"), 4.5),
    ("good", gettext_lazy("Good"), 4.5),
    ("bad", gettext_lazy("Bad"), 4.5),
    ("warn", gettext_lazy("Warning"), 4.5),
    ("field-line", gettext_lazy("Edge of a field"), 3.0),
    ("focus", gettext_lazy("Ring of the focus"), 3.0),
    ("chart-1", gettext_lazy("First line of a chart"), 3.0),
    ("chart-2", gettext_lazy("Second line of a chart"), 3.0),
    ("chart-3", gettext_lazy("Third line of a chart"), 3.0),
    ("chart-4", gettext_lazy("Fourth line of a chart"), 3.0),
)
SIZES = (
    ("7", "28"), ("6", "22"), ("5", "18"), ("4", "16"), ("3", "14"), ("2", "13"), ("1", "12"),
)  # fmt: skip
GAPS = (("1", "4"), ("2", "8"), ("3", "12"), ("4", "16"), ("5", "24"), ("6", "32"), ("7", "48"))
STATES = (
    "queued", "running", "succeeded", "failed", "cancelled", "active", "paused", "preview", "info",
)  # fmt: skip
BEFORE = "Honey keeps for one year in a cold place."
AFTER = "Honey keeps for many years in a dry, cool place."


class ExampleForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), help_text=gettext_lazy("Short, and unique here."))
    steps = forms.IntegerField(label=gettext_lazy("Steps"), min_value=1)
    stage = forms.ChoiceField(
        label=gettext_lazy("Stage"), choices=[("sft", gettext_lazy("fine-tuning")), ("ppo", "PPO")]
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), required=False, widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"})
    )
    notify = forms.BooleanField(label=gettext_lazy("Tell me when it ends"), required=False)


@require_safe
def own_styleguide(request: HttpRequest) -> HttpResponse:
    """The short address: leads an admin into the workspace, and refuses everybody else."""
    if not request.user.is_authenticated:
        return redirect_to_login(request)
    own = Membership.objects.filter(user_id=request.user.pk, role=Role.ADMIN, is_active=True)
    membership = own.select_related("workspace").order_by("pk").first()
    if membership is None:
        raise Denied(_("The styleguide is for admins."))
    return redirect("styleguide", membership.workspace.slug)


@require_safe
@member_page(Role.ADMIN)
def styleguide(request: WorkspaceRequest) -> HttpResponse:
    refuse_unknown_parameters(request, {"before"})
    context = {
        "pairs": PAIRS,
        "sizes": SIZES,
        "gaps": GAPS,
        "states": STATES,
        "icons": sorted(DRAWINGS),
        "form": ExampleForm({"name": "", "steps": "0", "stage": "sft"}),
        "empty_form": ExampleForm(auto_id="fine_%s"),
        "pieces": word_diff(BEFORE, AFTER),
    }
    return render(request, "annotera/styleguide.html", context)
