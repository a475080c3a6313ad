"""In and out: login, logout, and the way to one's workspace."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms import LoginForm
from accounts.login import WrongCredentials, end_session, log_in
from accounts.models import Membership
from core.errors import Throttled
from core.forms import add_refusal


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """To the login, to the only workspace, or a choice of several."""
    if not request.user.is_authenticated:
        return redirect("login")
    memberships = list(
        Membership.objects.filter(user=request.user, is_active=True)
        .select_related("workspace", "user")
        .order_by("workspace__name", "pk")
    )
    if len(memberships) == 1:
        return redirect("workspace-home", memberships[0].workspace.slug)
    return render(request, "accounts/workspaces.html", {"memberships": memberships})


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def login(request: HttpRequest) -> HttpResponse:
    target = safe_target(request)
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect(target or "home")
        return render(request, "accounts/login.html", {"form": LoginForm(), "next": target})
    form = LoginForm(request.POST)
    if not form.is_valid():
        return render(request, "accounts/login.html", {"form": form, "next": target}, status=422)
    try:
        log_in(request, email=form.cleaned_data["email"], password=form.cleaned_data["password"])
    except (WrongCredentials, Throttled) as refusal:
        add_refusal(form, refusal)
        context = {"form": form, "next": target}
        response = render(request, "accounts/login.html", context, status=refusal.status)
        if isinstance(refusal, Throttled):
            response["Retry-After"] = str(refusal.retry_after)
        return response
    return redirect(target or "home")


@require_POST
@never_cache
def logout(request: HttpRequest) -> HttpResponse:
    end_session(request)
    return redirect("login")


def safe_target(request: HttpRequest) -> str:
    """Where `next` leads, if that is on this host; else nothing."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    own = {request.get_host()}
    if url_has_allowed_host_and_scheme(target, allowed_hosts=own, require_https=request.is_secure()):
        return target
    return ""
