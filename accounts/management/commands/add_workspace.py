"""manage.py add_workspace NAME: a new, empty workspace."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.workspaces import create_workspace
from core.errors import DomainError


class Command(BaseCommand):
    help = "Make a workspace and print it as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--slug", default="", help="short name in addresses (default: made from the name)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            workspace = create_workspace(name=options["name"], slug=options["slug"])
        except DomainError as error:
            raise CommandError(error.with_reasons()) from error
        self.stdout.write(json.dumps({"workspace": workspace.slug, "name": workspace.name}))
