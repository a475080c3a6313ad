"""The forms of the source pages. The domain functions hold the rules; these read and re-show input."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from corpus.cleaning.quality import LIMITS, Thresholds
from corpus.cleaning_settings import NEAR_THRESHOLD, STEPS
from corpus.models import Source
from corpus.sources import LAWFUL_BASES, LENGTHS

DEFAULTS = Thresholds()
THRESHOLDS = {
    "least_words": (_("Fewest words"), _("A text with fewer is removed.")),
    "most_words": (_("Most words"), _("A text with more is removed.")),
    "least_letters": (_("Least share of letters and digits"), _("Of all characters but spaces; 0 to 1.")),
    "most_repeated_lines": (_("Largest share of repeated lines"), _("0 to 1; 1 allows everything.")),
    "most_repeated_phrases": (
        _("Largest share of repeated phrases"),
        _("Of four words each; 0 to 1; 1 allows everything."),
    ),
}


def threshold_fields() -> dict[str, forms.Field]:
    return {
        name: forms.FloatField(
            label=label,
            help_text=help_text,
            required=False,
            min_value=LIMITS[name][0],
            max_value=LIMITS[name][1],
            widget=forms.NumberInput(attrs={"step": "any"}),
        )
        for name, (label, help_text) in THRESHOLDS.items()
    }


def labelled_thresholds(values: Mapping[str, float]) -> list[tuple[str, str]]:
    """Thresholds of the quality filter in words; a whole number has no decimals, however it was stored."""
    texts = {name: f"{value:,.6f}".rstrip("0").rstrip(".") for name, value in values.items()}
    return [(str(THRESHOLDS[name][0]), text) for name, text in texts.items() if name in THRESHOLDS]


class WithThresholds(forms.Form):
    """A form that ends with the thresholds of the quality filter."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields |= threshold_fields()

    def thresholds(self) -> dict[str, float]:
        """What was typed and is not the default."""
        given = {name: self.cleaned_data.get(name) for name in THRESHOLDS}
        defaults = DEFAULTS.as_json()
        return {name: value for name, value in given.items() if value is not None and value != defaults[name]}

    def threshold_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in THRESHOLDS]

    def has_wrong_threshold(self) -> bool:
        return any(name in self.errors for name in THRESHOLDS)


class SourceForm(WithThresholds):
    name = forms.CharField(label=_("Name"), max_length=LENGTHS["name"])
    licence = forms.CharField(
        label=_("Licence"),
        max_length=120,
        help_text=_("An SPDX expression such as CC-BY-4.0, or LicenseRef-our-contract for one of your own."),
    )
    origin = forms.CharField(
        label=_("Origin"),
        max_length=LENGTHS["origin"],
        help_text=_("Where the data comes from: an address, a collection, a customer."),
    )
    lawful_basis = forms.ChoiceField(
        label=_("Lawful basis"),
        choices=[("", _("choose…")), *LAWFUL_BASES.items()],
        help_text=_("On which ground of the GDPR personal data in it is processed."),
    )
    consent_reference = forms.CharField(
        label=_("Reference to the consent"),
        max_length=LENGTHS["consent_reference"],
        required=False,
        help_text=_("Where it is recorded; needed when the basis is consent."),
    )
    collector = forms.CharField(
        label=_("Collected by"), max_length=LENGTHS["collector"], help_text=_("A person or an organisation.")
    )
    holder = forms.CharField(label=_("Copyright holder"), max_length=LENGTHS["holder"], required=False)
    collected_on = forms.DateField(
        label=_("Collected on"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    retention_until = forms.DateField(
        label=_("Keep until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("After this day nothing is taken from the source any more. Empty: no end was set."),
    )
    personal_data = forms.ChoiceField(
        label=_("Personal data found in texts"),
        choices=Source.PersonalData.choices,
        initial=Source.PersonalData.MASK,
        help_text=_("E-mail and IP addresses, telephone numbers, cards, accounts, social security numbers."),
    )

    def description(self) -> dict[str, Any]:
        values = {name: value for name, value in self.cleaned_data.items() if name not in THRESHOLDS}
        return {**values, "filters": self.thresholds()}


class DocumentsForm(forms.Form):
    file = forms.FileField(
        label=_("File of documents"),
        allow_empty_file=True,
        help_text=_(
            "JSON lines or CSV with text, and where you have them id, lang and subject; or plain text, "
            "documents apart by blank lines. Each also compressed with gzip."
        ),
    )


class CleaningForm(WithThresholds):
    steps = forms.MultipleChoiceField(
        label=_("Steps"),
        choices=list(STEPS.items()),
        initial=list(STEPS),
        widget=forms.CheckboxSelectMultiple,
    )
    near_threshold = forms.FloatField(
        label=_("Near duplicates from"),
        initial=NEAR_THRESHOLD,
        min_value=0.5,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text=_("Share of five-word phrases that two texts have in common; 0.5 to 1."),
    )

    def settings(self) -> dict[str, Any]:
        given = {name: self.cleaned_data[name] for name in THRESHOLDS}
        return {
            "steps": self.cleaned_data["steps"],
            "near_threshold": self.cleaned_data["near_threshold"],
            "quality": {name: value for name, value in given.items() if value is not None},
        }


class FreezeForm(forms.Form):
    name = forms.CharField(label=_("Name of the dataset"), max_length=120)
    kind = forms.ChoiceField(
        label=_("Documents become"),
        choices=[("corpus", _("texts to pretrain on")), ("prompts", _("prompts"))],
        initial="corpus",
    )
    heldout_percent = forms.IntegerField(
        label=_("Held out for testing, in percent"), min_value=0, max_value=90, initial=10
    )
    note = forms.CharField(label=_("Note"), max_length=500, required=False)
