"""One's own page: settings, password, and what is recorded about oneself."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import WorkspaceRequest, member_page
from accounts.audit import in_runs
from accounts.consent import CURRENT_VERSION, current_parts, give_consent, has_current_consent
from accounts.forms import PasswordForm, SettingsForm, settings_of
from accounts.login import client_address
from accounts.models import AuditEvent
from accounts.people import change_password, change_settings
from accounts.views.entrance import safe_target
from core.errors import Invalid
from core.forms import add_refusal
from core.pagination import newest_first

THEME_COOKIE_SECONDS = 365 * 24 * 3600


@require_http_methods(["GET", "HEAD", "POST"])
@member_page()
def me(request: WorkspaceRequest) -> HttpResponse:
    user = request.membership.user
    if request.method != "POST":
        return _page(
            request, settings_form=SettingsForm(initial=settings_of(user)), password_form=PasswordForm()
        )
    form = SettingsForm(request.POST)
    if form.is_valid():
        try:
            change_settings(user=user, **form.cleaned_data)
        except Invalid as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _("Your settings are saved."))
            return _with_theme(redirect("me", request.membership.workspace.slug), user.theme)
    return _page(request, settings_form=form, password_form=PasswordForm(), status=422)


def _with_theme(response: HttpResponse, theme: str) -> HttpResponse:
    response.set_cookie("theme", theme, max_age=THEME_COOKIE_SECONDS, samesite="Lax")
    return response


def _page(
    request: WorkspaceRequest, *, settings_form: SettingsForm, password_form: PasswordForm, status: int = 200
) -> HttpResponse:
    membership = request.membership
    events = AuditEvent.objects.filter(membership=membership)
    page = newest_first(events, before=request.GET.get("before", ""), size=50)
    context: dict[str, Any] = {
        "settings_form": settings_form,
        "password_form": password_form,
        "page": page,
        "runs": in_runs(page.rows),
        "consents": list(membership.consents.order_by("-version")),
        "current_version": CURRENT_VERSION,
        "consent_parts": current_parts(),
    }
    return render(request, "accounts/me.html", context, status=status)


@sensitive_post_parameters("current", "new")
@require_POST
@member_page()
def change_own_password(request: WorkspaceRequest) -> HttpResponse:
    form = PasswordForm(request.POST)
    if form.is_valid():
        try:
            user = change_password(
                user=request.membership.user,
                current=form.cleaned_data["current"],
                new=form.cleaned_data["new"],
                address=client_address(request),
            )
        except Invalid as refusal:
            add_refusal(form, refusal)
        else:
            update_session_auth_hash(request, user)
            messages.success(request, _("Your password is changed; all other sessions are logged out."))
            return redirect("me", request.membership.workspace.slug)
    settings_form = SettingsForm(initial=settings_of(request.membership.user))
    return _page(request, settings_form=settings_form, password_form=form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@member_page()
def consent(request: WorkspaceRequest) -> HttpResponse:
    """What is recorded about the work, to be read and agreed to before the first task."""
    target = safe_target(request)
    if request.method == "POST":
        give_consent(request.membership)
        return redirect(target) if target else redirect("workspace-home", request.membership.workspace.slug)
    context = {
        "consent_parts": current_parts(),
        "current_version": CURRENT_VERSION,
        "given": has_current_consent(request.membership),
        "next": target,
    }
    return render(request, "accounts/consent.html", context)
