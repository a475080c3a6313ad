"""What is kept about people only for a while. A sweep calls `forget_what_is_old`, about once an hour."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.db.models import DurationField, ExpressionWrapper, F, Value
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from accounts.models import AuditEvent, IdempotencyKey

# Failed logins belong to no workspace, so none of them can set their time.
DAYS_WITHOUT_WORKSPACE = 90
IDEMPOTENCY_MEMORY = timedelta(days=2)


def blank_old_addresses() -> int:
    """Erase network addresses from audit events older than their workspace keeps them; returns how many."""
    days = Coalesce(F("workspace__address_retention_days"), Value(DAYS_WITHOUT_WORKSPACE))
    age = ExpressionWrapper(days * Value(timedelta(days=1)), output_field=DurationField())
    old = AuditEvent.objects.filter(address__isnull=False).alias(kept_for=age)
    return old.filter(created_at__lt=Now() - F("kept_for")).update(address=None)


def forget_idempotency_keys() -> int:
    """Drop stored answers that no client will ask for again."""
    old = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - IDEMPOTENCY_MEMORY)
    return old.delete()[0]


def forget_sessions() -> int:
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]


def forget_what_is_old() -> dict[str, int]:
    """Everything in this module, for the sweep; says how many rows each part touched."""
    return {
        "addresses": blank_old_addresses(),
        "idempotency_keys": forget_idempotency_keys(),
        "sessions": forget_sessions(),
    }
