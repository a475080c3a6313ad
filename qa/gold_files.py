"""Gold that comes as a file, and how it is made to look like the work around it."""

import gzip
import random
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotation.copying import new_uids
from annotation.imports import ImportRefused
from annotation.intake import parse_line
from annotation.models import Candidate, Project
from core.json_lines import LineUnreadable

MOST_RECORDS = 2000
MOST_PROBLEMS = 100
# Of all the work a sample is enough to look alike.
SAMPLE = 200
TIME_BITS = 80
DRAW = random.SystemRandom()


def read_gold_lines(lines: Iterable[bytes]) -> list[Mapping[str, Any]]:
    """JSON lines as records; raises ImportRefused with the number of each line that cannot be read."""
    found: list[Mapping[str, Any]] = []
    problems: dict[str, str] = {}
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            _read_line(number, line, found, problems)
            if len(found) > MOST_RECORDS or len(problems) > MOST_PROBLEMS:
                break
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        problems[f"line {number + 1}"] = f"the compressed file is damaged or cut off: {error}"
    if problems:
        raise ImportRefused(
            _("%(count)d lines cannot be imported; nothing was stored.") % {"count": len(problems)},
            fields=problems,
        )
    return found


def _read_line(number: int, line: bytes, found: list[Mapping[str, Any]], problems: dict[str, str]) -> None:
    if not line.strip(b" \t\r\n"):
        return
    try:
        value = parse_line(line, is_first=number == 1)
    except LineUnreadable as error:
        problems[f"line {number}"] = str(error)
        return
    if isinstance(value, Mapping):
        found.append(value)
        return
    problems[f"line {number}"] = _("must be a JSON object")


def aged_uids(project: Project) -> Callable[[int], list[uuid.UUID]]:
    """Identifiers as old as those of the project's work, one age for all candidates of a task.

    The first 48 bits of an identifier are the time at which it was made. Candidates of gold that was imported
    later, or that differ in age from one another, would be known by it in the browser.
    """
    work = Candidate.objects.filter(task__project=project, task__purpose="work", position=0).order_by("?")
    times = [uid.int >> TIME_BITS for uid in work.values_list("uid", flat=True)[:SAMPLE]]
    if not times:
        return new_uids

    def aged(count: int) -> list[uuid.UUID]:
        time = DRAW.choice(times) << TIME_BITS
        return [uuid.UUID(int=time | uid.int & ((1 << TIME_BITS) - 1)) for uid in new_uids(count)]

    return aged
