"""Starting engine stages as the platform starts them: a run.json, a process, JSON lines."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
DEADLINE = 120


@dataclass(frozen=True)
class Finished:
    """What a stage said and left behind."""

    code: int
    lines: list[dict[str, Any]]
    output: Path

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.output / "result.json").read_text())
        return document

    @property
    def metrics(self) -> dict[str, float]:
        figures: dict[str, float] = self.result["metrics"]
        return figures

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["type"] == kind]

    def series(self, name: str) -> list[float]:
        return [line["values"][name] for line in self.of_type("metrics") if name in line["values"]]

    def weights_hash(self) -> str:
        return sha256((self.output / "model.safetensors").read_bytes()).hexdigest()


def write_run_file(
    home: Path,
    stage: str,
    *,
    config: Mapping[str, object],
    inputs: Mapping[str, Path],
    **changes: object,
) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": 1,
        "run": "a-run",
        "stage": stage,
        "request_id": "a-request",
        "config": dict(config),
        "inputs": {name: str(path) for name, path in inputs.items()},
        "work": str(home / "work"),
        "output": str(home / "output"),
        "device": "cpu",
        "threads": 1,
        "parent_pid": None,
    }
    path = home / "run.json"
    path.write_text(json.dumps(document | changes))
    return path


def start(path: Path, stage: str, **options: Any) -> subprocess.Popen[str]:
    """The process writes into files, so a test can look at its lines at any time."""
    with (path.parent / "stdout").open("w") as stdout, (path.parent / "stderr").open("a") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", f"training.engine.{stage}", str(path)],
            stdout=stdout,
            stderr=stderr,
            stdin=options.pop("stdin", subprocess.DEVNULL),
            cwd="/",
            env=ENVIRONMENT,
            text=True,
            **options,
        )


def finish(process: subprocess.Popen[str], path: Path) -> Finished:
    code = process.wait(timeout=DEADLINE)
    return Finished(code=code, lines=lines_so_far(path), output=path.parent / "output")


def run_stage(
    home: Path,
    stage: str,
    *,
    config: Mapping[str, object],
    inputs: Mapping[str, Path],
    **changes: object,
) -> Finished:
    path = write_run_file(home, stage, config=config, inputs=inputs, **changes)
    return finish(start(path, stage), path)


def succeed(finished: Finished) -> Finished:
    assert finished.code == 0, (
        finished.of_type("failed"),
        (finished.output.parent / "stderr").read_text()[-3000:],
    )
    return finished


def lines_so_far(path: Path) -> list[dict[str, Any]]:
    """Every complete line of stdout; one that is no JSON object fails the test."""
    text = (path.parent / "stdout").read_text()
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def wait_until(condition: Callable[[], bool], *, seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "The condition did not come true in time."
        time.sleep(0.02)


def wait_for_line(path: Path, **expected: object) -> None:
    """Until a line with these fields appeared."""

    def seen() -> bool:
        return any(line.items() >= expected.items() for line in lines_so_far(path))

    wait_until(seen)
