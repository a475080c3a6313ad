"""A write that is sent twice acts once: the first answer is stored with the hash of what was asked."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.utils.encoders import JSONEncoder

from accounts.models import IdempotencyKey, Membership
from core.errors import Conflict, Unreadable

HEADER = "Idempotency-Key"
# How it stands in the OpenAPI document.
KEY = OpenApiParameter(HEADER, location="header", description="Repeats with the same key act once.")
ACCEPTED = re.compile(r"\A[\x21-\x7e]{1,128}\Z")
Answer = tuple[int, dict[str, Any]]


class KeyReused(Conflict):
    """The same key came with another body or on another route."""

    code = "idempotency_key_reused"


def remembered(
    *, membership: Membership, key: str | None, route: str, body: bytes, act: Callable[[], Answer]
) -> Answer:
    """Run `act` once per key and return its answer; a repeat gets the stored one without acting.

    Everything happens in one transaction: an `act` that raises leaves no key behind, so it can be tried
    again, and a second request with the same key waits until the first one is done.
    Raises Unreadable for a malformed key and KeyReused for another body under the same key.
    """
    if not key:
        status, answer = act()
        return status, _plain(answer)
    if not ACCEPTED.match(key):
        raise Unreadable(
            _("The Idempotency-Key must be 1 to 128 printable ASCII characters."),
            fields={HEADER: "malformed"},
        )
    body_hash = hashlib.sha256(body).hexdigest()
    with transaction.atomic():
        row = _claim(membership=membership, key=key, route=route, body_hash=body_hash)
        if row is None:
            return _earlier_answer(membership=membership, key=key, route=route, body_hash=body_hash)
        status, answer = act()
        plain = _plain(answer)
        IdempotencyKey.objects.filter(pk=row).update(status=status, response=plain)
    return status, plain


def _claim(*, membership: Membership, key: str, route: str, body_hash: str) -> int | None:
    """Insert the key and return its row, or None where it exists; waits for a transaction that holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO accounts_idempotencykey
                (workspace_id, membership_id, key, route, body_hash, status, response, created_at)
            VALUES (%s, %s, %s, %s, %s, 0, '{}', %s)
            ON CONFLICT (membership_id, key) DO NOTHING
            RETURNING id
            """,
            [membership.workspace_id, membership.pk, key, route, body_hash, timezone.now()],
        )
        inserted = cursor.fetchone()
    return int(inserted[0]) if inserted else None


def _earlier_answer(*, membership: Membership, key: str, route: str, body_hash: str) -> Answer:
    earlier = IdempotencyKey.objects.get(membership=membership, key=key)
    if (earlier.route, earlier.body_hash) != (route, body_hash):
        raise KeyReused(_("This Idempotency-Key was used for another request."), fields={HEADER: "reused"})
    return earlier.status, earlier.response


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    # The first answer and the stored one must be the same JSON, dates and identifiers included.
    plain: dict[str, Any] = json.loads(json.dumps(answer, cls=JSONEncoder))
    return plain
