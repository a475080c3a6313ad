"""`manage.py prepare` does what is needed and nothing twice."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.annotera.embedded.installations import connect, fresh_home, run_manage, servers_on

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    with fresh_home() as home, servers_on(home):
        first = run_manage(home, "prepare")
        assert first.returncode == 0, first.stderr
        assert "Applying" in first.stdout
        assert "Collected the static files." in first.stdout
        assert "Backing up" not in first.stdout
        yield home


def test_a_second_run_finds_nothing_to_do(prepared: Path) -> None:
    second = run_manage(prepared, "prepare")
    assert second.returncode == 0
    assert second.stdout == ""
    assert not list((prepared / "backups").iterdir())


def test_static_files_are_collected_again_when_the_collected_ones_are_gone(prepared: Path) -> None:
    (prepared / "static.fingerprint").write_text("of another version")
    assert run_manage(prepared, "prepare", "--keep-static").stdout == ""
    assert run_manage(prepared, "prepare").stdout == "Collected the static files.\n"


def test_a_schema_of_a_newer_version_changes_nothing(prepared: Path) -> None:
    with connect(prepared) as connection:
        connection.execute(
            "insert into django_migrations (app, name, applied) values ('jobs', '9999_future', now())"
        )
    try:
        refused = run_manage(prepared, "prepare")
    finally:
        with connect(prepared) as connection:
            connection.execute("delete from django_migrations where name = '9999_future'")
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        "CommandError: The database was made by a newer Annotera "
        "(migration jobs.9999_future is unknown here): update this installation, or restore a backup."
    )


def test_only_the_newest_backups_before_migrations_are_kept(prepared: Path) -> None:
    for number in range(6):
        (prepared / "backups" / f"before-migration-2020010{number}-000000.tar").touch()
    with connect(prepared) as connection:
        connection.execute("delete from django_migrations where app = 'sessions'")
        connection.execute("drop table django_session")
    finished = run_manage(prepared, "prepare")
    assert finished.returncode == 0, finished.stderr
    kept = sorted(path.name for path in (prepared / "backups").iterdir())
    assert len(kept) == 5
    assert kept[:-1] == [f"before-migration-2020010{number}-000000.tar" for number in range(2, 6)]
    assert os.stat(prepared / "backups" / kept[-1]).st_size > 10_000
