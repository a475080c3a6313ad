"""Stop the Annotera that runs on this home."""

from django.core.management.base import BaseCommand, CommandError

from annotera.embedded.home import home_directory
from annotera.embedded.locking import stop_holder
from annotera.embedded.refusals import Refused

LONGEST_STOP = 15.0


class Command(BaseCommand):
    help = "Stop what `manage.py up` started on this ANNOTERA_HOME, and wait until it has ended."
    requires_system_checks: list[str] = []

    def handle(self, *args: object, **options: object) -> None:
        try:
            stopped = stop_holder(home_directory(), seconds=LONGEST_STOP)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write("Annotera has stopped." if stopped else "Annotera does not run.")
