"""What the command palette finds: pages, commands and things by name or id, for one person's eyes only."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Case, IntegerField, Model, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from annotation.access import projects_of
from annotation.models import Task
from core import navigation
from core.text import check_storable
from corpus.access import sources_of, versions_of
from jobs.access import jobs_for
from production.access import deployments_of
from qa.models import Acceptance
from training.access import models_of, runs_of
from training.models import Stage

MOST_OF_A_KIND = 5
LONGEST_QUERY = 200
THEMES = (
    ("light", _("Use the light theme"), "sun"),
    ("dark", _("Use the dark theme"), "moon"),
    ("system", _("Use the theme of the system"), "system"),
)
Found = TypeVar("Found", bound=Model)
Text = str | Promise


@dataclass(frozen=True)
class Hit:
    """A `named` text is in people's own words; one with a `theme` sets it instead of opening a page."""

    label: Text
    address: str
    icon: str
    detail: Text = ""
    named: bool = False
    theme: str = ""
    keys: str = ""


@dataclass(frozen=True)
class Section:
    name: str
    label: Text
    hits: tuple[Hit, ...]


def look_up(*, membership: Membership, query: str) -> list[Section]:
    """Sections that hold something, best first; Invalid for a text that no name can be.

    Every kind costs one query and gives at most five; a task is found by its whole id only, because a project
    may hold a million of them.
    """
    query = check_storable(" ".join(query.split()), field="q", maximum_bytes=LONGEST_QUERY * 4)[
        :LONGEST_QUERY
    ]
    search = Search(membership=membership, query=query)
    if not query:
        sections = [search.pages(), search.projects(), search.commands()]
    else:
        sections = [search.pages(), search.projects(), *(search.things() if membership.may_review else [])]
        sections.append(search.commands())
    return [section for section in sections if section.hits]


