"""Accepting an invitation: the link of an admin becomes an account, a membership, or both."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.forms import AcceptForm
from accounts.invitations import accept_as_known, accept_as_new, account_of, invitation_for
from accounts.login import start_session
from accounts.members import AlreadyMember
from accounts.models import Invitation, User
from core.errors import Conflict, Invalid
from core.forms import add_refusal


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def accept_invitation(request: HttpRequest, secret: str) -> HttpResponse:
    invitation = invitation_for(secret)
    if account_of(invitation) is not None or request.user.is_authenticated:
        return _join_with_account(request, invitation, secret)
    form = AcceptForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            membership = accept_as_new(
                secret=secret, name=form.cleaned_data["name"], password=form.cleaned_data["password"]
            )
        except (Invalid, Conflict) as refusal:
            add_refusal(form, refusal)
        else:
            start_session(request, membership.user)
            return redirect("workspace-home", membership.workspace.slug)
    context = {"invitation": invitation, "form": form}
    return render(request, "accounts/accept.html", context, status=422 if form.is_bound else 200)


def _join_with_account(request: HttpRequest, invitation: Invitation, secret: str) -> HttpResponse:
    """One button for the owner of the address; anyone else is told to log in as that person."""
    user = request.user
    is_owner = isinstance(user, User) and user.email == invitation.email
    if request.method == "POST" and isinstance(user, User):
        try:
            membership = accept_as_known(secret=secret, user=user)
        except AlreadyMember:
            return redirect("workspace-home", invitation.workspace.slug)
        return redirect("workspace-home", membership.workspace.slug)
    context = {"invitation": invitation, "is_owner": is_owner, "secret": secret}
    return render(request, "accounts/join.html", context, status=403 if request.method == "POST" else 200)
