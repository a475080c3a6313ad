"""Projects and their guidelines: what people are asked, by which rules."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import AuditEvent, Membership
from annotation.models import Guideline, Project, Standing
from core.errors import Conflict, Invalid
from core.text import is_one_line, refusal
from corpus.licences import LicenceUnknown, checked_licence

DEFAULT_ASPECTS = ("quality", "relevance", "safety")
MOST_ASPECTS = 6
ASPECT = re.compile(r"\A\w[\w -]{0,38}\w\Z|\A\w\Z")
MOST_LABELS = 30
LONGEST_LABEL = 60
LONGEST_GUIDELINE = 100_000
LISTS = ("aspects", "labels")
LIMITS = {"overlap": (1, 50), "lease_seconds": (60, 86_400), "gold_every": (0, 1000)}
LENGTHS = {"name": 120, "description": 500, "content_warning": 300, "lawful_basis": 60, "licence": 120}
# What each task has given away stays given: the overlap changes only what is still to come. Of tasks about
# people who were erased nothing is to come.
SPREAD_OVERLAP = """
    UPDATE annotation_task SET overlap = GREATEST(%(overlap)s, overlap - open_slots),
                               open_slots = GREATEST(%(overlap)s - (overlap - open_slots), 0)
    WHERE project_id = %(project)s AND purpose <> 'gold'
      AND id NOT IN (SELECT b.task_id FROM annotation_taskbody b JOIN corpus_erasure e USING (subject_key)
                     WHERE e.workspace_id = %(workspace)s)
