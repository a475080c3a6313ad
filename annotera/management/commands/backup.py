"""Write everything that an installation holds to one file."""

import argparse
import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from annotera.embedded.installation import servers
from annotera.embedded.refusals import Refused
from annotera.management.keeping import back_up, local_blobs


class Command(BaseCommand):
    help = "Write database, blobs and secrets to PATH (a tar file that only you can read)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the file to write; it must not exist yet")

    def handle(self, *args: object, path: Path, **options: object) -> None:
        if path.exists():
            raise CommandError(f"{path} exists: name a new file.")
        if not path.absolute().parent.is_dir():
            raise CommandError(f"{path.absolute().parent} is not a directory: make it first.")
        home = settings.ANNOTERA_HOME
        if local_blobs() is None:
            self.stderr.write(f"The blobs in {settings.BLOB_ROOT} are not part of this backup.")
        try:
            with servers(home=home, environment=os.environ, purpose="backup", say=self.stderr.write):
                back_up(path=path, with_blobs=local_blobs())
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"Wrote {path} ({path.stat().st_size / 1_000_000:.1f} MB). It holds secrets: keep it safe."
        )
