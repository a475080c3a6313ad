"""Erasing what lies in files besides frozen versions: uploaded task files, and copies that jobs made."""

import gzip
import shutil
import time
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotation.intake import open_lines, parse_line
from annotation.models import TaskImport
from annotera.erased_texts import Subject
from core import blobs
from core.errors import TooLarge
from core.json_lines import LineUnreadable
from core.uploads import unpacked_limit
from corpus.models import DocumentUpload
from corpus.subjects import BadIdentifier, subject_key
from jobs import directories
from jobs.models import Job

State = TaskImport.State
# What was read and stored: the tasks hold everything that these files held.
OVER = (State.DONE, State.DISCARDED)
# What a killed process left of its temporary files; no living one works on a version or upload for longer.
LEFT_BEHIND = ("freeze-*", "erase-*", "documents-*", "intake-*")
LONGEST_WORK = timedelta(hours=6)


def erase_task_files(subject: Subject) -> None:
    """Delete the files of imports that are over, and discard the waiting ones that name the person."""
    found = TaskImport.objects.filter(workspace=subject.workspace).exclude(sha256="", preview=[])
    for batch in found.order_by("pk").iterator(chunk_size=50):
        subject.pause()
        if batch.state in OVER or _names(batch, subject):
            _drop(batch)


def _names(batch: TaskImport, subject: Subject) -> bool:
    if not batch.sha256 or not blobs.exists(workspace=subject.workspace.uid, sha256=batch.sha256):
        return False
    known: dict[str, bool] = {}
    with blobs.opened(batch.sha256, workspace=subject.workspace.uid) as handle:
        for name in _subjects(open_lines(handle, maximum_bytes=unpacked_limit())):
            if name not in known:
                known[name] = _key(subject, name) == subject.key
            if known[name]:
                return True
    return False


def _subjects(lines: Iterator[bytes]) -> Iterator[str]:
    """The people whom a task file names; lines that no import would take are passed over."""
    number = 0
    while True:
        try:
            line = next(lines)
            number += 1
            value = parse_line(line, is_first=number == 1)
        except LineUnreadable:
            continue
        except (StopIteration, TooLarge, gzip.BadGzipFile, zlib.error, EOFError):
            return
        if isinstance(value, dict) and isinstance(value.get("subject"), str | int):
            yield str(value["subject"])


def _key(subject: Subject, name: str) -> str:
    try:
        return subject_key(workspace=subject.workspace, identifier=name)
    except BadIdentifier:
        return ""


def _drop(batch: TaskImport) -> None:
    with transaction.atomic():
        held = TaskImport.objects.select_for_update().get(pk=batch.pk)
        sha256, held.sha256, held.preview = held.sha256, "", []
        held.state = held.state if held.state in OVER else State.DISCARDED
        held.save(update_fields=["sha256", "preview", "state"])
    if sha256 and not _is_needed(batch, sha256):
        blobs.delete(sha256, workspace=batch.workspace.uid)


def _is_needed(batch: TaskImport, sha256: str) -> bool:
    """The same file may have come in twice; whoever names it still is looked at in turn."""
    same = {"workspace_id": batch.workspace_id, "sha256": sha256}
    return TaskImport.objects.filter(**same).exists() or DocumentUpload.objects.filter(**same).exists()


def erase_copies(subject: Subject) -> None:
    """Delete what ended jobs left for a look: staged versions, checkpoints, fetched files."""
    blobs.delete_unfinished(workspace=subject.workspace.uid, older_than=LONGEST_WORK)
    root = Path(settings.WORK_ROOT)
    if not root.is_dir():
        return
    ended = Job.objects.filter(workspace=subject.workspace, state__in=Job.ENDED)
    present = {entry.name for entry in root.iterdir()}
    for uid in ended.values_list("uid", flat=True).iterator():
        if str(uid) in present:
            directories.clear(uid)
    for pattern in LEFT_BEHIND:
        for entry in root.glob(pattern):
            if entry.stat().st_mtime < time.time() - LONGEST_WORK.total_seconds():
                shutil.rmtree(entry, ignore_errors=True)
