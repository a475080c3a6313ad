"""manage.py add_user NAME --workspace W --role R: a person with a password, or a place for a known one."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.text import slugify

from accounts.members import join
from accounts.models import Role, User, Workspace
from accounts.passwords import password_from
from accounts.people import create_person, normal_email
from accounts.tokens import create_token
from accounts.workspaces import workspace_named
from core.errors import DomainError


class Command(BaseCommand):
    help = "Add a person to a workspace and print the login as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--workspace", required=True, help="the workspace's short name")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--email", default="", help="default: <name>@<workspace>.local")
        parser.add_argument("--password-file", type=Path, help="its first line; default: a random password")
        parser.add_argument("--token", action="store_true", help="also make an API token")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                made = _add(options)
        except DomainError as error:
            raise CommandError(error.with_reasons()) from error
        self.stdout.write(json.dumps(made))


def _add(options: dict[str, Any]) -> dict[str, str]:
    workspace = workspace_named(options["workspace"])
    email = normal_email(options["email"] or _default_email(options["name"], workspace))
    made = {"workspace": workspace.slug, "role": options["role"], "email": email}
    user = User.objects.filter(email=email).first()
    if user is None:
        made["password"] = password_from(options["password_file"])
        user = create_person(email=email, name=options["name"], password=made["password"])
    membership = join(workspace=workspace, user=user, role=Role(options["role"]))
    made["pseudonym"] = membership.pseudonym
    if options["token"]:
        made["token"] = create_token(membership=membership, name="add_user")[1]
    return made


def _default_email(name: str, workspace: Workspace) -> str:
    return f"{slugify(name) or 'person'}@{workspace.slug.replace('_', '-')}.local"
