from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.audit import record
from accounts.models import AuditEvent, IdempotencyKey, Workspace
from accounts.retention import forget_what_is_old
from tests.accounts.people import add_person, log_in


def event_of(days: int, workspace: Workspace | None) -> AuditEvent:
    event = record(kind=AuditEvent.Kind.LOGIN, workspace=workspace, address="192.0.2.1")
    AuditEvent.objects.filter(pk=event.pk).update(created_at=timezone.now() - timedelta(days=days))
    return event


def address_of(event: AuditEvent) -> str | None:
    event.refresh_from_db()
    return event.address


def test_addresses_are_blanked_after_the_time_that_each_workspace_sets(cast):
    Workspace.objects.filter(slug="other").update(address_retention_days=7)
    other = cast.charlie.workspace
    kept = [event_of(89, cast.workspace), event_of(6, other), event_of(89, None)]
    blanked = [event_of(91, cast.workspace), event_of(8, other), event_of(91, None)]
    assert forget_what_is_old()["addresses"] == 3
    assert [address_of(event) for event in kept] == ["192.0.2.1"] * 3
    assert [address_of(event) for event in blanked] == [None] * 3
    assert forget_what_is_old()["addresses"] == 0
    assert AuditEvent.objects.count() == 6


def test_stored_answers_are_dropped_after_two_days(cast):
    for days in (1, 3):
        key = IdempotencyKey.objects.create(
            workspace=cast.workspace, membership=cast.bob, key=f"key-{days}", route="r", body_hash="h"
        )
        IdempotencyKey.objects.filter(pk=key.pk).update(created_at=timezone.now() - timedelta(days=days))
    assert forget_what_is_old()["idempotency_keys"] == 1
    assert IdempotencyKey.objects.get().key == "key-1"


def test_expired_sessions_are_dropped_and_open_ones_stay(cast, client):
    log_in(client, add_person(cast.workspace, "Dora").user.email)
    cast.client(cast.bob)
    session = client.cookies["sessionid"].value
    Session.objects.exclude(pk=session).update(expire_date=timezone.now() - timedelta(hours=1))
    assert forget_what_is_old()["sessions"] == 1
    assert client.get("/w/acme/me/").status_code == 200
