"""What a stage tells its parent: one JSON object a line on the real standard output, and nothing else
there.
"""

import json
import logging
import math
import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType

from training.engine.failures import Diverged
from training.engine.journal import Journal

log = logging.getLogger(__name__)


class Cancelled(Exception):
    """The parent asked to stop and a usable checkpoint is on disk."""


class Reporter:
    """Writes the protocol's lines and remembers whether the parent asked to stop."""

    _journal: Journal | None = None

    def __init__(self, descriptor: int, *, speaks: bool = True) -> None:
        self._descriptor = descriptor
        # Of several processes that learn together only one does.
        self.speaks = speaks
        self.cancelled = False

    def keep_journal(self, journal: Journal) -> None:
        self._journal = journal

    def watch_for_cancel(self) -> None:
        signal.signal(signal.SIGTERM, self._on_term)

    def _on_term(self, signum: int, frame: FrameType | None) -> None:
        self.cancelled = True

    def progress(self, *, fraction: float, sentence: str) -> None:
        self._emit(
            {"type": "progress", "fraction": round(min(1.0, max(0.0, fraction)), 4), "sentence": sentence}
        )

    def metrics(self, *, step: int, values: Mapping[str, float | int | None]) -> dict[str, float | int]:
        """Report figures; a figure that is None is left out, one that is not finite ends the run
        (Diverged).
        """
        known = {name: value for name, value in values.items() if value is not None}
        refuse_non_finite(step=step, values=known)
        self._note({"type": "metrics", "step": step, "values": known})
        return known

    def sample(self, *, step: int, prompt: str, response: str, score: float) -> None:
        values = {"prompt": prompt, "response": response, "score": score}
        self._note({"type": "sample", "step": step, "values": values})

    def alarm(self, *, step: int, kind: str, reason: str, hint: str) -> None:
        """Tell a person that the model may serve its score and not its users."""
        self._note({"type": "alarm", "step": step, "values": {"kind": kind, "reason": reason, "hint": hint}})

    def checkpoint(self, *, step: int) -> None:
        self._emit({"type": "checkpoint", "step": step})

    def resumed(self, *, step: int, sentence: str) -> None:
        """Say where the run goes on, and say again what was reported up to there: the parent may have died
        before it was stored.
        """
        self._emit({"type": "resumed", "step": step, "sentence": sentence})
        for line in self._journal.cut_after(step) if self._journal else ():
            self._write(line)

    def started_afresh(self) -> None:
        """Forget what an attempt without a checkpoint reported: all of it will be said again."""
        if self._journal:
            self._journal.cut_after(-1)

    def failed(self, *, reason: str, hint: str) -> None:
        self._emit({"type": "failed", "reason": reason, "hint": hint})

    def _note(self, line: Mapping[str, object]) -> None:
        data = encoded(line)
        if self._journal:
            self._journal.note(data)
        self._write(data)

    def _emit(self, line: Mapping[str, object]) -> None:
        self._write(encoded(line))

    def _write(self, data: bytes) -> None:
        while data and self.speaks:
            data = data[os.write(self._descriptor, data) :]


def encoded(line: Mapping[str, object]) -> bytes:
    # A lone surrogate from a decoder cannot be stored as text later, so it is replaced here.
    text = json.dumps(line, allow_nan=False, ensure_ascii=False)
    return text.encode("utf-8", errors="replace") + b"\n"


def refuse_non_finite(*, step: int, values: Mapping[str, float | int]) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise Diverged(name=name, step=step)


def claim_standard_output(*, speaks: bool = True) -> Reporter:
    """Keep the real stdout for the protocol and point descriptor 1 at stderr: a chatty library lands in the
    log.
    """
    sys.stdout.flush()
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return Reporter(descriptor, speaks=speaks)