class Search:
    """One query of one person; each method is one section."""

    def __init__(self, *, membership: Membership, query: str) -> None:
        self.membership = membership
        self.slug = membership.workspace.slug
        self.query = query
        self.words = query.casefold().split()
        self.uid = _as_uid(query)

    def pages(self) -> Section:
        pages = navigation.everything() if self.query else _primary()
        fitting = [page for page in pages if self._fits(page.label, page.also)]
        # A page whose name begins so comes before one that is only about it.
        fitting.sort(key=lambda page: not str(page.label).casefold().startswith(self.query.casefold()))
        linked = navigation.links(tuple(fitting), workspace=self.slug, role=self.membership.role, current="")
        shown = linked[:MOST_OF_A_KIND] if self.query else linked
        hits = [Hit(link.label, link.address, link.icon, keys=link.page.go) for link in shown]
        return Section("pages", _("Pages"), tuple(hits))

    def commands(self) -> Section:
        hits = [hit for hit, also in self._commands() if self._fits(hit.label, also)]
        return Section("commands", _("Commands"), tuple(hits))

    def _commands(self) -> Iterable[tuple[Hit, str]]:
        if self.membership.is_admin:
            yield Hit(_("New project"), reverse("project-new", args=[self.slug]), "plus"), "create start"
            for stage in Stage:
                new_run = _("New run: %(stage)s") % {"stage": stage.label}
                yield (
                    Hit(new_run, reverse("run-new", args=[self.slug, stage.value]), "plus"),
                    "create train start",
                )
            yield Hit(_("New source"), reverse("source-new", args=[self.slug]), "plus"), "create collect"
            yield Hit(_("Invite a person"), reverse("members", args=[self.slug]), "plus"), "new member"
        settings = reverse("me", args=[self.slug])
        for theme, label, icon in THEMES:
            yield Hit(label, settings, icon, theme=theme), "mode colours appearance"

    def projects(self) -> Section:
        return self._section(
            "projects", _("Projects"), "rank", projects_of(self.membership), ("name",), "project",
            lambda project: (project.name, project.get_state_display()),
        )  # fmt: skip

    def things(self) -> list[Section]:
        """What reviewers and admins open: everything on the way from text to a model that answers."""
        member = self.membership
        versions = versions_of(member).prefetch_related(None)
        return [
            self.tasks(),
            self._section("runs", _("Runs"), "chart", runs_of(member), ("name",), "run", _run),
            self._section("models", _("Models"), "box", models_of(member), ("name",), "model", _staged),
            self._section(
                "versions", _("Dataset versions"), "data", versions, ("dataset__name",), "dataset-version",
                _version,
            ),
            self._section("sources", _("Sources"), "book", sources_of(member), ("name",), "source", _source),
            self._section(
                "deployments", _("Deployments"), "server", deployments_of(member), ("name", "model__name"),
                "deployment", lambda row: (row.name, row.get_state_display()),
            ),
            self.jobs(),
        ]  # fmt: skip

    def tasks(self) -> Section:
        """By the whole id, ours or the one it came with: leads to the newest answer, else to the project."""
        projects = projects_of(self.membership).values("pk")
        rows = Task.objects.filter(workspace_id=self.membership.workspace_id).select_related("project")
        # One after the other: each is one look into its index, both in one condition would read every task.
        tasks = list(rows.filter(uid=self.uid)) if self.uid else []
        if not tasks:
            named = rows.filter(project__in=projects, external_id=self.query)
            tasks = list(named.order_by("-pk")[:MOST_OF_A_KIND])
        answers = Acceptance.objects.filter(annotation__task__in=tasks, annotation__is_current=True)
        reviews = dict(answers.order_by("pk").values_list("annotation__task_id", "uid"))
        return Section("tasks", _("Tasks"), tuple(self._task(task, reviews.get(task.pk)) for task in tasks))

    def _task(self, task: Task, review: uuid.UUID | None) -> Hit:
        address = ("review", review) if review else ("project", task.project.uid)
        label = task.external_id or str(task.uid)
        return Hit(label, self._address(*address), "list", detail=task.project.name, named=True)

    def jobs(self) -> Section:
        """By the whole id: they pile up, and what a job does is found under its own name."""
        found = jobs_for(membership=self.membership).filter(uid=self.uid) if self.uid else ()
        hits = [
            Hit(job.title, self._address("job", job.uid), "list", job.get_state_display(), True)
            for job in found
        ]
        return Section("jobs", _("Jobs"), tuple(hits))

    def _section(
        self,
        name: str,
        label: Text,
        icon: str,
        rows: QuerySet[Any],
        fields: tuple[str, ...],
        page: str,
        told: Callable[[Any], tuple[str, Text]],
    ) -> Section:
        hits = []
        for row in self._named_so(rows, fields):
            title, detail = told(row)
            hits.append(Hit(title, self._address(page, row.uid), icon, detail, named=True))
        return Section(name, label, tuple(hits))

    def _named_so(self, rows: QuerySet[Found], fields: tuple[str, ...]) -> list[Found]:
        """The one with that id, else those whose name holds every word, best first."""
        by_id = list(rows.filter(uid=self.uid)) if self.uid else []
        if by_id:
            return by_id
        for word in self.words:
            rows = rows.filter(_any_of(fields, "icontains", word))
        if self.query:
            begins = When(_any_of(fields, "istartswith", self.query), then=Value(0))
            rows = rows.annotate(far=Case(begins, default=Value(1), output_field=IntegerField())).order_by(
                "far", "-pk"
            )
        else:
            rows = rows.order_by("-pk")
        return list(rows[:MOST_OF_A_KIND])

    def _fits(self, label: Text, also: str) -> bool:
        text = f"{label} {also}".casefold()
        return all(word in text for word in self.words)

    def _address(self, page: str, uid: uuid.UUID) -> str:
        return reverse(page, args=[self.slug, uid])


def _primary() -> Iterable[navigation.Page]:
    """The pages of the navigation itself, which an empty search offers."""
    for group in navigation.GROUPS:
        yield from group.pages
    yield navigation.PERSONAL[0]


def _any_of(fields: tuple[str, ...], lookup: str, text: str) -> Q:
    condition = Q()
    for field in fields:
        condition |= Q(**{f"{field}__{lookup}": text})
    return condition


def _as_uid(query: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(query)
    except ValueError:
        return None


def _run(run: Any) -> tuple[str, Text]:
    return run.name, f"{run.get_stage_display()} · {run.job.get_state_display()}"


def _staged(model: Any) -> tuple[str, Text]:
    return str(model), model.get_stage_display()


def _version(version: Any) -> tuple[str, Text]:
    return str(version), version.dataset.get_kind_display()


def _source(source: Any) -> tuple[str, Text]:
    return source.name, source.licence
