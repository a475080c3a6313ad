"""Run one command with the database and the queue, starting them when they are not running."""

import argparse
import os
import sys

from django.core.management.base import BaseCommand, CommandError

from annotera.embedded.home import home_directory
from annotera.embedded.installation import run_command, servers, throwaway_servers
from annotera.embedded.refusals import Refused
from annotera.embedded.supervisor import Stopped


class Command(BaseCommand):
    help = "Run COMMAND while PostgreSQL and Valkey run, and end with its exit code."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--throwaway", action="store_true", help="use a fast temporary installation, deleted afterwards"
        )
        parser.add_argument("command", nargs=argparse.REMAINDER, help="the command and its arguments")

    def handle(self, *args: object, **options: object) -> None:
        command = options["command"]
        if not isinstance(command, list) or not command:
            raise CommandError("Name a command, for example: manage.py with-services python manage.py shell")
        try:
            code = self._run_in_throwaway(command) if options["throwaway"] else self._run(command)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        except Stopped:
            code = 130
        sys.exit(code)

    def _run(self, command: list[str]) -> int:
        home = home_directory()
        with servers(
            home=home, environment=os.environ, purpose="with-services", say=self._warn
        ) as supervisor:
            return run_command(supervisor, command, os.environ | {"ANNOTERA_HOME": str(home)})

    def _run_in_throwaway(self, command: list[str]) -> int:
        with throwaway_servers(environment=os.environ, purpose="with-services", say=self._warn) as (
            supervisor,
            home,
        ):
            return run_command(supervisor, command, os.environ | {"ANNOTERA_HOME": str(home)})

    def _warn(self, sentence: str) -> None:
        self.stderr.write(sentence)
