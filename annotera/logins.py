"""Logins of simulated workspaces: shown once, and kept in a file that only their owner can read."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Login:
    name: str
    role: str
    email: str
    password: str


def table_of(logins: Iterable[Login], *, workspace: str) -> str:
    rows = [f"  {row.name:<6} {row.role:<10} {row.email:<20} {row.password}" for row in logins]
    return "\n".join([f"Demo logins (workspace “{workspace}”):", *rows]) + "\n"


def write_privately(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
