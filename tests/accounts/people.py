"""What the tests about people share: a person with a real password, and logging in as a browser does."""

from django.test import Client

from accounts.members import join
from accounts.models import AuditEvent, Membership, Role, Workspace
from accounts.people import create_person
from tests.conftest import PASSWORD


def add_person(workspace: Workspace, name: str, role: Role = Role.ANNOTATOR) -> Membership:
    user = create_person(email=f"{name.lower()}@example.org", name=name, password=PASSWORD)
    return join(workspace=workspace, user=user, role=role)


def log_in(client: Client, email: str, password: str = PASSWORD, **extra: str):
    return client.post("/login/", {"email": email, "password": password, **extra})


def events(kind: AuditEvent.Kind) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(kind=kind).order_by("pk"))
