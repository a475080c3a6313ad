"""Logging in: by e-mail and password, throttled by counting the failures that the audit holds."""

import ipaddress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record, record_for_each_workspace, subject_hash
from accounts.models import AuditEvent, User
from core.errors import Invalid, Throttled

WINDOW = timedelta(minutes=15)
# The first limit is one guesser's; the second bounds guessers with many addresses without letting one
# stranger lock a person out; the third is for lists of names tried from one place.
FAILURES_PER_PERSON_AND_ADDRESS = 8
FAILURES_PER_PERSON = 30
FAILURES_PER_ADDRESS = 40


class WrongCredentials(Invalid):
    """The same for an unknown address, a wrong password and an account that was closed."""

    code = "wrong_credentials"


class EmailBackend:
    def authenticate(
        self, request: HttpRequest | None, username: str = "", password: str = "", **kwargs: Any
    ) -> User | None:
        user = User.objects.filter(email=username.strip().lower(), is_active=True).first()
        if user is None:
            # The same work as for a known address, so that time does not tell whether it exists.
            make_password(password)
            return None
        return user if user.check_password(password) else None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()


def client_address(request: HttpRequest) -> str | None:
    """The peer's address; the proxy's word is taken only where the settings trust a proxy."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    claimed = request.META.get("REMOTE_ADDR") or ""
    if settings.TRUSTED_PROXY and forwarded:
        claimed = forwarded.rsplit(",", 1)[-1].strip()
    try:
        return str(ipaddress.ip_address(claimed))
    except ValueError:
        return None


def check_throttle(*, email: str, address: str | None) -> None:
    """Raise Throttled after too many failures for this name or from this address within the window."""
    since = timezone.now() - WINDOW
    failed = AuditEvent.objects.filter(kind=AuditEvent.Kind.LOGIN_FAILED, created_at__gt=since)
    by_person = failed.filter(subject=subject_hash(email))
    exceeded = by_person.filter(address=address).count() >= FAILURES_PER_PERSON_AND_ADDRESS
    exceeded = exceeded or by_person.count() >= FAILURES_PER_PERSON
    if address:
        exceeded = exceeded or failed.filter(address=address).count() >= FAILURES_PER_ADDRESS
    if exceeded:
        raise Throttled(
            _("Too many failed attempts. Wait a quarter of an hour, or ask an admin."),
            retry_after=int(WINDOW.total_seconds()),
        )


def record_failure(*, email: str, address: str | None) -> None:
    record(kind=AuditEvent.Kind.LOGIN_FAILED, subject=subject_hash(email), address=address)


def log_in(request: HttpRequest, *, email: str, password: str) -> User:
    """Check the password and start a session. Raises Throttled or WrongCredentials."""
    address = client_address(request)
    with transaction.atomic():
        _wait_for_turn(email)
        check_throttle(email=email, address=address)
        user = authenticate(request, username=email, password=password)
        if not isinstance(user, User):
            record_failure(email=email, address=address)
    # Raised outside of the transaction, which would take the record of the failure back.
    if not isinstance(user, User):
        raise WrongCredentials(_("The e-mail address or the password is wrong."))
    start_session(request, user)
    return user


def _wait_for_turn(email: str) -> None:
    # One attempt per name at a time: else many at once would all be counted after the last one was let in.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(subject_hash(email)[:15], 16)])


@transaction.atomic
def start_session(request: HttpRequest, user: User) -> None:
    """A session under a new key, so that a key known before the login is worth nothing after it."""
    login(request, user, backend="accounts.login.EmailBackend")
    record_for_each_workspace(kind=AuditEvent.Kind.LOGIN, user=user, address=client_address(request))


@transaction.atomic
def end_session(request: HttpRequest) -> None:
    if isinstance(request.user, User):
        record_for_each_workspace(
            kind=AuditEvent.Kind.LOGOUT, user=request.user, address=client_address(request)
        )
    logout(request)
