"""Stages 4 to 6 of the loop: the training runs, and the figures that only the simulated world can give."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings as installation
from django.utils.translation import gettext as _

from annotera.loop.cast import Cast
from annotera.loop.settings import Settings
from annotera.loop.waiting import Say, StepFailed, until_done
from corpus import versions
from corpus.models import DatasetVersion
from training import registry
from training.models import ModelVersion, Stage, TrainingRun
from training.runs import start_run
from training.simulated_settings import Config


def train(
    *,
    cast: Cast,
    stage: Stage,
    name: str,
    data: DatasetVersion,
    config: Config,
    seed: int,
    say: Say,
    base_model: ModelVersion | None = None,
    reward_model: ModelVersion | None = None,
) -> ModelVersion:
    """Queue a run as the page does, wait for it, and give the registered model."""
    run = start_run(
        workspace=cast.workspace,
        stage=stage,
        config_values={**config, "seed": seed},
        dataset_version=data,
        name=name,
        base_model=base_model,
        reward_model=reward_model,
        by=cast.admin,
    )
    return model_of(run, say=say)


def model_of(run: TrainingRun, *, say: Say) -> ModelVersion:
    until_done(run.job, say=say)
    finished = TrainingRun.objects.select_related("output_model__workspace").get(pk=run.pk)
    if finished.output_model is None:
        raise StepFailed(_("The run %(name)s made no model.") % {"name": run.name})
    return finished.output_model


def truth(
    *,
    folder: Path,
    settings: Settings,
    preferences: DatasetVersion,
    prompts: DatasetVersion,
    sft: ModelVersion,
    reward: ModelVersion,
    ppo: ModelVersion,
    seed: int,
) -> dict[str, Any]:
    """What the models reached by the world's own rule, measured in a process of its own, which has torch."""
    asked = {
        "preferences": str(versions.stage(preferences, folder / "preferences")),
        "prompts": str(versions.stage(prompts, folder / "prompts")),
        "sft": str(registry.stage_model(sft, folder / "sft")),
        "reward": str(registry.stage_model(reward, folder / "reward")),
        "ppo": str(registry.stage_model(ppo, folder / "ppo")),
        "skip": settings.ppo["evaluation_rows"],
        "max_new_tokens": settings.ppo["max_new_tokens"],
        "seed": seed,
        "threads": installation.ENGINE_THREADS,
    }
    path = folder / "measure.json"
    path.write_text(json.dumps(asked), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "training.engine.demo_measure", str(path)],
        cwd=installation.BASE_DIR,
        env=os.environ | {"OMP_NUM_THREADS": str(installation.ENGINE_THREADS)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StepFailed(_("The measurement failed: %(words)s") % {"words": done.stderr[-500:]})
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
