"""What the engine reports becomes rows: metrics, samples, alarms; in batches, under the lease of the job."""

import math
import time
from collections import defaultdict
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.types.json import Jsonb

from jobs.running import JobContext
from jobs.wording import storable
from training.alarms import LARGEST_STEP, Alarm, AlarmUnreadable, alarm_of
from training.models import RunAlarm, TrainingRun

SECONDS_BETWEEN_WRITES = 1.0
MOST_PENDING = 1000
LONGEST_SAMPLE = 20_000
MOST_SAMPLES_A_STEP = 100
MOST_ALARMS_A_STEP = 10

# A resumed run repeats steps: what it says now wins, name by name.
WRITE_METRICS = """
INSERT INTO training_runmetric (run_id, step, "values", created_at)
SELECT %s, step, figures, now() FROM unnest(%s::integer[], %s::jsonb[]) AS row (step, figures)
ON CONFLICT (run_id, step) DO UPDATE SET "values" = training_runmetric."values" || EXCLUDED."values"
"""
WRITE_SAMPLES = """
INSERT INTO training_runsample (run_id, step, position, "values")
SELECT %s, step, position, texts
FROM unnest(%s::integer[], %s::smallint[], %s::jsonb[]) AS row (step, position, texts)
ON CONFLICT (run_id, step, position) DO UPDATE SET "values" = EXCLUDED."values"
"""
WRITE_ALARMS = """
INSERT INTO training_runalarm (run_id, step, kind, reason, hint)
SELECT %s, step, kind, reason, hint
FROM unnest(%s::integer[], %s::varchar[], %s::text[], %s::text[]) AS row (step, kind, reason, hint)
ON CONFLICT (run_id, step, kind) DO UPDATE SET reason = EXCLUDED.reason, hint = EXCLUDED.hint
"""


class Recorder:
    """Takes the engine's lines of one attempt; `flush` writes what is left."""

    def __init__(self, *, context: JobContext, run: TrainingRun) -> None:
        self._context, self._run = context, run
        self._metrics: dict[int, dict[str, float]] = {}
        self._samples: dict[tuple[int, int], dict[str, Any]] = {}
        self._positions: defaultdict[int, int] = defaultdict(int)
        self._alarms: dict[tuple[int, str], Alarm] = {}
        self._kinds: defaultdict[int, set[str]] = defaultdict(set)
        # This attempt says everything anew after this step; an alarm that it does not repeat never stood.
        self._stale_after: int | None = -1
        self._written_at = time.monotonic()
        self._last: dict[str, Any] | None = None

    def take(self, line: dict[str, Any]) -> None:
        """Note one line. The same line may come again after the database failed; it then counts once."""
        if line is not self._last:
            self._note(line)
            self._last = line
        due = time.monotonic() - self._written_at >= SECONDS_BETWEEN_WRITES
        if due or len(self._metrics) + len(self._samples) + len(self._alarms) >= MOST_PENDING:
            self.flush()

    def _note(self, line: dict[str, Any]) -> None:
        kind = line.get("type")
        if kind == "resumed":
            self._note_resumption(line)
            return
        step, values = line.get("step"), line.get("values")
        if not isinstance(step, int) or not 0 <= step <= LARGEST_STEP or not isinstance(values, dict):
            return
        if kind == "metrics":
            self._metrics.setdefault(step, {}).update(finite(values))
        if kind == "sample":
            self._note_sample(step, values)
        if kind == "alarm":
            self._note_alarm(step, values)

    def _note_resumption(self, line: dict[str, Any]) -> None:
        self._context.log(str(line.get("sentence", "Resumed.")))
        step = line.get("step")
        self._stale_after = step if isinstance(step, int) and 0 <= step <= LARGEST_STEP else -1

    def _note_sample(self, step: int, values: dict[str, Any]) -> None:
        position = self._positions[step]
        if position >= MOST_SAMPLES_A_STEP:
            return
        self._positions[step] += 1
        self._samples[step, position] = {str(name): shown(value) for name, value in values.items()}

    def _note_alarm(self, step: int, values: dict[str, Any]) -> None:
        try:
            alarm = alarm_of(values, step=step)
        except AlarmUnreadable as error:
            self._context.log(f"An alarm of step {step} could not be read: {error}")
            return
        kinds = self._kinds[step]
        if alarm.kind in kinds or len(kinds) < MOST_ALARMS_A_STEP:
            kinds.add(alarm.kind)
            self._alarms[step, alarm.kind] = alarm

    def flush(self) -> None:
        """Write what is pending in one transaction; raises LeaseLost when another worker has the job."""
        if not self._metrics and not self._samples and not self._alarms:
            return
        with self._context.fenced(), connection.cursor() as cursor:
            if self._metrics:
                figures = [Jsonb(values) for values in self._metrics.values()]
                cursor.execute(WRITE_METRICS, [self._run.pk, list(self._metrics), figures])
            if self._samples:
                steps, positions = zip(*self._samples, strict=True)
                texts = [Jsonb(values) for values in self._samples.values()]
                cursor.execute(WRITE_SAMPLES, [self._run.pk, list(steps), list(positions), texts])
            self._write_alarms(cursor)
        self._metrics, self._samples, self._alarms = {}, {}, {}
        self._stale_after = None
        self._written_at = time.monotonic()

    def _write_alarms(self, cursor: CursorWrapper) -> None:
        if self._stale_after is not None:
            RunAlarm.objects.filter(run=self._run, step__gt=self._stale_after).delete()
        if self._alarms:
            told = [(alarm.step, alarm.kind, alarm.reason, alarm.hint) for alarm in self._alarms.values()]
            cursor.execute(WRITE_ALARMS, [self._run.pk, *map(list, zip(*told, strict=True))])


def finite(values: dict[str, Any]) -> dict[str, float]:
    """The figures among the values: numbers that JSON and a chart can hold."""
    return {
        storable(str(name), longest=60): value
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def shown(value: object) -> object:
    """A sample's text or number in a form that the database can hold."""
    if isinstance(value, str):
        return storable(value, longest=LONGEST_SAMPLE)
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    return None
