"""Preference files of the world outside become frozen versions, with their source and licence."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, Membership, Workspace
from core.errors import Conflict, Invalid
from core.text import is_one_line
from corpus import hh, shards, versions
from corpus.columns import Row
from corpus.licences import checked_licence
from corpus.models import DatasetVersion, Source
from corpus.row_files import file_sha256, numbered_lines

MOST_LISTED = 100
LONGEST_NAME = 120


@dataclass(frozen=True)
class BadRow:
    line: int
    reason: str


class RowsRefused(Invalid):
    """Some rows are malformed and nothing was stored; `bad_rows` holds the first hundred."""

    def __init__(self, *, bad_rows: list[BadRow], count: int) -> None:
        self.bad_rows, self.count = bad_rows, count
        super().__init__(
            _("%(count)d rows are malformed, so nothing was stored. Mend them or import with --skip-bad.")
            % {"count": count}
        )


class SourceDiffers(Conflict):
    """The same file came in before under another licence."""


@dataclass
class Reading:
    """What one pass over the file found."""

    counts: Counter[str] = field(default_factory=Counter)
    bad_rows: list[BadRow] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        self.counts["skipped"] += 1
        if len(self.bad_rows) < MOST_LISTED:
            self.bad_rows.append(BadRow(line=line, reason=reason))


@dataclass(frozen=True)
class Imported:
    version: DatasetVersion
    skipped: list[BadRow]
    skipped_count: int


def import_hh(
    *,
    path: Path,
    workspace: Workspace,
    licence: str,
    name: str = "",
    heldout_share: float = 0.2,
    skip_bad: bool = False,
    by: Membership | None = None,
) -> Imported:
    """Freeze a Human/Assistant preference file.

    Raises RowsRefused when rows are malformed (unless they shall be skipped), FileUnreadable, LicenceUnknown,
    and what `versions.freeze` raises. Until every row was read, nothing is stored.
    """
    licence = checked_licence(licence)
    share = versions.checked_share(heldout_share)
    dataset_name = checked_name(name or path.name.removesuffix(".gz").removesuffix(".jsonl"))
    sha256 = file_sha256(path)
    reading = Reading()
    rows = preference_rows(path, reading=reading)
    with shards.written(kind="preferences", rows=rows, heldout_share=share) as written:
        if reading.counts["skipped"] and not skip_bad:
            raise RowsRefused(bad_rows=reading.bad_rows, count=reading.counts["skipped"])
        versions.store_files(workspace=workspace, written=written)
        with transaction.atomic():
            source = source_for(workspace=workspace, path=path, sha256=sha256, licence=licence, by=by)
            version = versions.freeze(
                workspace=workspace,
                name=dataset_name,
                written=written,
                counts={"pairs": reading.counts["pairs"], "skipped": reading.counts["skipped"]},
                parents=[versions.Parent(kind="source", uid=source.uid, role="source")],
                licence=licence,
                by=by,
            )
            _audit(version=version, by=by, counts=reading.counts)
    return Imported(version=version, skipped=reading.bad_rows, skipped_count=reading.counts["skipped"])


def preference_rows(path: Path, *, reading: Reading) -> Iterator[Row]:
    """The usable rows in the file's order; malformed ones are noted in `reading`."""
    for line, content in numbered_lines(path, longest=hh.LONGEST_LINE):
        try:
            preference = hh.parse_line(content)
        except hh.RowMalformed as error:
            reading.refuse(line, str(error))
            continue
        reading.counts["pairs"] += 1
        yield {
            # The position keeps two equal rows apart, the content keeps the id true to the row.
            "id": f"{line}-{hashlib.sha256(content.strip()).hexdigest()[:16]}",
            "prompt": preference.prompt,
            "chosen": preference.chosen,
            "rejected": preference.rejected,
        }


def checked_name(name: str) -> str:
    name = name.strip()
    if name and len(name) <= LONGEST_NAME and is_one_line(name):
        return name
    message = _("A name has 1 to %(most)d printable characters.") % {"most": LONGEST_NAME}
    raise Invalid(message, fields={"name": message})


def source_for(
    *, workspace: Workspace, path: Path, sha256: str, licence: str, by: Membership | None
) -> Source:
    """The source row of this very file; raises SourceDiffers when it came in under another licence."""
    source, _created = Source.objects.get_or_create(
        workspace=workspace,
        name=f"{path.name[:100]} ({sha256[:12]})",
        defaults={"licence": licence, "origin": f"sha256:{sha256}", "created_by": by},
    )
    if source.licence != licence:
        raise SourceDiffers(
            _("This file was imported before under the licence %(licence)s.") % {"licence": source.licence}
        )
    return source


def _audit(*, version: DatasetVersion, by: Membership | None, counts: Counter[str]) -> None:
    audit.record(
        kind=AuditEvent.Kind.IMPORTED,
        workspace=version.workspace,
        membership=by,
        object_kind="dataset_version",
        object_uid=version.uid,
        name=str(version),
        pairs=counts["pairs"],
        skipped=counts["skipped"],
    )
