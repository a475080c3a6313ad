"""The wall between workspaces: no row of one points at a row of another, in any foreign key of the schema."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection, models

from accounts.models import Membership, RecordingConsent
from tests.annotera.objects import Objects
from tests.conftest import Cast

OURS = ("accounts", "jobs", "corpus", "annotation", "qa", "training", "production", "annotera")
# Persons and workspaces stand above the wall; everything else belongs to exactly one workspace.
ABOVE = {"User", "Workspace"}
# Parts of one parent each, which carries the workspace.
PARTS = {
    "TaskBody": "task",
    "Candidate": "task",
    "RunMetric": "run",
    "RunSample": "run",
    "RunAlarm": "run",
}


def our_models() -> list[type[models.Model]]:
    return [model for app in OURS for model in apps.get_app_config(app).get_models()]


def has_workspace(model: type[models.Model]) -> bool:
    return any(field.name == "workspace" for field in model._meta.fields)


def foreign_keys() -> Iterator[tuple[type[models.Model], models.Field]]:
    """Every foreign key between two tables that both name a workspace."""
    for model in our_models():
        for field in model._meta.fields:
            if field.is_relation and has_workspace(model) and has_workspace(field.related_model):
                yield model, field


def crossings(model: type[models.Model], field: models.Field) -> int:
    """How many rows point at a row of another workspace."""
    quote, target = connection.ops.quote_name, field.related_model
    sql = f"""
        SELECT count(*) FROM {quote(model._meta.db_table)} AS child
        JOIN {quote(target._meta.db_table)} AS parent ON child.{quote(field.column)} = parent.id
        WHERE child.workspace_id IS DISTINCT FROM parent.workspace_id
    """
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def all_crossings() -> list[str]:
    return [f"{model.__name__}.{field.name}" for model, field in foreign_keys() if crossings(model, field)]


@pytest.fixture
def two_populated_workspaces(cast: Cast) -> list[Objects]:
    """The same work done in both: every kind of object that the access matrix needs, twice."""
    other = cast.charlie.workspace
    there = Cast(
        alice=cast.charlie,
        bob=other.memberships.create(user=cast.bob.user, role="annotator", pseudonym="p-bob-there"),
        rita=other.memberships.create(user=cast.rita.user, role="reviewer", pseudonym="p-rita-there"),
        charlie=cast.alice,
    )
    populated = [Objects(cast), Objects(there)]
    for objects in populated:
        objects.make_everything()
    return populated


def test_no_row_points_into_another_workspace(two_populated_workspaces):
    assert all_crossings() == []


def test_the_populated_workspaces_hold_rows_of_every_table(two_populated_workspaces):
    # An empty table would make the walk above prove nothing.
    empty = {model.__name__ for model in our_models() if not model.objects.exists()}
    assert empty <= {"IdempotencyKey"}


def test_the_walk_would_find_a_crossing(two_populated_workspaces):
    here, there = two_populated_workspaces
    RecordingConsent.objects.filter(membership=here.cast.bob).update(workspace=there.cast.workspace)
    assert all_crossings() == ["RecordingConsent.membership"]


def test_every_table_names_its_workspace_or_the_one_row_that_does():
    for model in our_models():
        name = model.__name__
        if name in ABOVE:
            continue
        if name in PARTS:
            parents = [field.name for field in model._meta.fields if field.is_relation]
            assert parents == [PARTS[name]], name
            continue
        assert has_workspace(model), f"{name} belongs to no workspace"


def test_every_row_with_a_public_address_has_an_identifier_that_cannot_be_guessed():
    for model in our_models():
        uid = next((field for field in model._meta.fields if field.name == "uid"), None)
        if uid is not None:
            assert uid.unique
            assert isinstance(uid, models.UUIDField)


def test_the_walk_reads_more_than_a_handful_of_keys():
    assert len(list(foreign_keys())) > 25


def test_a_person_in_two_workspaces_is_two_members_with_two_pseudonyms(two_populated_workspaces):
    here, there = two_populated_workspaces
    names = set(Membership.objects.filter(user=here.cast.bob.user).values_list("pseudonym", flat=True))
    assert names == {here.cast.bob.pseudonym, there.cast.bob.pseudonym}