"""


class NameTaken(Invalid):
    """Another project of the workspace has this name."""


class Unchangeable(Conflict):
    code = "unchangeable"


@dataclass(frozen=True)
class ProjectSettings:
    """`kind` is chosen once, when the project is made."""

    name: str
    kind: str = Project.Kind.RANKING
    description: str = ""
    content_warning: str = ""
    overlap: int = 1
    lease_seconds: int = 900
    allow_ties: bool = True
    allow_all_bad: bool = True
    aspects: tuple[str, ...] = DEFAULT_ASPECTS
    require_rationale: bool = False
    labels: tuple[str, ...] = ()
    allow_several_labels: bool = False
    gold_every: int = 0
    lawful_basis: str = ""
    licence: str = ""


def settings_of(project: Project) -> dict[str, Any]:
    values = {field.name: getattr(project, field.name) for field in fields(ProjectSettings)}
    return {**values, **{name: tuple(values[name]) for name in LISTS}}


def check_settings(values: Mapping[str, object]) -> ProjectSettings:
    """Read settings from a form or from JSON; raises Invalid that names every wrong field."""
    known = {field.name for field in fields(ProjectSettings)}
    problems = {str(name): _("Unknown field.") for name in values if name not in known}
    for name, value in values.items():
        problem = _problem(name, value) if name in known else None
        if problem:
            problems[name] = problem
    if not str(values.get("name") or "").strip():
        problems["name"] = _("A project needs a name.")
    elif "name" not in problems and not is_one_line(str(values["name"]).strip()):
        problems["name"] = _("A name is one line.")
    clean: dict[str, Any] = dict(values)
    _check_kind(clean, problems)
    if clean.get("licence") and "licence" not in problems:
        clean["licence"] = _licence(str(clean["licence"]), problems)
    if problems:
        raise Invalid(_("Some fields need mending."), fields=problems)
    clean |= {name: str(clean[name]).strip() for name in LENGTHS if name in clean}
    clean |= {name: tuple(str(entry).strip() for entry in clean[name]) for name in LISTS if name in clean}
    return ProjectSettings(**clean)


def _check_kind(clean: dict[str, Any], problems: dict[str, str]) -> None:
    """What only one kind has: aspects are of ranking, labels of classification."""
    kind = clean.get("kind", Project.Kind.RANKING)
    if "kind" in problems:
        return
    labels = () if "labels" in problems else clean.get("labels", ())
    if kind != Project.Kind.RANKING and clean.setdefault("aspects", ()):
        problems.setdefault("aspects", _("Only a ranking rates aspects: leave them out."))
    if kind != Project.Kind.CLASSIFICATION and labels:
        problems.setdefault("labels", _("Only a classification has labels: leave them out."))
    if kind == Project.Kind.CLASSIFICATION and len(labels) < 2:
        problems.setdefault("labels", _("A classification needs at least two labels."))


def _licence(expression: str, problems: dict[str, str]) -> str:
    try:
        return checked_licence(expression)
    except LicenceUnknown as error:
        problems["licence"] = error.message
        return ""


def _problem(name: str, value: object) -> str | None:
    if name in LENGTHS:
        return _text_problem(value, LENGTHS[name])
    if name in LIMITS:
        return _number_problem(value, *LIMITS[name])
    if name == "aspects":
        return _aspects_problem(value)
    if name == "labels":
        return _labels_problem(value)
    if name == "kind":
        return None if value in Project.Kind.values else _("There is no such kind of project.")
    return None if isinstance(value, bool) else _("This must be true or false.")


def _text_problem(value: object, longest: int) -> str | None:
    if not isinstance(value, str):
        return _("This must be a text.")
    if len(value) > longest:
        return _("At most %(longest)d characters.") % {"longest": longest}
    return refusal(value)


def _number_problem(value: object, least: int, most: int) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return None
    return _("A whole number from %(least)d to %(most)d.") % {"least": least, "most": most}


def _aspects_problem(value: object) -> str | None:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        return _("A list of names.")
    if len(value) > MOST_ASPECTS or len(set(value)) != len(value):
        return _("At most %(most)d different aspects.") % {"most": MOST_ASPECTS}
    if not all(ASPECT.match(name) for name in value):
        return _("An aspect is one to forty letters, digits, spaces or hyphens.")
    return None


def _labels_problem(value: object) -> str | None:
    if not isinstance(value, list | tuple) or not all(isinstance(label, str) for label in value):
        return _("A list of labels.")
    # Labels that differ in case alone would be chosen by mistake.
    if len(value) > MOST_LABELS or len({label.strip().casefold() for label in value}) != len(value):
        return _("At most %(most)d different labels.") % {"most": MOST_LABELS}
    if not all(label.strip() and len(label) <= LONGEST_LABEL and is_one_line(label) for label in value):
        return _("A label is one line of 1 to %(longest)d characters.") % {"longest": LONGEST_LABEL}
    return None


@transaction.atomic
def create_project(*, membership: Membership, settings: ProjectSettings) -> Project:
    """Raises NameTaken when the workspace has a project of this name."""
    values = asdict(settings) | {name: list(getattr(settings, name)) for name in LISTS}
    project = Project(workspace=membership.workspace, created_by=membership, **values)
    _save(project)
    record(
        kind=AuditEvent.Kind.PROJECT_CREATED,
        membership=membership,
        object_kind="project",
        object_uid=project.uid,
        name=project.name,
    )
    return project


def _save(project: Project) -> None:
    try:
        with transaction.atomic():
            project.save()
    except IntegrityError as error:
        raise NameTaken(
            _("Another project has this name."), fields={"name": _("Another project has this name.")}
        ) from error


@transaction.atomic
def change_project(*, membership: Membership, project: Project, settings: ProjectSettings) -> Project:
    """Apply new settings. A new overlap reaches the tasks that are there, a new warning everybody."""
    # Whoever takes or answers a task refers to the project while holding rows that are changed below: this
    # kind of lock lets them, so that neither waits for the other in a ring.
    locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    before = settings_of(locked)
    after = asdict(settings)
    changed = {name for name, value in after.items() if value != before[name]}
    if not changed:
        return locked
    _refuse_unchangeable(locked, settings, changed)
    for name in changed:
        setattr(locked, name, list(after[name]) if name in LISTS else after[name])
    if "content_warning" in changed:
        Standing.objects.filter(project=locked).update(warned_at=None)
    if "overlap" in changed:
        _spread_overlap(locked)
    # Last, since a new name locks the project against everybody who refers to it.
    _save(locked)
    record(
        kind=AuditEvent.Kind.PROJECT_CHANGED,
        membership=membership,
        object_kind="project",
        object_uid=locked.uid,
        changed=sorted(changed),
    )
    return locked


def _refuse_unchangeable(project: Project, settings: ProjectSettings, changed: set[str]) -> None:
    """The kind stays always; what the answers so far were asked by stays once there are answers."""
    if "kind" in changed:
        words = _("The kind of a project stays as it is. Make a new project for another kind.")
        raise Unchangeable(words, fields={"kind": words})
    narrowed = changed & {"aspects", "labels", "allow_several_labels"}
    if set(project.labels) <= set(settings.labels):
        narrowed.discard("labels")
    if settings.allow_several_labels:
        narrowed.discard("allow_several_labels")
    if not narrowed or not project.annotations.exists():
        return
    sentences = {
        "aspects": _("Answers exist already: the aspects stay as they are. Make a new project for others."),
        "labels": _("Answers exist already: labels can be added, but none renamed or taken away."),
        "allow_several_labels": _("Answers exist already: some may have several labels."),
    }
    fields = {name: sentences[name] for name in sorted(narrowed)}
    raise Unchangeable(" ".join(fields.values()), fields=fields)


def _spread_overlap(project: Project) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            SPREAD_OVERLAP,
            {"overlap": project.overlap, "project": project.pk, "workspace": project.workspace_id},
        )


@transaction.atomic
def set_state(*, membership: Membership, project: Project, state: str) -> Project:
    """Open, pause or close a project; a repeat changes nothing."""
    if state not in Project.State.values:
        raise Invalid(_("There is no such state."), fields={"state": _("unknown")})
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if locked.state == state:
        return locked
    locked.state = state
    locked.save(update_fields=["state"])
    record(
        kind=AuditEvent.Kind.PROJECT_CHANGED,
        membership=membership,
        object_kind="project",
        object_uid=locked.uid,
        state=state,
    )
    return locked


@transaction.atomic
def publish_guideline(*, membership: Membership, project: Project, text: str) -> Guideline:
    """Publish the next version. The same text again is no new version: the newest one is returned."""
    text = text.replace("\r\n", "\n").strip()
    problem = _text_problem(text, LONGEST_GUIDELINE) if text else _("A guideline needs a text.")
    if problem:
        raise Invalid(_("The guideline cannot be published."), fields={"text": problem})
    Project.objects.select_for_update().get(pk=project.pk)
    newest = newest_guideline(project)
    if newest and newest.text == text:
        return newest
    guideline = Guideline.objects.create(
        workspace_id=project.workspace_id,
        project=project,
        number=newest.number + 1 if newest else 1,
        text=text,
        published_by=membership,
    )
    record(
        kind=AuditEvent.Kind.PROJECT_CHANGED,
        membership=membership,
        object_kind="project",
        object_uid=project.uid,
        guideline=guideline.number,
    )
    return guideline


def newest_guideline(project: Project) -> Guideline | None:
    return Guideline.objects.filter(project=project).order_by("-number").first()
