"""Put the content of a backup in the place of this installation's."""

import argparse
import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from annotera.embedded.installation import servers
from annotera.embedded.locking import lock_holder
from annotera.embedded.refusals import Refused
from annotera.management.keeping import refuse_non_empty, restore


class Command(BaseCommand):
    help = "Restore what `manage.py backup` wrote to PATH; the next `manage.py up` migrates it when needed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="a file that manage.py backup wrote")
        parser.add_argument(
            "--replace", action="store_true", help="throw away what this installation holds now"
        )

    def handle(self, *args: object, path: Path, replace: bool, **options: object) -> None:
        home = settings.ANNOTERA_HOME
        holder = lock_holder(home)
        if holder is not None and holder[1] == "up":
            raise CommandError("Annotera is running: stop it with make stop, then restore.")
        try:
            with servers(home=home, environment=os.environ, purpose="restore", say=self.stderr.write):
                if not replace:
                    refuse_non_empty()
                restore(path=path, say=self.stdout.write)
                connection.close()
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"Restored {path}. Start Annotera with make run.")
