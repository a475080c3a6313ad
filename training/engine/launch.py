"""From `python -m training.engine.<stage> run.json` to an exit code: 0 done, 1 failed, 3 cancelled."""

import json
import logging
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from training.configs import Config, ConfigInvalid, parse_config
from training.engine.failures import InputUnreadable, explain
from training.engine.journal import Journal
from training.engine.lifeline import die_with_parent
from training.engine.progress import Cancelled, Reporter, claim_standard_output, refuse_non_finite

DONE, FAILED, CANCELLED = 0, 1, 3
SCHEMA = 1
RESULT_NAME = "result.json"


@dataclass
class Run:
    """One started stage: its settings, its directories and the line to its parent."""

    stage: str
    config: Any
    inputs: Mapping[str, Path]
    work: Path
    output: Path
    device: str
    threads: int
    reporter: Reporter
    # Of the process, not of this object: loading torch is part of what a run costs.
    started_at: float
    # Seconds that earlier attempts spent up to the checkpoint from which this one resumed.
    seconds_before: float = 0.0
    cpu_seconds_before: float = 0.0

    def spent(self) -> dict[str, float]:
        return {
            "seconds": round(self.seconds_before + time.monotonic() - self.started_at, 2),
            "cpu_seconds": round(self.cpu_seconds_before + time.process_time(), 2),
        }

    def carry_on_from(self, spent: Mapping[str, float]) -> None:
        self.seconds_before = float(spent.get("seconds", 0.0))
        self.cpu_seconds_before = float(spent.get("cpu_seconds", 0.0))


@dataclass(frozen=True)
class Outcome:
    """What a stage reached; the figures of result.json."""

    metrics: Mapping[str, float | int | None]
    steps: int
    # What speaks against the model although its figures look good; a person must read it.
    alarms: Sequence[Mapping[str, object]] = ()


_held: dict[str, Any] = {}


def take_hold() -> None:
    """Before torch loads (seconds): own stdout, answer SIGTERM, die with the parent, fix the number of
    threads.

    An unreadable run file is reported by `main`, so here it only means that there is nothing to hold on to
    yet.
    """
    # Under torchrun every process runs this; the first one speaks for all.
    reporter = claim_standard_output(speaks=os.environ.get("RANK", "0") == "0")
    reporter.watch_for_cancel()
    _held.update(reporter=reporter, started_at=time.monotonic())
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false")
    try:
        document = read_run_file(sys.argv)
    except InputUnreadable:
        return
    os.environ["OMP_NUM_THREADS"] = str(document["threads"])
    if document["device"] == "cpu":
        # Under torchrun accelerate looks for a GPU else, and starts no second process without one.
        os.environ["ACCELERATE_USE_CPU"] = "true"
    if document["parent_pid"] is not None:
        die_with_parent(parent_pid=document["parent_pid"])


def read_run_file(arguments: list[str]) -> dict[str, Any]:
    if len(arguments) != 2:
        raise InputUnreadable(
            reason="The engine needs one argument.", hint="Give the path of a run.json file."
        )
    try:
        document = json.loads(Path(arguments[1]).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputUnreadable(
            reason=f"The run file {arguments[1]} cannot be read: {error}", hint="Start the run again."
        ) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputUnreadable(
            reason=f"The run file is not of schema {SCHEMA}.",
            hint="Platform and engine must be of one version.",
        )
    return checked_run_file(document)


def checked_run_file(document: dict[str, Any]) -> dict[str, Any]:
    document = {"threads": 1, "parent_pid": None, "device": "auto", "inputs": {}, "config": {}} | document
    kinds = {
        "stage": str,
        "work": str,
        "output": str,
        "device": str,
        "threads": int,
        "inputs": dict,
        "config": dict,
    }
    wrong = [name for name, kind in kinds.items() if not isinstance(document.get(name), kind)]
    if not isinstance(document["parent_pid"], int | None):
        wrong.append("parent_pid")
    if not wrong and document["threads"] < 1:
        wrong.append("threads")
    if not wrong and document["device"] not in {"cpu", "cuda", "auto"}:
        wrong.append("device")
    if wrong:
        raise InputUnreadable(
            reason=f"The run file lacks or misstates: {', '.join(wrong)}.",
            hint="Platform and engine must be of one version.",
        )
    return document


def open_run(*, stage: str, document: Mapping[str, Any], reporter: Reporter) -> Run:
    if document["stage"] != stage:
        raise InputUnreadable(
            reason=f"The run file is for {document['stage']}, not for {stage}.",
            hint="Start the stage that the run file names.",
        )
    try:
        config: Config = parse_config(stage=stage, values=document["config"])
    except ConfigInvalid as error:
        raise InputUnreadable(
            reason=f"The settings were refused: {error}", hint="Correct these fields."
        ) from error
    run = Run(
        stage=stage,
        config=config,
        inputs={name: Path(path) for name, path in document["inputs"].items()},
        work=Path(document["work"]),
        output=Path(document["output"]),
        device=document["device"],
        threads=document["threads"],
        reporter=reporter,
        started_at=_held["started_at"],
    )
    run.work.mkdir(parents=True, exist_ok=True)
    run.output.mkdir(parents=True, exist_ok=True)
    if reporter.speaks:
        reporter.keep_journal(Journal(run.work))
    return run


def main(*, stage: str, train: Callable[[Run], Outcome]) -> int:
    """Run one stage and turn every end of it into the protocol's last line and exit code."""
    reporter: Reporter = _held["reporter"]
    try:
        run = open_run(stage=stage, document=read_run_file(sys.argv), reporter=reporter)
        outcome = train(run)
        if reporter.speaks:
            write_result(run, outcome)
    except Cancelled:
        logging.info("Cancelled; the checkpoint is in place.")
        return CANCELLED
    # The process boundary: whatever happened is recorded for the parent and in the log.
    except Exception as error:  # noqa: BLE001
        traceback.print_exc(file=sys.stderr)
        failure = explain(error)
        reporter.failed(reason=failure.reason, hint=failure.hint)
        return FAILED
    reporter.progress(fraction=1.0, sentence="Done")
    return DONE


def write_result(run: Run, outcome: Outcome) -> None:
    """Write result.json last and atomically: where it exists, the output is complete."""
    metrics = {name: value for name, value in outcome.metrics.items() if value is not None}
    refuse_non_finite(step=outcome.steps, values=metrics)
    result = {
        "schema": SCHEMA,
        "stage": run.stage,
        "metrics": metrics,
        "environment": environment(run),
        "steps": outcome.steps,
        "alarms": [dict(alarm) for alarm in outcome.alarms],
    } | run.spent()
    temporary = run.output / f".{RESULT_NAME}"
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(result, file, indent=1, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(run.output / RESULT_NAME)


def environment(run: Run) -> dict[str, str | int]:
    packages = {name: version(name) for name in ("torch", "transformers", "trl", "peft")}
    facts = {
        "threads": run.threads,
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "device": run.device,
        "seed": run.config.seed,
    }
    return {"python": platform.python_version()} | packages | facts
