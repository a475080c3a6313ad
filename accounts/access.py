"""Who may do what: the permission is part of the lookup, and the other workspace does not exist."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from accounts.middleware import activate_zone
from accounts.models import Membership, Role, User
from core.errors import Denied, NotFound
from core.requests import is_htmx

Arguments = ParamSpec("Arguments")
RANK = {Role.ANNOTATOR.value: 0, Role.REVIEWER.value: 1, Role.ADMIN.value: 2}


class WorkspaceRequest(HttpRequest):
    """A request inside /w/<slug>/ by a member of that workspace."""

    membership: Membership


def membership_for(*, user: User | AnonymousUser, slug: str) -> Membership:
    """The person's active membership in the workspace; NotFound where there is none."""
    nothing = NotFound(_("There is nothing at this address."))
    if isinstance(user, AnonymousUser) or not user.is_active:
        raise nothing
    others = Membership.objects.filter(user_id=user.pk, is_active=True).exclude(workspace__slug=slug)
    # Whether the menu offers another workspace, without a query of its own.
    memberships = Membership.objects.select_related("workspace").annotate(has_others=Exists(others))
    found = memberships.filter(user_id=user.pk, workspace__slug=slug, is_active=True).first()
    if found is None:
        raise nothing
    # The request has read the person already: every page would read the row a second time.
    found.user = user
    return found


def require_role(membership: Membership, role: Role) -> None:
    """Raise Denied unless the membership's role is at least this one (annotator < reviewer < admin)."""
    if RANK[membership.role] < RANK[role.value]:
        raise Denied(_("This needs the role “%(role)s” in this workspace.") % {"role": role.label})


def redirect_to_login(request: HttpRequest) -> HttpResponse:
    """302 for a page; 401 with HX-Redirect for a fragment, so that the typed text is not replaced."""
    # After a lost session a form's own address may not be readable by GET: come back to the page it was on.
    back = request.get_full_path() if request.method == "GET" else request.headers.get("HX-Current-URL", "")
    path = "/" + back.split("://", 1)[-1].split("/", 1)[-1] if "://" in back else back
    target = f"{reverse('login')}?{urlencode({'next': path or '/'})}"
    if is_htmx(request):
        response = HttpResponse(status=401)
        response["HX-Redirect"] = target
        return response
    return HttpResponseRedirect(target)


def member_page(
    role: Role = Role.ANNOTATOR,
) -> Callable[
    [Callable[Concatenate[WorkspaceRequest, Arguments], HttpResponseBase]],
    Callable[..., HttpResponseBase],
]:
    """Guard a view under /w/<workspace>/: sets `request.membership`, needs at least this role.

    The URL's `workspace` argument is used up here; the view receives the remaining ones.
    """

    def decorate(
        view: Callable[Concatenate[WorkspaceRequest, Arguments], HttpResponseBase],
    ) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: Any, *args: Any, workspace: str, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request)
            request.membership = membership_for(user=request.user, slug=workspace)
            require_role(request.membership, role)
            if not request.user.time_zone:
                activate_zone(request.membership.workspace.time_zone)
            return _kept_private(view(request, *args, **kwargs))

        return guarded

    return decorate


def _kept_private(response: HttpResponseBase) -> HttpResponseBase:
    # What a member sees must not come back from a cache after the logout, nor a fragment as a whole page.
    response.setdefault("Cache-Control", "private, no-store")
    patch_vary_headers(response, ["HX-Request"])
    return response
