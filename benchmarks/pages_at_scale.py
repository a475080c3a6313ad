"""Do pages cost the same in a large workspace as in a small one? `python benchmarks/pages_at_scale.py`.

Makes two workspaces that differ in size only (300 answers, and 100,000 by default), asks for each page five
times as its reader does, in this process and without HTTP, and prints the best milliseconds, the queries,
and the ratio. Answers are written in bulk. Its rows stay, so run it on a database that is thrown away:

    ANNOTERA_PLAIN_STATIC=1 manage.py with-services --throwaway \\
        python benchmarks/pages_at_scale.py [--answers 100000]
"""

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from handing_out import import_tasks, make_people  # sets Django up

from accounts.models import Membership, Role, Workspace
from annotation.models import Annotation, Assignment, Project, Standing, Task
from qa.models import Acceptance

PEOPLE = 30
OVERLAP = 3
REPEATS = 5
CHUNK = 5_000
# One answer in fifty waits for a reviewer.
OPEN_EVERY = 50


@dataclass(frozen=True)
class World:
    project: Project
    readers: dict[Role, Membership]
    review: Acceptance


@dataclass(frozen=True)
class Cost:
    milliseconds: float
    queries: int


def make_world(name: str, answers: int) -> World:
    workspace = Workspace.objects.create(slug=name, name=name)
    admin, reviewer, *annotators = make_people(workspace, PEOPLE + 1)
    Membership.objects.filter(pk=reviewer.pk).update(role=Role.REVIEWER)
    project = Project.objects.create(workspace=workspace, name="Tides", overlap=OVERLAP, created_by=admin)
    import_tasks(admin, project, answers // OVERLAP + PEOPLE)
    answer_in_bulk(project, annotators, answers // OVERLAP)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    readers = {Role.ADMIN: admin, Role.REVIEWER: reviewer, Role.ANNOTATOR: annotators[0]}
    review = Acceptance.objects.filter(project=project, state=Acceptance.State.OPEN).earliest("pk")
    return World(project, {role: Membership.objects.get(pk=one.pk) for role, one in readers.items()}, review)


def answer_in_bulk(project: Project, people: list[Membership], count: int) -> None:
    chance = random.Random(17)
    tasks = Task.objects.filter(project=project).order_by("queue_key").prefetch_related("candidates")[:count]
    rest = tasks.iterator(chunk_size=CHUNK)
    while chunk := list(islice(rest, CHUNK)):
        rows = [
            Assignment(
                workspace_id=project.workspace_id,
                project=project,
                task=task,
                membership=person,
                state=Assignment.State.SUBMITTED,
                shown_order=[candidate.uid for candidate in task.candidates.all()],
            )
            for task in chunk
            for person in chance.sample(people, OVERLAP)
        ]
        Assignment.objects.bulk_create(rows, batch_size=1_000)
        given = Annotation.objects.bulk_create([_answer(row, chance) for row in rows], batch_size=1_000)
        Acceptance.objects.bulk_create([_acceptance(row) for row in given], batch_size=1_000)
    Task.objects.filter(assignments__project=project).update(open_slots=0)
    for person in people:
        done = Assignment.objects.filter(project=project, membership=person).count()
        Standing.objects.create(
            workspace_id=project.workspace_id, project=project, membership=person, submitted_count=done
        )


def _answer(row: Assignment, chance: random.Random) -> Annotation:
    order = [str(uid) for uid in row.shown_order]
    chance.shuffle(order)
    now = timezone.now()
    return Annotation(
        workspace_id=row.workspace_id,
        project=row.project,
        task=row.task,
        assignment=row,
        membership=row.membership,
        answer={
            "schema": 1, "shown_order": [str(uid) for uid in row.shown_order],
            "ranking": [[uid] for uid in order], "unranked": [], "all_bad": False, "strength": None,
            "aspects": {}, "flags": [], "rewrite": None, "rationale": "",
        },
        active_ms=chance.randrange(5_000, 60_000),
        submitted_at=now - timedelta(minutes=chance.randrange(60 * 24 * 20)),
        checked_at=now,
    )  # fmt: skip


def _acceptance(row: Annotation) -> Acceptance:
    waits = row.pk % OPEN_EVERY == 0
    return Acceptance(
        workspace_id=row.workspace_id,
        project=row.project,
        annotation=row,
        state=Acceptance.State.OPEN if waits else Acceptance.State.ACCEPTED,
        reasons=["disagreement"] if waits else [],
        risk=(row.pk % 100) / 100 if waits else 0.0,
        decided_at=None if waits else row.submitted_at,
    )


def pages(world: World) -> Iterator[tuple[Role, str, str]]:
    """Who reads it, its name, its address below the workspace."""
    project = f"projects/{world.project.uid}/"
    for role in (Role.ANNOTATOR, Role.REVIEWER, Role.ADMIN):
        yield role, f"home of an {role.label}", ""
    yield Role.ANNOTATOR, "my work", "me/work/"
    yield Role.ANNOTATOR, "projects", "projects/"
    yield Role.ANNOTATOR, "project", project
    yield Role.REVIEWER, "quality of all projects", "quality/"
    yield Role.REVIEWER, "reviews", f"{project}reviews/"
    yield Role.REVIEWER, "reviews, accepted", f"{project}reviews/?state=accepted"
    yield Role.REVIEWER, "one review", f"reviews/{world.review.uid}/"
    yield Role.REVIEWER, "quality of a project", f"{project}quality/"
    yield Role.REVIEWER, "gold", f"{project}gold/"
    yield Role.ADMIN, "project as admin", project
    yield Role.ADMIN, "pipeline", "pipeline/"
    yield Role.ADMIN, "search", "search/?q=tides"
    yield Role.ADMIN, "freeze", f"{project}freeze/"
    yield Role.ADMIN, "members", "members/"


def cost(client: Client, address: str) -> Cost:
    client.get(address)  # templates are read once
    times = []
    for _repeat in range(REPEATS):
        began = time.perf_counter()
        response = client.get(address)
        times.append(1000 * (time.perf_counter() - began))
        assert response.status_code == 200, (address, response.status_code)
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return Cost(min(times), len(queries))


def main(answers: int) -> None:
    call_command("migrate", verbosity=0)
    worlds = [make_world("small", 300), make_world("large", answers)]
    print(f"{'page':26}{'300 answers':>14}{f'{answers:,}':>14}{'ratio':>8}{'queries':>10}")
    for small, large in zip(*map(pages, worlds), strict=True):
        costs = []
        for world, (role, _name, path) in zip(worlds, (small, large), strict=True):
            client = Client(headers={"host": "localhost"})
            client.force_login(world.readers[role].user)
            costs.append(cost(client, f"/w/{world.project.workspace.slug}/{path}"))
        few, many = costs
        ratio = many.milliseconds / few.milliseconds
        print(
            f"{small[1]:26}{few.milliseconds:11.1f} ms{many.milliseconds:11.1f} ms{ratio:8.2f}"
            f"{few.queries:6} {many.queries:3}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", type=int, default=100_000)
    main(parser.parse_args().answers)
