"""Handlers for the tests' own kinds of job; a worker loads them with `--include tests.jobs.handlers`."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from jobs.failures import JobFailed, JobRetry
from jobs.registry import handler
from jobs.running import JobContext
from jobs.subprocesses import run_child

ENGINE = Path(__file__).with_name("engine.py")


def note(path: str, **values: object) -> None:
    """One line that is appended whole, whoever else writes."""
    line = json.dumps({"pid": os.getpid(), "at": time.time(), **values}) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)


@handler("test-echo")
def echo(context: JobContext) -> dict[str, Any]:
    note(context.payload["file"], name=context.payload.get("name"), workspace=context.job.workspace_id)
    time.sleep(context.payload.get("seconds", 0))
    return {"heard": context.payload.get("name")}


@handler("test-wait")
def wait(context: JobContext) -> dict[str, Any]:
    """Work in Python alone until it is told to stop or its gate opens."""
    note(context.payload["file"], token=context.lease.token, attempt=context.job.attempt)
    while not Path(context.payload["gate"]).exists():
        context.progress(fraction=0.5, sentence="Waiting at the gate")
        time.sleep(0.05)
    return {}


@handler("test-stale")
def stale(context: JobContext) -> dict[str, Any]:
    """Only the first claim waits at the gate; then it writes without looking first whether it may."""
    note(context.payload["file"], token=context.lease.token)
    while context.lease.token == 1 and not Path(context.payload["gate"]).exists():
        time.sleep(0.05)
    with context.fenced() as job:
        job.hint = f"written by {context.lease.token}"
        job.save(update_fields=["hint"])
    return {"token": context.lease.token}


@handler("test-poison")
def poison(context: JobContext) -> None:
    note(context.payload["file"], attempt=context.job.attempt)
    os.kill(os.getpid(), signal.SIGKILL)


@handler("test-raise")
def raises(context: JobContext) -> dict[str, Any]:
    context.log("about to raise")
    how = context.payload["how"]
    if how == "failed":
        raise JobFailed("The soup is cold.", "Heat it.")
    if how == "retry":
        raise JobRetry("The cook is away.", "Wait.", seconds=context.payload.get("seconds"))
    if how == "full":
        raise OSError(28, "No space left on device")
    if how == "result":
        return {"loss": float("nan")}
    if how == "nul":
        return {"text": "a\x00b"}
    raise RuntimeError("a secret detail")


@handler("test-engine", queue="training")
def engine(context: JobContext) -> dict[str, Any]:
    """Run tests/jobs/engine.py with the payload's mode; what it says is noted."""
    seen: list[dict[str, Any]] = []
    run = {**context.payload, "shared": str(context.shared), "token": context.lease.token}

    def on_line(message: dict[str, Any]) -> None:
        seen.append(message)
        note(context.payload["file"], **{**message, "worker": os.getpid(), "token": context.lease.token})

    run_child(context, [sys.executable, ENGINE, json.dumps(run)], on_line=on_line, threads=1)
    return {"lines": len(seen)}
