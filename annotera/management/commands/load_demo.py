"""manage.py load_demo: the demo workspace with its three logins."""

import argparse
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotera.demo import Login, load_demo
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
        text = "\n".join(["Demo logins (workspace “demo”):", *(_line(login) for login in logins)]) + "\n"
        if credentials_file is None:
            self.stdout.write(text)
            return
        credentials_file.unlink(missing_ok=True)
        descriptor = os.open(credentials_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)


def _line(login: Login) -> str:
    return f"  {login.name:<6} {login.role:<10} {login.email:<20} {login.password}"
