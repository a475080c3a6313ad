"""The job of a training run: stage its inputs, run the engine, record what it says, register the model."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from corpus import versions
from jobs.failures import JobCancelled, JobFailed
from jobs.models import Queue
from jobs.registry import handler
from jobs.running import JobContext
from jobs.subprocesses import run_child
from training import registry
from training.models import TrainingRun
from training.recording import Recorder
from training.runs import JOB_KIND

SCHEMA = 1


@handler(JOB_KIND, queue=Queue.TRAINING)
def train(context: JobContext) -> dict[str, object]:
    """Runs again from its checkpoint after a crash; a run whose model is registered is only confirmed."""
    run = TrainingRun.objects.select_related(
        "workspace",
        "dataset_version__workspace",
        "base_model__workspace",
        "reward_model__workspace",
        "second_model__workspace",
        "output_model",
    ).get(uid=context.payload["run"])
    if run.output_model is None:
        context.progress(fraction=0.0, sentence="Preparing the data")
        run_file = write_run_file(context, run, inputs=stage_inputs(context, run))
        run_engine(context, run, run_file)
        collected = registry.collect(workspace=run.workspace, directory=output_of(context))
        with context.fenced():
            run.output_model = registry.register(run=run, collected=collected)
    return {"model": str(run.output_model.uid), "run": str(run.uid)}


def output_of(context: JobContext) -> Path:
    return context.directory / "output"


def stage_inputs(context: JobContext, run: TrainingRun) -> dict[str, str]:
    """Verified local copies: the engine sees paths only."""
    root = context.directory / "inputs"
    inputs = {"dataset": versions.stage(run.dataset_version, root / "dataset")}
    if run.base_model:
        inputs["model"] = registry.stage_model(run.base_model, root / "model")
    if run.reward_model:
        inputs["reward_model"] = registry.stage_model(run.reward_model, root / "reward_model")
    if run.second_model:
        inputs["second_model"] = registry.stage_model(run.second_model, root / "second_model")
    return {name: str(path) for name, path in inputs.items()}


def write_run_file(context: JobContext, run: TrainingRun, *, inputs: dict[str, str]) -> Path:
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "run": str(run.uid),
        "stage": run.stage,
        "request_id": context.job.request_id,
        "config": run.config,
        "inputs": inputs,
        "work": str(context.shared),
        "output": str(output_of(context)),
        "device": settings.ENGINE_DEVICE,
        "threads": settings.ENGINE_THREADS,
        "parent_pid": os.getpid(),
    }
    path = context.directory / "run.json"
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    with context.fenced():
        facts = {"threads": settings.ENGINE_THREADS, "device": settings.ENGINE_DEVICE, "seed": run.seed}
        TrainingRun.objects.filter(pk=run.pk).update(environment=facts)
    return path


def run_engine(context: JobContext, run: TrainingRun, run_file: Path) -> None:
    recorder = Recorder(context=context, run=run)
    module = f"training.engine.{run.stage}"
    try:
        run_child(
            context,
            [sys.executable, "-m", module, run_file],
            on_line=recorder.take,
            threads=settings.ENGINE_THREADS,
        )
    except (JobCancelled, JobFailed):
        # What was measured until then is worth seeing; the lease still holds.
        recorder.flush()
        raise
    recorder.flush()
