"""The stages of the demonstration: their settings, and starting each as the platform does, as a process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from training.engine import journal
from training.engine.demo_world_data import Sizes
from training.engine.failures import EngineFailure
from training.simulated_settings import PPO, PRETRAIN, REWARD, SFT, Config

ROOT = Path(__file__).resolve().parents[2]

# Made to hack: a small fixed price of drift and a shared trunk, against a rule that counts polite words.
HACK: Config = {
    **PPO,
    "kl_coefficient": 0.01,
    "kl_floor": 0.0,
    "kl_target": 0.0,
    "value_model": "shared",
    # So that the whole course of it is seen.
    "kl_stop": 0.0,
}


class StageFailed(EngineFailure):
    """A stage ended without a result; its own reason and hint are passed on."""


class HomeTaken(EngineFailure):
    """The directory holds another world."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a run of the world depends on besides its seed."""

    sizes: Sizes = field(default_factory=Sizes)
    pretrain: Config = field(default_factory=lambda: PRETRAIN)
    sft: Config = field(default_factory=lambda: SFT)
    reward: Config = field(default_factory=lambda: REWARD)
    ppo: Config = field(default_factory=lambda: PPO)
    hack: Config = field(default_factory=lambda: HACK)

    def changed(self, changes: Mapping[str, Mapping[str, Any]]) -> "Settings":
        """These settings with some values replaced, by part: sizes and the names of stages."""
        parts = {
            name: {**getattr(self, name), **values} for name, values in changes.items() if name != "sizes"
        }
        sizes = Sizes(**{**vars(self.sizes), **changes.get("sizes", {})})
        return Settings(**{**vars(self), **parts, "sizes": sizes})


def claim(home: Path, *, seed: int, settings: Settings) -> None:
    """One directory holds one world: figures of two would otherwise be mixed without a word."""
    home.mkdir(parents=True, exist_ok=True)
    mark, wanted = home / "settings.json", json.dumps({"seed": seed} | asdict(settings), indent=1)
    if mark.exists() and mark.read_text(encoding="utf-8") != wanted:
        raise HomeTaken(
            reason=f"{home} holds a world of another seed or other settings.", hint="Name another directory."
        )
    mark.write_text(wanted, encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One process: the module that runs it, its directory, its settings and its inputs."""

    module: str
    stage: str
    directory: Path
    config: Mapping[str, Any]
    inputs: Mapping[str, Path]
    threads: int

    @property
    def output(self) -> Path:
        return self.directory / "output"

    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.output / "result.json").read_text(encoding="utf-8"))
        return document

    def alarms(self) -> list[dict[str, Any]]:
        """Every alarm that was raised on the way, also over policies that were not kept."""
        return self._reported("alarm")

    def last_samples(self) -> list[dict[str, Any]]:
        """The worst, the middle and the best answer of the last batch that was shown."""
        samples = self._reported("sample")
        return [sample for sample in samples if sample["step"] == samples[-1]["step"]]

    def _reported(self, kind: str) -> list[dict[str, Any]]:
        # Split as bytes: an answer may hold signs that end a line for str but not for JSON lines.
        lines = (self.directory / "work" / journal.NAME).read_bytes().splitlines()
        told = (json.loads(line) for line in lines)
        return [{"step": line["step"], **line["values"]} for line in told if line["type"] == kind]

    def run(self, say: Callable[[str], None]) -> dict[str, Any]:
        """Run to the end, or take up what an earlier call left; the result of a finished stage stands.

        Raises StageFailed.
        """
        if not (self.output / "result.json").exists():
            self._run(say)
        return self.result()

    def _run(self, say: Callable[[str], None]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        failure: dict[str, str] = {}
        with (self.directory / "log").open("a", encoding="utf-8") as log, self._start(log) as process:
            for line in process.stdout or ():
                told = json.loads(line)
                if told["type"] == "progress":
                    say(f"{self.directory.name}: {told['sentence']}")
                if told["type"] == "alarm":
                    say(f"{self.directory.name}: ALARM at update {told['step']}: {told['values']['reason']}")
                if told["type"] == "failed":
                    failure = {"reason": told["reason"], "hint": told["hint"]}
        if process.returncode:
            ended = f"The stage {self.directory.name} ended with code {process.returncode}."
            raise StageFailed(
                reason=failure.get("reason", ended),
                hint=failure.get("hint", f"See {self.directory / 'log'}."),
            )

    def _start(self, log: Any) -> subprocess.Popen[str]:
        path = self.directory / "run.json"
        path.write_text(json.dumps(self._document(), indent=1), encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, "-m", self.module, str(path)],
            # An open pipe tells the stage that its parent lives.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": str(self.threads)},
            text=True,
        )

    def _document(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "run": f"simulated-{self.directory.name}",
            "stage": self.stage,
            "request_id": "demo-world",
            "config": dict(self.config),
            "inputs": {name: str(path) for name, path in self.inputs.items()},
            "work": str(self.directory / "work"),
            "output": str(self.output),
            "device": "cpu",
            "threads": self.threads,
            "parent_pid": os.getpid(),
        }
