"""All current answers of a project as JSON lines, streamed with flat memory.

The record is the canonical one: candidates by id with their source, the judgement with the shown order, the
person only as a pseudonym. Answers to gold tasks are no work and stay out.
"""

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from accounts.audit import record
from accounts.models import AuditEvent, Membership
from annotation.models import Project
from core.ids import uuid7

SCHEMA = 1
ROWS_A_FETCH = 500
# One statement is one snapshot: what is written meanwhile is wholly in or wholly out.
ANSWERS = """
    SELECT n.uid, n.revision, n.answer, n.active_ms, n.wall_ms, n.is_simulated, n.submitted_at,
           m.pseudonym, g.number, t.uid, t.external_id, b.prompt, b.candidates,
           (SELECT json_object_agg(c.uid, c.source) FROM annotation_candidate c WHERE c.task_id = t.id)
    FROM annotation_annotation n
    JOIN accounts_membership m ON m.id = n.membership_id
    JOIN annotation_task t ON t.id = n.task_id
    JOIN annotation_taskbody b ON b.task_id = t.id
    LEFT JOIN annotation_guideline g ON g.id = n.guideline_id
    WHERE n.project_id = %s AND n.is_current AND t.purpose <> 'gold'
    ORDER BY n.id
"""


def export_answers(*, membership: Membership, project: Project) -> Iterator[bytes]:
    """Note the export in the audit and return the lines; raises nothing once it streams."""
    record(
        kind=AuditEvent.Kind.EXPORTED,
        membership=membership,
        object_kind="project",
        object_uid=project.uid,
        what="annotations",
    )
    return _lines(project)


def _lines(project: Project) -> Iterator[bytes]:
    for row in _rows(project):
        yield json.dumps(_record(row), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


# A slow download is idle between two fetches; a dead one must still give its snapshot back.
PATIENCE = "SET LOCAL idle_in_transaction_session_timeout = '10min'"


def _rows(project: Project) -> Iterator[tuple[Any, ...]]:
    # A server-side cursor lives in a transaction; outside of one the server would store the result first.
    with transaction.atomic():
        with connection.cursor() as setting:
            setting.execute(PATIENCE)
        with (
            connection.wrap_database_errors,
            connection.connection.cursor(name=f"export_{uuid7().hex}") as cursor,
        ):
            cursor.itersize = ROWS_A_FETCH
            cursor.execute(ANSWERS, [project.pk])
            yield from cursor


def _record(row: tuple[Any, ...]) -> dict[str, Any]:
    (uid, revision, answer, active_ms, wall_ms, is_simulated, submitted_at,
     pseudonym, guideline, task_uid, external_id, prompt, bodies, sources) = row  # fmt: skip
    answer, prompt, bodies, sources = (_loaded(value) for value in (answer, prompt, bodies, sources))
    return {
        "schema": SCHEMA,
        "task": str(task_uid),
        "external_id": external_id,
        "lang": prompt["lang"],
        "prompt": [
            {"role": message["role"], "content": content_of(message)} for message in prompt["messages"]
        ],
        "candidates": [
            {"id": key, "content": content_of(body), "lang": body["lang"], "source": sources[key]}
            for key, body in bodies.items()
        ],
        "judgement": {
            "id": str(uid),
            "revision": revision,
            "annotator": pseudonym,
            "guideline": f"v{guideline}" if guideline else None,
            **{name: value for name, value in answer.items() if name != "schema"},
            "active_ms": active_ms,
            "wall_ms": wall_ms,
            "submitted_at": submitted_at.isoformat(),
            "is_simulated": is_simulated,
            "is_repeat_of": None,
        },
    }


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def content_of(message: dict[str, Any]) -> Any:
    """One text part as its text, several as the list of parts: both come back in unchanged."""
    parts = message["parts"]
    return parts[0]["text"] if len(parts) == 1 else parts
