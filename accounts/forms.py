"""The forms of the pages about people. The domain functions hold the rules; these read and re-show input."""

import zoneinfo
from functools import cache

from django import forms
from django.conf import settings
from django.utils.functional import Promise
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEvent, Role, User
from accounts.tokens import DEFAULT_DAYS, MOST_DAYS

PASSWORD_LIMIT = 1024
ROLES = [(value, capfirst(label)) for value, label in Role.choices]
THEMES = [(value, capfirst(label)) for value, label in User.Theme.choices]


@cache
def time_zones() -> tuple[str, ...]:
    """The zones named after places, and UTC."""
    skipped = ("Etc/", "SystemV/", "US/", "posix/", "right/")
    names = (name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(skipped))
    return ("UTC", *sorted(names))


def time_zone_choices() -> list[tuple[str, str | Promise]]:
    named: list[tuple[str, str | Promise]] = [(name, name.replace("_", " ")) for name in time_zones()]
    return [("", _("The workspace's zone")), *named]


class LoginForm(forms.Form):
    email = forms.CharField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=PASSWORD_LIMIT,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class AcceptForm(forms.Form):
    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=PASSWORD_LIMIT,
        strip=False,
        help_text=_("At least ten characters; a few words in a row are good."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class InviteForm(forms.Form):
    email = forms.CharField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, initial=Role.ANNOTATOR)


class TokenForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("What the token is for."))
    days = forms.IntegerField(
        label=_("Days until it expires"),
        min_value=1,
        max_value=MOST_DAYS,
        initial=DEFAULT_DAYS,
        help_text=format_lazy(_("At most {most}."), most=MOST_DAYS),
    )


class AuditFilterForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("Event"), choices=[("", _("all events")), *AuditEvent.Kind.choices], required=False
    )


class SettingsForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zone_choices, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    theme = forms.ChoiceField(label=_("Theme"), choices=THEMES)
    single_key_shortcuts = forms.BooleanField(
        label=_("Single keys act as shortcuts (1–9 rank, = tie, R raw text, …)"), required=False
    )


def settings_of(user: User) -> dict[str, object]:
    """The person's settings as the form's initial values."""
    return {name: getattr(user, name) for name in SettingsForm.base_fields}


class PasswordForm(forms.Form):
    current = forms.CharField(
        label=_("Present password"),
        max_length=PASSWORD_LIMIT,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label=_("New password"),
        max_length=PASSWORD_LIMIT,
        strip=False,
        help_text=_("At least ten characters; all other sessions end."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
