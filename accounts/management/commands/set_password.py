"""manage.py set_password EMAIL: another password for somebody who lost the old one."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.passwords import password_from
from accounts.people import replace_password
from core.errors import DomainError


class Command(BaseCommand):
    help = "Set another password, end all sessions of the person, and print the login as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--password-file", type=Path, help="its first line; default: a random password")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            password = password_from(options["password_file"])
            user = replace_password(email=options["email"], new=password)
        except DomainError as error:
            raise CommandError(error.with_reasons()) from error
        self.stdout.write(json.dumps({"email": user.email, "password": password}))
