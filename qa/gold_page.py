"""The context of the gold page: each gold task with its known answer and how people met it."""

import json
import string
from collections.abc import Mapping
from typing import Any

from django.utils.translation import ngettext

from annotation.models import Project
from annotation.texts import opening_of, shown, text_of
from qa.listing import GoldRow, gold_rows, unseen_tasks
from qa.review_page import SHOWN_CHARACTERS
from qa.side_by_side import in_words


def gold_context(project: Project) -> dict[str, Any]:
    """The doubtful ones first, the retired ones last."""
    rows = sorted(gold_rows(project), key=lambda row: (row.is_retired, not row.is_doubtful))
    return {
        "project": project,
        "rows": [_shown(project, row) for row in rows],
        "in_use": sum(not row.is_retired for row in rows),
        "doubtful": sum(row.is_doubtful for row in rows),
        "retired": sum(row.is_retired for row in rows),
        "answers": sum(row.answered for row in rows),
        "right": sum(row.right for row in rows),
        "offered": [
            (task, opening_of(task.body, longest=SHOWN_CHARACTERS)) for task in unseen_tasks(project)
        ],
        "example": example_line(project),
    }


def _shown(project: Project, row: GoldRow) -> dict[str, Any]:
    body = row.gold.task.body
    letters = dict(zip(row.candidates, string.ascii_uppercase, strict=False))
    return {
        "row": row,
        "opening": opening_of(row.gold.task.body, longest=SHOWN_CHARACTERS),
        "answer": _answer(project, row.gold.accepted, letters),
        "messages": [shown(message, lang=body.prompt["lang"]) for message in body.prompt["messages"]],
        "candidates": [
            (letter, text_of(body.candidates[uid]))
            for uid, letter in letters.items()
            if uid in body.candidates
        ],
    }


def _answer(project: Project, accepted: list[Mapping[str, Any]], letters: Mapping[str, str]) -> str:
    if not accepted:
        return ""
    first = in_words(project.kind, accepted[0], letters)
    more = len(accepted) - 1
    if not more:
        return first
    others = ngettext("or %(count)d other", "or %(count)d others", more) % {"count": more}
    return f"{first} {others}"


def example_line(project: Project) -> str:
    """One line of a gold file, as this project takes it."""
    if project.kind == Project.Kind.CLASSIFICATION:
        line = {"prompt": "The parcel came late.", "gold": {"labels": project.labels[:1]}}
    else:
        line = {
            "prompt": "How do I clean a lamp?",
            "candidates": ["Wipe it with a dry cloth.", "Stop bothering me."],
            "gold": {"ranking": [[0], [1]]},
        }
    return json.dumps({**line, "explanation": "Why this is right."}, ensure_ascii=False)
