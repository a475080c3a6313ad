"""Cycles of submit + next a second that the domain functions carry: `python benchmarks/handing_out.py`.

Makes a workspace of its own in the configured database and removes it afterwards; eight threads by default.
Prints the import and the export of the same tasks too. `answering_over_http.py` measures whole requests.
"""

import argparse
import json
import os
import resource
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotera.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.consent import give_consent  # noqa: E402
from accounts.models import Membership, Role, User, Workspace  # noqa: E402
from annotation.exports import export_answers  # noqa: E402
from annotation.imports import import_at_once  # noqa: E402
from annotation.kinds.ranking import parse_answer  # noqa: E402
from annotation.models import Project  # noqa: E402
from annotation.queue import Handed, hand_out  # noqa: E402
from annotation.rules import rules_for  # noqa: E402
from annotation.submissions import submit  # noqa: E402

TEXT = "The tide comes in twice a day because the moon pulls at the water. " * 6


def line(number: int) -> bytes:
    candidates = [{"content": f"{TEXT}{number} {at}", "source": {"model": f"m{at}"}} for at in range(2)]
    return (
        json.dumps({"id": f"t{number}", "prompt": f"Why? {number}", "candidates": candidates}).encode()
        + b"\n"
    )


def make_people(workspace: Workspace, count: int) -> list[Membership]:
    people = []
    for number in range(count + 1):
        user = User.objects.create(email=f"bench-{uuid.uuid4().hex}@example.org", name=f"Bench {number}")
        role = Role.ANNOTATOR if number else Role.ADMIN
        person = Membership.objects.create(
            workspace=workspace, user=user, role=role, pseudonym=f"bench-{number}"
        )
        give_consent(person)
        people.append(person)
    return people


@contextmanager
def measured(name: str, unit: str) -> Iterator[dict[str, float]]:
    """Wall time and this process's processor time of what is done inside; `count` is set by the body."""
    found: dict[str, float] = {"count": 0}
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    yield found
    seconds, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    count = max(1.0, found["count"])
    print(
        f"{name}: {found['count']:,.0f} {unit} in {seconds:.2f} s = {count / seconds:,.0f}/s, "
        f"{1000 * cpu / count:.2f} ms of processor time each"
    )


def import_tasks(admin: Membership, project: Project, tasks: int) -> None:
    bodies = [
        b"".join(line(number) for number in range(start, min(start + 5_000, tasks)))
        for start in range(0, tasks, 5_000)
    ]
    with measured("import", "tasks") as found:
        for body in bodies:
            found["count"] += import_at_once(membership=admin, project=project, body=body).rows


def cycles(person: Membership, project: Project, stop: threading.Event) -> int:
    done = 0
    while not stop.is_set():
        handed = hand_out(membership=person, project=project)
        if not isinstance(handed, Handed):
            break
        rules = rules_for(handed.assignment)
        submit(
            assignment=handed.assignment,
            answer=parse_answer({"ranking": list(rules.shown_order)}, rules=rules),
        )
        done += 1
    connection.close()
    return done


def run(people: list[Membership], project: Project, seconds: float, name: str) -> None:
    stop = threading.Event()
    with measured(name, "cycles") as found, ThreadPoolExecutor(len(people)) as pool:
        working = [pool.submit(cycles, person, project, stop) for person in people]
        stop.wait(seconds)
        stop.set()
        found["count"] = sum(worker.result() for worker in working)


def count_queries(person: Membership, project: Project) -> None:
    with CaptureQueriesContext(connection) as queries:
        handed = hand_out(membership=person, project=project)
        assert isinstance(handed, Handed)
        rules = rules_for(handed.assignment)
        submit(
            assignment=handed.assignment,
            answer=parse_answer({"ranking": list(rules.shown_order)}, rules=rules),
        )
    statements = [query for query in queries if query["sql"] not in {"BEGIN", "COMMIT"}]
    print(f"queries: {len(statements)} a cycle in the domain functions (BEGIN and COMMIT apart)")


def remove(workspace: Workspace) -> None:
    tables = (
        "workevent",
        "annotation",
        "assignment",
        "standing",
        "candidate",
        "taskbody",
        "task",
        "taskimport",
        "project",
    )
    with transaction.atomic(), connection.cursor() as cursor:
        for table in tables:
            parent = "task_id IN (SELECT id FROM annotation_task WHERE workspace_id = %s)"
            where = parent if table in {"candidate", "taskbody"} else "workspace_id = %s"
            cursor.execute(f"DELETE FROM annotation_{table} WHERE {where}", [workspace.pk])  # noqa: S608
        for table in ("auditevent", "recordingconsent", "membership"):
            cursor.execute(f"DELETE FROM accounts_{table} WHERE workspace_id = %s", [workspace.pk])  # noqa: S608
    User.objects.filter(email__startswith="bench-", memberships=None).delete()
    workspace.delete()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    slug = f"bench-{uuid.uuid4().hex[:8]}"
    workspace = Workspace.objects.create(slug=slug, name=slug)
    try:
        admin, *people = make_people(workspace, options.people)
        project = Project.objects.create(workspace=workspace, name="Bench", created_by=admin)
        import_tasks(admin, project, options.tasks)
        count_queries(people[0], project)
        run(people, project, options.seconds, "submit + next")
        with measured("export", "answers") as found:
            found["count"] = sum(1 for _line in export_answers(membership=admin, project=project))
    finally:
        remove(workspace)


if __name__ == "__main__":
    main()
