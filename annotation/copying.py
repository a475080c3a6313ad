"""Writing tasks with COPY: three tables, one transaction, keys from the sequences.

COPY takes about a fifth of the time of multi-row INSERT here; `queue_key` is left to its default, so that the
order of the file is the order of the queue.
"""

import json
import random
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection

from annotation.kinds import TaskInput
from annotation.models import Project
from core.ids import uuid7

ORDER = random.SystemRandom()
KEYS = "SELECT nextval(pg_get_serial_sequence('annotation_task', 'id')) FROM generate_series(1, %s)"
TASKS = """
    COPY annotation_task (id, uid, workspace_id, project_id, imported_in_id, purpose, overlap, open_slots,
                          external_id, created_at) FROM STDIN
"""
BODIES = "COPY annotation_taskbody (task_id, prompt, candidates, subject_key) FROM STDIN"
CANDIDATES = "COPY annotation_candidate (uid, task_id, position, source) FROM STDIN"

# One encoder for all rows: `json.dumps` with options builds a new one for every call.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def new_uids(count: int) -> list[uuid.UUID]:
    """Identifiers for the candidates of one task."""
    return [uuid7() for _candidate in range(count)]


def copy_tasks(
    *,
    project: Project,
    tasks: Sequence[TaskInput],
    import_id: int | None,
    name_candidates: Callable[[int], list[uuid.UUID]] = new_uids,
) -> list[int]:
    """Write the tasks inside the caller's transaction; returns their keys.

    `name_candidates` gives the identifiers of one task's candidates, so many at a time.
    """
    bodies: list[tuple[Any, ...]] = []
    candidates: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        cursor.execute(KEYS, [len(tasks)])
        keys = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT now()")
        now = cursor.fetchone()[0]
        shared = (project.workspace_id, project.pk, import_id, "work", project.overlap, project.overlap)
        rows = [(key, uuid7(), *shared, task.external_id, now) for key, task in zip(keys, tasks, strict=True)]
        for key, task in zip(keys, tasks, strict=True):
            body = _candidate_rows(key, task, candidates, name_candidates(len(task.candidates)))
            bodies.append((key, _json(task.prompt), _json(body), task.subject_key or None))
        for statement, lines in ((TASKS, rows), (BODIES, bodies), (CANDIDATES, candidates)):
            # COPY goes past Django's cursor: without this its errors would be psycopg's own.
            with connection.wrap_database_errors, cursor.copy(statement) as copy:
                for line in lines:
                    copy.write_row(line)
    return keys


def _candidate_rows(
    key: int, task: TaskInput, rows: list[tuple[Any, ...]], named: list[uuid.UUID]
) -> dict[str, Any]:
    body = {}
    uids = [str(uid) for uid in named]
    # Identifiers grow with time: in the file's order they would tell which candidate came first.
    ORDER.shuffle(uids)
    for position, (uid, candidate) in enumerate(zip(uids, task.candidates, strict=True)):
        body[uid] = candidate.message
        rows.append((uid, key, position, _json(candidate.source)))
    return body
