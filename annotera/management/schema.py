"""Whether the database and this code agree on the schema."""

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from annotera.embedded.refusals import Refused

Migrations = frozenset[tuple[str, str]]


def applied_migrations() -> Migrations:
    return frozenset(MigrationLoader(connection).applied_migrations)


def known_migrations() -> Migrations:
    """Every migration in this code, with the ones that a squashed migration replaces."""
    loader = MigrationLoader(None, replace_migrations=False)
    replaced = {key for migration in loader.disk_migrations.values() for key in migration.replaces}
    return frozenset(set(loader.disk_migrations) | replaced)


def pending_migrations() -> list[tuple[str, str]]:
    loader = MigrationLoader(connection)
    return sorted(set(loader.graph.nodes) - set(loader.applied_migrations))


def refuse_newer(applied: Migrations, *, what: str, remedy: str) -> None:
    """Refuse a schema that has migrations which this code does not know: a newer Annotera made it."""
    unknown = sorted(applied - known_migrations())
    if unknown:
        app, name = unknown[-1]
        raise Refused(
            f"{what} was made by a newer Annotera (migration {app}.{name} is unknown here): {remedy}"
        )
