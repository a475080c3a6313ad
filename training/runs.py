"""Starting and cancelling training runs: the run, its job and the audit event stand or fall together."""

import dataclasses
from collections.abc import Mapping

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, Membership, Workspace
from core.text import is_one_line
from corpus.models import DatasetVersion
from jobs import launching
from jobs.models import Queue
from training.configs import Config, ConfigInvalid, parse_config
from training.models import ModelVersion, Stage, TrainingRun
from training.run_checks import RunRefused, known_stage, problems

JOB_KIND = "training.run"
LONGEST_NAME = 120


def start_run(
    *,
    workspace: Workspace,
    stage: str,
    config_values: Mapping[str, object],
    dataset_version: DatasetVersion | None,
    name: str = "",
    base_model: ModelVersion | None = None,
    reward_model: ModelVersion | None = None,
    second_model: ModelVersion | None = None,
    by: Membership | None = None,
) -> TrainingRun:
    """Queue a training run. Raises RunRefused that names every part and every setting that does not fit."""
    known = known_stage(stage)
    refused = problems(
        workspace=workspace,
        stage=known,
        dataset_version=dataset_version,
        base_model=base_model,
        reward_model=reward_model,
        second_model=second_model,
    )
    config = _checked_config(known, config_values, refused)
    name = _checked_name(name or default_name(known, dataset_version), refused)
    if refused or config is None or dataset_version is None:
        raise RunRefused(refused)
    with transaction.atomic():
        return _create(
            TrainingRun(
                workspace=workspace,
                name=name,
                stage=known,
                config=dataclasses.asdict(config),
                seed=config.seed,
                dataset_version=dataset_version,
                base_model=base_model,
                reward_model=reward_model,
                second_model=second_model,
                created_by=by,
            )
        )


def default_name(stage: Stage, version: DatasetVersion | None) -> str:
    return f"{version.dataset.name[:90]} {stage}" if version else str(stage)


def _checked_config(stage: Stage, values: Mapping[str, object], refused: dict[str, str]) -> Config | None:
    try:
        return parse_config(stage=stage, values=values)
    except ConfigInvalid as error:
        refused.update({name: _(message) for name, message in error.fields.items()})
        return None


def _checked_name(name: str, refused: dict[str, str]) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not is_one_line(name):
        refused["name"] = _("A name has 1 to %(most)d printable characters.") % {"most": LONGEST_NAME}
    return name


def _create(run: TrainingRun) -> TrainingRun:
    run.job = launching.enqueue(
        workspace=run.workspace,
        kind=JOB_KIND,
        queue=Queue.TRAINING,
        title=f"{Stage(run.stage).label}: {run.name}",
        payload={"run": str(run.uid)},
        created_by=run.created_by,
        requirements={"cpu": settings.ENGINE_THREADS},
    )
    run.save(force_insert=True)
    audit.record(
        kind=AuditEvent.Kind.RUN_STARTED,
        workspace=run.workspace,
        membership=run.created_by,
        object_kind="training_run",
        object_uid=run.uid,
        name=run.name,
        stage=run.stage,
        dataset_version=str(run.dataset_version.uid),
    )
    return run


def cancel_run(*, run: TrainingRun, by: Membership) -> TrainingRun:
    """Ask the run's job to stop; it keeps its metrics and makes no model. Raises JobEnded when it is over."""
    with transaction.atomic():
        run.job = launching.cancel(job=run.job, by=by)
        audit.record(
            kind=AuditEvent.Kind.RUN_CANCELLED,
            membership=by,
            object_kind="training_run",
            object_uid=run.uid,
            name=run.name,
        )
    return run
