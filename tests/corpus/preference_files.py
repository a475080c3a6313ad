"""Small Human/Assistant preference files for the tests."""

import gzip
import json
from pathlib import Path

THINGS = ["sea", "sky", "moon", "river", "stone", "tree", "wind", "fire", "snow", "sand", "leaf", "cloud"]


def dialogue(question: str, answer: str) -> str:
    return f"\n\nHuman: {question}\n\nAssistant: {answer}"


def row(question: str, chosen: str = "A good answer.", rejected: str = "A bad answer.") -> dict[str, str]:
    return {"chosen": dialogue(question, chosen), "rejected": dialogue(question, rejected)}


def good_rows(count: int = 12) -> list[dict[str, str]]:
    return [
        row(f"Why is the {THINGS[number % len(THINGS)]} number {number} so?", f"Because of {number}.")
        for number in range(count)
    ]


def write_lines(path: Path, lines: list[bytes]) -> Path:
    content = b"".join(line + b"\n" for line in lines)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    return write_lines(path, [json.dumps(entry).encode() for entry in rows])
