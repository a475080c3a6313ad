"""Tags: movable names of versions, such as `training` or `2026-11`; the audit keeps their history."""

import re
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, Membership
from core.errors import Conflict, Invalid, NotFound
from corpus.models import Dataset, DatasetVersion, VersionTag

# `v3` would read as the version's number.
NAME = re.compile(r"(?!v[0-9]+\Z)[a-z0-9][a-z0-9._-]{0,59}")


class BadTag(Invalid):
    """The name is not one that a tag may have."""


class VersionRedacted(Conflict):
    """A redacted version is not to be used any more, so no name may lead to it."""


class NoSuchTag(NotFound):
    """The version does not carry this tag."""


@transaction.atomic
def tag(*, version: DatasetVersion, name: str, by: Membership | None) -> VersionTag:
    """Give the tag to this version; it leaves the version of the same data set that had it.

    Repeating it changes nothing. Raises BadTag and VersionRedacted.
    """
    name = _checked(name)
    # One after the other: two people may move the same tag at once, or an erasure redact the version.
    Dataset.objects.select_for_update().get(pk=version.dataset_id)
    version.refresh_from_db(fields=["redacted_at"])
    if version.redacted_at:
        raise VersionRedacted(_("This version is redacted: tag its successor."))
    held = (
        VersionTag.objects.filter(dataset_id=version.dataset_id, name=name).select_related("version").first()
    )
    if held and held.version_id == version.pk:
        return held
    earlier = held.version if held else None
    moved, _created = VersionTag.objects.update_or_create(
        dataset_id=version.dataset_id,
        name=name,
        defaults={
            "workspace": version.workspace,
            "version": version,
            "moved_by": by,
            "moved_at": timezone.now(),
        },
    )
    _record(version, by=by, tag=name, moved_from=str(earlier.uid) if earlier else None)
    return moved


@transaction.atomic
def untag(*, version: DatasetVersion, name: str, by: Membership | None) -> None:
    """Take the tag away from this version; raises NoSuchTag, also where it moved on meanwhile."""
    deleted, _by_model = VersionTag.objects.filter(version=version, name=name).delete()
    if not deleted:
        raise NoSuchTag(_("This version does not carry that tag (any more)."))
    _record(version, by=by, removed=name)


def _checked(name: str) -> str:
    name = name.strip().lower()
    if NAME.fullmatch(name):
        return name
    message = _(
        "A tag has 1 to 60 letters a to z, digits, dots, hyphens and underscores, begins with a letter or "
        "digit, and is not a version number."
    )
    raise BadTag(message, fields={"name": message})


def _record(version: DatasetVersion, *, by: Membership | None, **detail: Any) -> None:
    audit.record(
        kind=AuditEvent.Kind.TAGGED,
        workspace=version.workspace,
        membership=by,
        object_kind="dataset_version",
        object_uid=version.uid,
        name=str(version),
        **detail,
    )
