"""Each page that lists something costs as many queries at a hundred rows as at ten."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEvent
from core.ids import uuid7
from production.models import Feedback
from tests.annotera.objects import Objects
from tests.conftest import Cast, make_member

pytestmark = pytest.mark.django_db

FEW, MANY = 10, 100


def another(row: Any, **changes: Any) -> Any:
    """A second row like this one; what must be unique is in `changes`."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    if row._meta.pk.attname == "id":
        del values["id"]
    if "uid" in values:
        values["uid"] = uuid7()
    for name in changes:
        values.pop(row._meta.get_field(name).attname, None)
    return type(row).objects.create(**values, **changes)


def more_projects(objects: Objects, number: int) -> None:
    project = another(objects.project, name=f"Project {number}")
    another(objects.paused, project=project)


def more_versions(objects: Objects, number: int) -> None:
    dataset = another(objects.version.dataset, name=f"set {number}")
    version = another(objects.version, dataset=dataset)
    another(objects.tag, version=version, dataset=dataset)


def more_runs(objects: Objects, number: int) -> None:
    made = objects.model.made_by
    another(made, job=another(made.job), output_model=None, name=f"run {number}")


def more_models(objects: Objects, number: int) -> None:
    another(objects.model, name=f"model {number}")


def more_jobs(objects: Objects, number: int) -> None:
    another(objects.job)


def more_members(objects: Objects, number: int) -> None:
    member = make_member(objects.cast.workspace, f"Person {number}", objects.cast.bob.role)
    another(objects.invitation_and_secret[0], email=f"i{number}@example.org", secret_hash=f"{number:064}")
    # Equal events in a row would be shown as one.
    events = AuditEvent.objects.filter(workspace=member.workspace).order_by("pk")
    another(events[number % 2])


def more_tokens(objects: Objects, number: int) -> None:
    another(objects.token, membership=objects.cast.alice, secret_hash=f"{number:064}")


def more_answers(objects: Objects, number: int) -> None:
    """Of Bob: answered, and open for review."""
    bob = objects.cast.bob
    task = another(objects.task, external_id=f"more-{number}")
    for candidate in objects.task.candidates.all():
        another(candidate, task=task)
    another(objects.task.body, task=task)
    assignment = another(objects.answered, task=task, membership=bob)
    annotation = another(objects.annotation, task=task, assignment=assignment, membership=bob)
    another(objects.acceptance, annotation=annotation, state="open")


def more_sources(objects: Objects, number: int) -> None:
    another(objects.described_source, name=f"source {number}")


def more_documents(objects: Objects, number: int) -> None:
    another(objects.document, external_id=f"more-{number}")
    another(objects.document.upload)
    another(objects.cleaning)


def more_deployments(objects: Objects, number: int) -> None:
    another(objects.deployment, name=f"deployment {number}")


def more_tags(objects: Objects, number: int) -> None:
    another(objects.tag, name=f"tag-{number}")


def more_outputs(objects: Objects, number: int) -> None:
    output = another(objects.output)
    given = Feedback.objects.filter(output=objects.sent_back.output).earliest("pk")
    another(given, output=output, identifier=f"more-{number}")


def more_rules(objects: Objects, number: int) -> None:
    project = another(objects.project, name=f"Project {number}")
    another(objects.rule, project=project)


def more_erasures(objects: Objects, number: int) -> None:
    another(objects.erasure, subject_key=f"{number:032}", job=another(objects.erasure.job))


More = Callable[[Objects, int], None]
Where = Callable[[Objects], dict[str, Any]]


def nowhere(objects: Objects) -> dict[str, Any]:
    return {}


def at(kind: str) -> Where:
    return lambda objects: {"uid": getattr(objects, kind).uid}


# Sums and newest rows only: there the page itself does not grow.
BOUNDED = {"workspace-home", "pipeline", "project", "project-quality", "deployment"}
LISTS: list[tuple[str, More, Where]] = [
    ("workspace-home", more_projects, nowhere),
    ("workspace-home", more_answers, nowhere),
    ("workspace-home", more_runs, nowhere),
    ("workspace-home", more_models, nowhere),
    ("pipeline", more_projects, nowhere),
    ("projects", more_projects, nowhere),
    ("quality", more_projects, nowhere),
    ("datasets", more_versions, nowhere),
    ("dataset-version", more_tags, at("version")),
    ("runs", more_runs, nowhere),
    ("models", more_models, nowhere),
    ("model", more_deployments, lambda objects: {"uid": objects.deployment.model.uid}),
    ("jobs", more_jobs, nowhere),
    ("members", more_members, nowhere),
    ("audit", more_members, nowhere),
    ("tokens", more_tokens, nowhere),
    ("project", more_answers, at("project")),
    ("reviews", more_answers, at("project")),
    ("project-quality", more_answers, at("project")),
    ("sources", more_sources, nowhere),
    ("source", more_documents, at("described_source")),
    ("deployments", more_deployments, nowhere),
    ("deployment", more_outputs, at("deployment")),
    ("rules", more_rules, nowhere),
    ("erasures", more_erasures, nowhere),
]


@pytest.mark.parametrize(("name", "more", "where"), LISTS, ids=lambda part: getattr(part, "__name__", part))
def test_a_list_costs_the_same_at_ten_rows_and_at_a_hundred(
    cast: Cast, name: str, more: More, where: Where
) -> None:
    objects = Objects(cast)
    objects.make_everything()
    address = reverse(name, kwargs={"workspace": "acme", **where(objects)})
    for number in range(FEW):
        more(objects, number)
    client = cast.client(cast.alice)
    few, short = statements(client, address)
    for number in range(FEW, MANY):
        more(objects, number)
    many, long = statements(client, address)
    assert len(many) <= len(few), "\n".join(sorted(set(many) - set(few)))
    assert long > 1.1 * short or name in BOUNDED, "the new rows are not on the page"


def test_ones_own_work_costs_the_same_at_ten_answers_and_at_a_hundred(cast: Cast) -> None:
    objects = Objects(cast)
    objects.make_everything()
    for number in range(FEW):
        more_answers(objects, number)
    client = cast.client(cast.bob)
    addresses = [reverse(name, args=["acme"]) for name in ("my-work", "workspace-home")]
    few = [len(statements(client, address)[0]) for address in addresses]
    for number in range(FEW, MANY):
        more_answers(objects, number)
    assert [len(statements(client, address)[0]) for address in addresses] == few


def statements(client: Any, address: str) -> tuple[list[str], int]:
    """What the page asks of the database, and how long its main part is."""
    # The first request fills what a process keeps.
    assert client.get(address).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200
    main = answer.content.partition(b"<main")[2].partition(b"</main")[0]
    return [query["sql"] for query in queries.captured_queries], len(main)
