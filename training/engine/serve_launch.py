"""What the resident process does before torch loads: read its settings, hold on to its parent."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.engine.failures import InputUnreadable
from training.engine.lifeline import die_with_parent
from training.engine.progress import Reporter, claim_standard_output

SCHEMA = 1
KINDS = {"model": str, "socket": str, "threads": int, "device": str}


@dataclass(frozen=True)
class Settings:
    model: Path
    socket: Path
    threads: int
    device: str


@dataclass(frozen=True)
class Hold:
    reporter: Reporter
    settings: Settings


def take_hold(arguments: list[str]) -> Hold:
    """Loading torch takes seconds: own stdout, die with the parent and fix the number of threads before."""
    reporter = claim_standard_output()
    os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false")
    try:
        document = read_document(arguments)
    except InputUnreadable as error:
        reporter.failed(reason=error.reason, hint=error.hint)
        sys.exit(1)
    os.environ["OMP_NUM_THREADS"] = str(document["threads"])
    if document["parent_pid"] is not None:
        die_with_parent(parent_pid=document["parent_pid"])
    settings = Settings(
        model=Path(document["model"]),
        socket=Path(document["socket"]),
        threads=document["threads"],
        device=document["device"],
    )
    return Hold(reporter=reporter, settings=settings)


def read_document(arguments: list[str]) -> dict[str, Any]:
    hint = "Give the path of a serve.json file of this version."
    try:
        document = json.loads(Path(arguments[1]).read_text(encoding="utf-8"))
    except (IndexError, OSError, ValueError) as error:
        raise InputUnreadable(reason=f"The settings cannot be read: {error}", hint=hint) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputUnreadable(reason=f"The settings are not of schema {SCHEMA}.", hint=hint)
    defaults: dict[str, Any] = {"threads": 1, "device": "auto", "parent_pid": None}
    document = defaults | document
    wrong = [name for name, kind in KINDS.items() if not isinstance(document.get(name), kind)]
    if not isinstance(document["parent_pid"], int | None):
        wrong.append("parent_pid")
    if not wrong and document["threads"] < 1:
        wrong.append("threads")
    if not wrong and document["device"] not in {"cpu", "cuda", "auto"}:
        wrong.append("device")
    if wrong:
        raise InputUnreadable(reason=f"The settings lack or misstate: {', '.join(wrong)}.", hint=hint)
    return document
