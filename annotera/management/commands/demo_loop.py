"""manage.py demo_loop: the loop of `make demo`, in an installation whose servers and workers run."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.conf import settings as installation
from django.core.management.base import BaseCommand, CommandError

from annotera.logins import table_of, write_privately
from annotera.loop import report
from annotera.loop.cast import assemble
from annotera.loop.running import SEED, run_loop
from annotera.loop.settings import Settings
from core.errors import DomainError


class Command(BaseCommand):
    help = "Run all ten stages in the simulated world, print one table and write demo.json into the home."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=SEED)
        parser.add_argument("--changes", default="{}", help="changed settings as JSON, by stage")
        parser.add_argument("--logins", type=Path, required=True, help="where the admin's login is written")

    def handle(self, *args: object, seed: int, logins: Path, changes: str, **options: Any) -> None:
        chosen = Settings().changed(json.loads(changes))
        try:
            cast = assemble()
            # Before the long work: whoever stops it can look at what there is.
            write_privately(logins, table_of([cast.login], workspace=cast.workspace.slug))
            document = run_loop(cast=cast, seed=seed, settings=chosen, say=self._say)
        except DomainError as error:
            raise CommandError(error.message) from error
        path = Path(installation.ANNOTERA_HOME) / report.NAME
        report.write(path, document)
        self._say(report.table(document))

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
