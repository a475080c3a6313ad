"""Drafts: what is typed is on the server within a second, and the person sees a receipt."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from annotation.kinds.answers import unstorable
from annotation.models import Assignment
from core.errors import Conflict, Invalid, TooLarge

MAXIMUM_BYTES = 64 * 1024

# One statement: the version check, the write and the prolonged lease stand or fall together.
SAVE = """
    UPDATE annotation_assignment
    SET draft = %(draft)s::jsonb, draft_version = draft_version + 1, draft_saved_at = now(),
        lease_until = CASE WHEN state = 'leased' THEN now() + make_interval(secs => %(seconds)s) END
    WHERE id = %(assignment)s AND draft_version = %(version)s AND state <> 'submitted'
    RETURNING draft_version, draft_saved_at, lease_until
"""


class StaleDraft(Conflict):
    """Another window saved a newer draft; it stays."""

    code = "stale_draft"


class AlreadyAnswered(Conflict):
    code = "answered"


@dataclass(frozen=True)
class DraftReceipt:
    version: int
    saved_at: datetime
    lease_until: datetime | None


def save_draft(*, assignment: Assignment, fields: Mapping[str, Sequence[str]], version: int) -> DraftReceipt:
    """Keep an unfinished answer. A draft is a sign of life, so it prolongs the lease too.

    `version` is the one last seen: StaleDraft when there is a newer one. Raises TooLarge over 64 KiB.
    """
    for name, texts in fields.items():
        for reason in filter(None, (unstorable(text, MAXIMUM_BYTES) for text in texts)):
            raise Invalid(_("The draft cannot be saved."), fields={name: _(reason)})
    # As UTF-8: escaped, a text in another script than Latin would be six times as large as in Latin.
    draft = json.dumps({name: list(texts) for name, texts in fields.items()}, ensure_ascii=False)
    if len(draft.encode()) > MAXIMUM_BYTES:
        raise TooLarge(_("The draft is larger than 64 KiB: shorten the text."))
    values: dict[str, Any] = {
        "draft": draft,
        "seconds": assignment.project.lease_seconds,
        "assignment": assignment.pk,
        "version": version,
    }
    with connection.cursor() as cursor:
        cursor.execute(SAVE, values)
        row = cursor.fetchone()
    if row is None:
        raise _refusal(assignment)
    return DraftReceipt(*row)


def _refusal(assignment: Assignment) -> Conflict:
    assignment.refresh_from_db(fields=["state", "draft_version"])
    if assignment.state == Assignment.State.SUBMITTED:
        return AlreadyAnswered(_("You have already answered this task in another window."))
    return StaleDraft(
        _("A newer draft of this answer was saved in another window."),
        fields={"draft_version": str(assignment.draft_version)},
    )
