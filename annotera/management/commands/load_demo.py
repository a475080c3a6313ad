"""manage.py load_demo: the demo workspace with its three logins."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotera.demo import load_demo
from annotera.logins import table_of, write_privately
from core.errors import DomainError


class Command(BaseCommand):
    help = "Make the workspace “demo” with simulated data and print its logins."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--credentials-file", type=Path, help="write the logins here instead, mode 0600")

    def handle(self, *args: object, credentials_file: Path | None, **options: Any) -> None:
        try:
            logins = load_demo()
        except DomainError as error:
            raise CommandError(error.message) from error
        if credentials_file is None:
            self.stdout.write(table_of(logins, workspace="demo"))
            return
        write_privately(credentials_file, table_of(logins, workspace="demo"))
