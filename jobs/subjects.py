"""What a job is about: the page of the run, project or version that it works on or has made.

Jobs know nothing of the apps above them, so the pages are named here and looked up by name, as those of the
navigation are.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from jobs.models import Job

KINDS: dict[str, Promise] = {
    "training.run": _("Training"),
    "corpus.intake": _("Upload of documents"),
    "corpus.cleaning": _("Cleaning"),
    "corpus.freeze": _("Freezing a dataset version"),
    "annotation.examine_import": _("Check of a task file"),
    "annotation.import_tasks": _("Import of tasks"),
    "qa.release": _("Freezing a dataset version"),
    "qa.measure": _("Measuring quality"),
    "production.harvest": _("Sending answers to annotators"),
    "annotera.candidates": _("Writing candidates"),
    "annotera.prompts": _("Making tasks of prompts"),
    "annotera.erasure": _("Erasing a person's data"),
}
# The kind, or any; where the id stands in the payload or the result; the page about it; what to call it. The
# last that is there is meant, so that what was made comes before what it was made from.
PAGES: tuple[tuple[str, str, str, Promise], ...] = (
    ("", "project", "project", _("Open the project")),
    ("training.run", "run", "run", _("Open the run")),
    ("corpus.cleaning", "run", "cleaning", _("Open the cleaning")),
    ("annotation.examine_import", "import", "import", _("Open the import")),
    ("annotation.import_tasks", "import", "import", _("Open the import")),
    ("", "erasure", "erasure", _("Open the erasure")),
    ("corpus.freeze", "version", "dataset-version", _("Open the dataset version")),
    ("", "dataset_version", "dataset-version", _("Open the dataset version")),
)


@dataclass(frozen=True)
class Subject:
    label: str
    url: str


def kind_in_words(job: Job) -> str:
    """The kind itself where it has no other name."""
    return str(KINDS.get(job.kind, job.kind))


def subject_of(job: Job) -> Subject | None:
    """The page that this job is about; None where there is none."""
    found = None
    known: Mapping[str, object] = {**job.payload, **job.result}
    for kind, name, page, label in PAGES:
        if kind in {"", job.kind} and (uid := _as_uid(known.get(name))):
            try:
                found = Subject(label=str(label), url=reverse(page, args=[job.workspace.slug, uid]))
            except NoReverseMatch:
                continue
    return found


def _as_uid(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(value)) if value else None
    except ValueError:
        return None
