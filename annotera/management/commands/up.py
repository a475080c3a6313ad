"""Start Annotera with everything it needs, and keep it running until Ctrl-C."""

import errno
import os

from django.core.management.base import BaseCommand, CommandError

from annotera.embedded.home import home_directory
from annotera.embedded.installation import run_everything
from annotera.embedded.refusals import Refused


class Command(BaseCommand):
    help = (
        "Start database, queue, web server and workers, and keep them running until Ctrl-C. "
        "PORT and ANNOTERA_HOME choose port and folder; DATABASE_URL and BROKER_URL replace embedded servers."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: object, **options: object) -> None:
        home = home_directory()
        try:
            run_everything(home=home, environment=os.environ, say=self._say)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise CommandError(
                f"The disk of {home} is full: free some space, or set ANNOTERA_HOME to another disk."
            ) from error

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
