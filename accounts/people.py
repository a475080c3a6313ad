"""Accounts of persons: making one, changing its password and its settings."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.audit import record_for_each_workspace
from accounts.models import AuditEvent, User
from core.errors import Conflict, Invalid, NotFound
from core.text import check_storable

LONGEST_NAME = 120
LONGEST_PASSWORD = 1024


class AddressInUse(Conflict):
    def __init__(self) -> None:
        super().__init__(_("There is an account for this address already."), fields={"email": _("in use")})


def normal_email(email: str) -> str:
    """The one spelling that is stored; raises Invalid for what is no address."""
    chosen = email.strip().lower()
    try:
        validate_email(chosen)
    except ValidationError as error:
        raise Invalid(_("This is not an e-mail address."), fields={"email": error.messages[0]}) from error
    if len(chosen) > 254:
        raise Invalid(_("This e-mail address is too long."), fields={"email": _("at most 254 characters")})
    return chosen


def normal_name(name: str) -> str:
    chosen = check_storable(" ".join(name.split()), field="name")
    if not chosen or len(chosen) > LONGEST_NAME:
        raise Invalid(_("A person needs a name."), fields={"name": _("1 to 120 characters")})
    return chosen


def check_password_rules(password: str, *, user: User, field: str = "password") -> None:
    """Raise Invalid with the reasons why this password is too weak for this person."""
    if len(password) > LONGEST_PASSWORD:
        raise Invalid(_("The password is too long."), fields={field: _("at most 1024 characters")})
    try:
        validate_password(password, user=user)
    except ValidationError as error:
        raise Invalid(_("The password is too weak."), fields={field: " ".join(error.messages)}) from error


def create_person(*, email: str, name: str, password: str) -> User:
    """A new account. Raises Invalid, or Conflict when the address has one already."""
    chosen = normal_email(email)
    user = User(email=chosen, name=normal_name(name))
    check_password_rules(password, user=user)
    if User.objects.filter(email=chosen).exists():
        raise AddressInUse()
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        # Two invitations to one address, accepted at the same moment.
        raise AddressInUse() from error
    return user


@transaction.atomic
def change_password(*, user: User, current: str, new: str, address: str | None = None) -> User:
    """Set another password; raises Invalid when the present one is wrong or the new one weak."""
    locked = User.objects.select_for_update().get(pk=user.pk)
    if not locked.check_password(current):
        raise Invalid(
            _("The present password is wrong."), fields={"current": _("This is not your present password.")}
        )
    check_password_rules(new, user=locked, field="new")
    _store_password(locked, new)
    record_for_each_workspace(kind=AuditEvent.Kind.PASSWORD_CHANGED, user=locked, address=address)
    return locked


@transaction.atomic
def replace_password(*, email: str, new: str) -> User:
    """For a lost password, on behalf of whoever runs the installation. Raises NotFound or Invalid."""
    found = User.objects.select_for_update().filter(email=normal_email(email)).first()
    if found is None:
        raise NotFound(_("There is no account for this address."))
    check_password_rules(new, user=found)
    _store_password(found, new)
    record_for_each_workspace(kind=AuditEvent.Kind.PASSWORD_CHANGED, user=found, by="command")
    return found


def _store_password(user: User, new: str) -> None:
    # Every session is bound to the password's hash, so all others end with this.
    user.set_password(new)
    user.save(update_fields=["password"])


def change_settings(*, user: User, **values: Any) -> User:
    """Store the person's own settings, which the form has checked; raises Invalid for an unusable name."""
    if "name" in values:
        values["name"] = normal_name(values["name"])
    for name, value in values.items():
        setattr(user, name, value)
    user.save(update_fields=[*values])
    return user
