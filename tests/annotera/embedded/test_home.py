"""Where an installation lies, and that its secrets are its owner's alone."""

import os
import stat
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from annotera.embedded.home import (
    LONGEST_SOCKET_PATH,
    PROJECT_ROOT,
    connection_urls,
    home_directory,
    postgres_socket,
    secret,
    services_running,
    socket_directory,
    valkey_socket,
)


def test_the_variable_chooses_the_home() -> None:
    assert home_directory({"ANNOTERA_HOME": "/srv/somewhere"}) == Path("/srv/somewhere")


def test_without_the_variable_root_and_others_have_different_homes() -> None:
    expected = Path("/var/lib/annotera") if os.geteuid() == 0 else PROJECT_ROOT / "var"
    assert home_directory({}) == expected


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(home: Path) -> None:
    first = secret(home, "django")
    assert secret(home, "django") == first
    assert len(first) >= 40
    assert stat.S_IMODE((home / "secrets" / "django").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o700


def test_secrets_of_two_names_differ(home: Path) -> None:
    assert secret(home, "postgres") != secret(home, "valkey")


def test_processes_that_make_a_secret_at_the_same_time_agree(home: Path) -> None:
    barrier = threading.Barrier(8)

    def ask(_: int) -> str:
        barrier.wait()
        return secret(home, "django")

    with ThreadPoolExecutor(8) as pool:
        answers = {future.result() for future in [pool.submit(ask, number) for number in range(8)]}
    assert len(answers) == 1


def test_a_short_home_keeps_its_sockets(home: Path) -> None:
    assert socket_directory(home) == home / "run"


@pytest.mark.parametrize("name", ["d" * 120, "with space", "naïve"])
def test_a_long_or_odd_home_gets_a_short_private_socket_directory(home: Path, name: str) -> None:
    odd = home / name
    directory = socket_directory(odd)
    try:
        assert directory.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert len(os.fsencode(postgres_socket(odd))) <= LONGEST_SOCKET_PATH
        assert len(os.fsencode(valkey_socket(odd))) <= LONGEST_SOCKET_PATH
        assert socket_directory(odd) == directory
    finally:
        directory.rmdir()


def test_a_recorded_socket_directory_that_others_could_enter_is_not_used(home: Path) -> None:
    long = home / ("d" * 120)
    first = socket_directory(long)
    first.chmod(0o755)
    second = socket_directory(long)
    try:
        assert second != first
    finally:
        first.rmdir()
        second.rmdir()


def test_a_recorded_socket_directory_that_a_reboot_removed_is_made_anew(home: Path) -> None:
    long = home / ("d" * 120)
    socket_directory(long).rmdir()
    second = socket_directory(long)
    try:
        assert second.is_dir()
    finally:
        second.rmdir()


def test_the_addresses_are_known_before_any_server_runs(home: Path) -> None:
    urls = connection_urls(home)
    assert urls.database["HOST"] == str(home / "run")
    assert urls.database["PASSWORD"] == secret(home, "postgres")
    password = secret(home, "valkey")
    assert urls.broker_url == f"redis+socket://:{password}@{home}/run/valkey.sock?virtual_host=0"
    assert urls.cache_url == f"unix://:{password}@{home}/run/valkey.sock?db=1"


def test_services_that_nobody_started_do_not_run(home: Path) -> None:
    assert not services_running(home, {})


def test_services_that_variables_replace_count_as_running(home: Path) -> None:
    assert services_running(home, {"DATABASE_URL": "postgresql://h/n", "BROKER_URL": "redis://h"})


def test_the_package_loads_without_setting_django_up() -> None:
    """The settings import it, so it must not need them."""
    code = "import annotera.embedded.installation, django.apps, sys; sys.exit(django.apps.apps.ready)"
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code]) == 0
