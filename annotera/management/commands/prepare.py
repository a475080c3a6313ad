"""Bring the database and the static files up to this code."""

import argparse
from pathlib import Path

from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.utils.functional import cached_property

from accounts.models import Workspace
from annotera.embedded.refusals import Refused
from annotera.management.keeping import back_up_before_migration
from annotera.management.schema import Migrations, applied_migrations, pending_migrations, refuse_newer
from annotera.management.static_files import collect_when_stale


class Command(BaseCommand):
    help = (
        "Refuse a newer schema, back up a database that has migrations to apply, apply them, collect static "
        "files that changed. `manage.py up` runs it on every start."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--demo-logins",
            type=Path,
            help="load the demo workspace when there is no workspace yet, and write its logins to this file",
        )
        parser.add_argument(
            "--keep-static", action="store_true", help="leave the static files as the image brought them"
        )

    def handle(self, *args: object, demo_logins: Path | None, keep_static: bool, **options: object) -> None:
        try:
            self._migrate()
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        if not keep_static and collect_when_stale():
            self.stdout.write("Collected the static files.")
        if demo_logins is not None:
            self._load_demo(demo_logins)

    @cached_property
    def _applied(self) -> Migrations:
        return applied_migrations()

    def _migrate(self) -> None:
        refuse_newer(
            self._applied, what="The database", remedy="update this installation, or restore a backup."
        )
        pending = pending_migrations()
        if not pending:
            return
        if self._applied:
            self.stdout.write("Backing up the database before migrating it ...")
            self.stdout.write(f"The backup is {back_up_before_migration()}.")
        self.stdout.write(f"Applying {len(pending)} migrations ...")
        call_command("migrate", interactive=False, verbosity=0)

    def _load_demo(self, logins: Path) -> None:
        if Workspace.objects.exists() or "load_demo" not in get_commands():
            return
        self.stdout.write("Loading the demo workspace ...")
        call_command("load_demo", "--credentials-file", str(logins))
        logins.chmod(0o600)
