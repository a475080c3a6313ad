"""What a run has reported, on its own disk: a parent that dies takes what it had not stored with it."""

import json
import os
from pathlib import Path

NAME = "reported.jsonl"


class Journal:
    """Lines about steps, in the order in which they were reported."""

    def __init__(self, work: Path) -> None:
        self._path = work / NAME
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, line: bytes) -> None:
        os.write(self._descriptor, line)

    def cut_after(self, step: int) -> list[bytes]:
        """Forget what lies after this step, which will be done again, and give the lines up to it."""
        kept = [line for line in self._path.read_bytes().splitlines(keepends=True) if _is_up_to(line, step)]
        temporary = self._path.with_suffix(".part")
        temporary.write_bytes(b"".join(kept))
        temporary.replace(self._path)
        os.close(self._descriptor)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        return kept


def _is_up_to(line: bytes, step: int) -> bool:
    try:
        return bool(json.loads(line)["step"] <= step)
    except (ValueError, KeyError):
        # The last line of a killed process may be torn.
        return False
