"""The simulated people of the demonstration: an admin, a reviewer, writers, and the annotators."""

import secrets
from dataclasses import dataclass

from accounts.consent import give_consent
from accounts.members import join
from accounts.models import Membership, Role, User, Workspace
from accounts.people import create_person
from accounts.workspaces import create_workspace
from annotera.logins import Login
from training.simulated_annotators import Annotator, annotators

SLUG = "loop"
WRITERS = 2


@dataclass(frozen=True)
class Cast:
    workspace: Workspace
    login: Login
    admin: Membership
    reviewer: Membership
    writers: list[Membership]
    annotators: list[tuple[Membership, Annotator]]


def assemble() -> Cast:
    """Raises Conflict when this installation has a loop already."""
    workspace = create_workspace(name="The whole loop (simulated)", slug=SLUG)
    return Cast(
        workspace=workspace,
        login=_visitor(workspace),
        admin=_member(workspace, "Simulated admin", Role.ADMIN),
        reviewer=_member(workspace, "Simulated reviewer", Role.REVIEWER),
        writers=[
            _member(workspace, f"Simulated writer {number + 1}", Role.ANNOTATOR) for number in range(WRITERS)
        ],
        annotators=[
            (_member(workspace, behaviour.id.replace("-", " ").capitalize(), Role.ANNOTATOR), behaviour)
            for behaviour in annotators()
        ],
    )


def _visitor(workspace: Workspace) -> Login:
    """Whoever looks at the loop afterwards; this person did nothing in it and is not simulated."""
    login = Login("Alice", Role.ADMIN.value, f"alice@{workspace.slug}.local", secrets.token_urlsafe(12))
    person = create_person(email=login.email, name=login.name, password=login.password)
    join(workspace=workspace, user=person, role=Role.ADMIN)
    return login


def _member(workspace: Workspace, name: str, role: Role) -> Membership:
    """Nobody can log in as a simulated person."""
    email = f"{name.lower().replace(' ', '-')}@{workspace.slug}.local"
    person: User = create_person(email=email, name=name, password=secrets.token_urlsafe(24))
    person.set_unusable_password()
    person.save(update_fields=["password"])
    membership = join(workspace=workspace, user=person, role=role)
    membership.is_simulated = True
    membership.save(update_fields=["is_simulated"])
    give_consent(membership)
    return membership
