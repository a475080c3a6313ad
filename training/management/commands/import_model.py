"""manage.py import_model DIRECTORY --workspace W --name N --licence SPDX [--stage sft]"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.workspaces import workspace_named
from core.errors import DomainError
from training.model_imports import import_model
from training.models import Stage


class Command(BaseCommand):
    help = "Register a model from elsewhere: a directory of safetensors and JSON files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path)
        parser.add_argument("--workspace", required=True, help="Short name of the workspace.")
        parser.add_argument("--name", required=True, help="Name of the model.")
        parser.add_argument("--licence", required=True, help="SPDX expression, e.g. Apache-2.0.")
        parser.add_argument(
            "--stage",
            choices=Stage.values,
            default=Stage.SFT.value,
            help="What the model is: sft, a chat model, by default.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            model = import_model(
                workspace=workspace_named(options["workspace"]),
                directory=options["directory"],
                name=options["name"],
                stage=options["stage"],
                licence=options["licence"],
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        facts = {"model": str(model.uid), "name": str(model), "sha256": model.sha256}
        self.stdout.write(json.dumps(facts, ensure_ascii=False))
