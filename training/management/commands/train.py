"""manage.py train STAGE --workspace W --dataset D [--model M] [--reward-model R] [--wait] ..."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.workspaces import workspace_named
from core.errors import DomainError
from jobs.models import Job
from training.configs import STAGES, ConfigInvalid
from training.following import follow, outcome
from training.models import TrainingRun
from training.references import dataset_version_named, model_named
from training.runs import start_run
from training.typed_settings import assignments, typed_values

# The parts of a run that are models, and the options that name them.
MODELS = {"base_model": "model", "reward_model": "reward_model", "second_model": "second_model"}


class Command(BaseCommand):
    help = "Start a training run; with --wait, follow it to its end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("stage", choices=list(STAGES))
        parser.add_argument("--workspace", required=True, help="Short name of the workspace.")
        parser.add_argument(
            "--dataset", required=True, help="Id, “name v2”, or a name for its newest version."
        )
        parser.add_argument("--model", default="", help="The model to start from, named in the same ways.")
        parser.add_argument("--reward-model", default="", help="For ppo.")
        parser.add_argument(
            "--second-model",
            default="",
            help="For ppo: another reward model that only judges the held-out answers.",
        )
        parser.add_argument("--name", default="", help="Name of the run and of its model.")
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings_given")
        parser.add_argument("--wait", action="store_true", help="Follow the run to its end.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = _start(options)
        except ConfigInvalid as error:
            raise CommandError(str(error)) from error
        except DomainError as error:
            fields = [f"{name}: {reason}" for name, reason in error.fields.items()]
            raise CommandError("\n".join(fields or [error.message])) from error
        if options["wait"]:
            self._follow(run)
            return
        self.stdout.write(json.dumps({"run": str(run.uid), "state": run.job.state}))

    def _follow(self, run: TrainingRun) -> None:
        try:
            ended = follow(run, tell=self.stderr.write)
        except KeyboardInterrupt as error:
            raise CommandError(f"No longer watching; the run {run.uid} goes on.") from error
        self.stdout.write(json.dumps(outcome(ended), ensure_ascii=False))
        if ended.job.state != Job.State.SUCCEEDED:
            raise CommandError(
                " ".join([ended.job.reason or ended.job.get_state_display(), ended.job.hint]).strip()
            )


def _start(options: dict[str, Any]) -> TrainingRun:
    workspace = workspace_named(options["workspace"])
    values = typed_values(stage=options["stage"], texts=assignments(options["settings_given"]))
    models = {
        part: model_named(workspace=workspace, text=options[option]) if options[option] else None
        for part, option in MODELS.items()
    }
    return start_run(
        workspace=workspace,
        stage=options["stage"],
        name=options["name"],
        config_values=values,
        dataset_version=dataset_version_named(workspace=workspace, text=options["dataset"]),
        by=None,
        **models,
    )
