"""Runs and models made without the engine, for the tests of everything around it."""

import json
import struct
from pathlib import Path
from typing import Any

from accounts.models import Membership, Workspace
from corpus.models import DatasetVersion
from jobs.models import Job
from tests.corpus.frozen import freeze, source_parent
from training import registry
from training.models import ModelVersion, TrainingRun
from training.runs import start_run


def safetensors(*, values: int = 4) -> bytes:
    header = json.dumps(
        {"weight": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + b"\x00" * (4 * values)


def write_output(
    directory: Path, *, stage: str = "pretrain", seed: int = 0, alarms: object = None, **metrics: float
) -> Path:
    """What the engine leaves behind; the seed makes the weights differ."""
    directory.mkdir(parents=True)
    (directory / "model.safetensors").write_bytes(safetensors(values=4 + seed))
    (directory / "config.json").write_text(json.dumps({"model_type": "llama", "seed": seed}))
    (directory / "tokenizer.json").write_text("{}")
    result = {
        "schema": 1, "stage": stage, "metrics": metrics or {"heldout_loss": 1.5}, "steps": 3,
        "environment": {"torch": "2.13.0", "device": "cpu", "seed": 17}, "seconds": 2.5, "cpu_seconds": 2.0,
    }  # fmt: skip
    if alarms is not None:
        result["alarms"] = alarms
    (directory / "result.json").write_text(json.dumps(result))
    return directory


def frozen(workspace: Workspace, name: str = "boxes") -> DatasetVersion:
    return DatasetVersion.objects.filter(workspace=workspace, dataset__name=name).first() or freeze(
        workspace, name=name, parents=[source_parent()]
    )


def make_run(workspace: Workspace, stage: str = "pretrain", **parts: Any) -> TrainingRun:
    parts = {"config_values": {}, "name": f"a {stage}"} | parts
    if "dataset_version" not in parts:
        parts["dataset_version"] = frozen(workspace)
    return start_run(workspace=workspace, stage=stage, **parts)


def finish(run: TrainingRun, directory: Path, *, alarms: object = None, **metrics: float) -> ModelVersion:
    """Register a model for the run, as its job would."""
    output = write_output(
        directory / str(run.uid), stage=run.stage, seed=run.pk % 50, alarms=alarms, **metrics
    )
    collected = registry.collect(workspace=run.workspace, directory=output)
    model = registry.register(run=run, collected=collected)
    Job.objects.filter(pk=run.job_id).update(state=Job.State.SUCCEEDED, ended_at=run.created_at, progress=1.0)
    return model


def make_model(workspace: Workspace, directory: Path, stage: str = "pretrain", **parts: Any) -> ModelVersion:
    if stage != "pretrain" and "base_model" not in parts:
        parts["base_model"] = make_model(workspace, directory)
    if stage == "ppo" and "reward_model" not in parts:
        parts["reward_model"] = make_model(workspace, directory, "reward", base_model=parts["base_model"])
    return finish(make_run(workspace, stage, **parts), directory)


def start_by(membership: Membership) -> TrainingRun:
    return make_run(membership.workspace, by=membership)
