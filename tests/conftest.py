"""The cast: Alice (admin), Bob (annotator), Rita (reviewer) share a workspace; Charlie lives in another."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Membership, Role, User, Workspace

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Cast:
    """Memberships by name, and logged-in clients for them."""

    alice: Membership
    bob: Membership
    rita: Membership
    charlie: Membership

    @property
    def workspace(self) -> Workspace:
        return self.alice.workspace

    def client(self, membership: Membership) -> Client:
        client = Client()
        client.force_login(membership.user)
        return client

    def api(self, membership: Membership) -> APIClient:
        client = APIClient()
        client.force_authenticate(user=membership.user, token=membership)
        return client


def make_member(workspace: Workspace, name: str, role: Role) -> Membership:
    user = User.objects.create(email=f"{name.lower()}@example.org", name=name)
    user.set_unusable_password()
    user.save()
    return Membership.objects.create(
        workspace=workspace, user=user, role=role, pseudonym=f"{role.value}-{name.lower()}"
    )


def make_cast() -> Cast:
    acme = Workspace.objects.create(slug="acme", name="Acme")
    other = Workspace.objects.create(slug="other", name="Other")
    return Cast(
        alice=make_member(acme, "Alice", Role.ADMIN),
        bob=make_member(acme, "Bob", Role.ANNOTATOR),
        rita=make_member(acme, "Rita", Role.REVIEWER),
        charlie=make_member(other, "Charlie", Role.ADMIN),
    )


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def committed_cast(transactional_db: None) -> Cast:
    """The cast in rows that other connections, threads and processes see."""
    return make_cast()


@pytest.fixture(autouse=True)
def own_storage(settings, tmp_path: Path) -> Path:
    """Blobs and working files of a test never meet those of an installation."""
    settings.BLOB_ROOT = str(tmp_path / "blobs")
    settings.WORK_ROOT = tmp_path / "work"
    # Hashed names exist only after collectstatic; tests/journeys collects for the browser.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    return tmp_path


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Poll a condition until it holds, or fail with what was waited for."""
    return poll


def poll(condition: Callable[[], object], *, seconds: float = 30.0, what: str = "the condition") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true within {seconds:.0f} s")
        time.sleep(0.05)
