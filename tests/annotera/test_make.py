"""What `make` and the container files promise, as far as it can be told without installing anything."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from annotera.embedded.home import PROJECT_ROOT

pytestmark = pytest.mark.skipif(not (PROJECT_ROOT / "Makefile").exists(), reason="runs in a checkout only")


def run_script(*command: str, path: Path, cwd: Path = PROJECT_ROOT) -> subprocess.CompletedProcess[str]:
    """A script on a machine that has only the programs in `path`."""
    return subprocess.run(command, cwd=cwd, env={"PATH": str(path)}, capture_output=True, text=True)


@pytest.fixture
def bare_machine(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("id", "df", "awk"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def test_every_target_says_what_it_does() -> None:
    described = subprocess.run(["make", "help"], cwd=PROJECT_ROOT, capture_output=True, text=True).stdout
    phony = re.search(r"^\.PHONY: (.+)$", (PROJECT_ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    for target in phony.group(1).split():
        assert re.search(rf"^make {target} +[A-Z].{{10,}}$", described, re.MULTILINE), target


def test_without_a_new_enough_python_one_sentence_names_the_remedy(bare_machine: Path) -> None:
    finished = run_script("/bin/sh", "scripts/make_venv.sh", path=bare_machine)
    assert finished.returncode == 1
    assert finished.stderr == (
        "make: Python 3.11 or newer was not found: install it, or name it with PYTHON=/path/to/python.\n"
    )


def test_an_old_python_is_passed_over(bare_machine: Path) -> None:
    old = bare_machine / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    assert run_script("/bin/sh", "scripts/make_venv.sh", path=bare_machine).returncode == 1


def test_without_chromium_one_sentence_names_the_remedy(bare_machine: Path) -> None:
    finished = run_script("/bin/sh", "scripts/ensure_chromium.sh", path=bare_machine)
    assert finished.returncode == 1
    assert finished.stderr.startswith("make: Chromium was not found and the tests drive it: install it")
    assert finished.stderr.count("\n") == 1


def test_chromium_that_is_there_is_not_installed_again(bare_machine: Path) -> None:
    (bare_machine / "chromium").symlink_to("/bin/true")
    finished = run_script("/bin/sh", "scripts/ensure_chromium.sh", path=bare_machine)
    assert (finished.returncode, finished.stdout) == (0, "")


def requirements(*extras: str) -> list[str]:
    command = [sys.executable, "scripts/requirements.py", *extras]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )


def test_every_requirement_is_pinned_in_the_constraints() -> None:
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (PROJECT_ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    wanted = requirements("embedded", "training", "dev")
    names = {re.split(r"[\[<>=;]", line)[0].strip().lower().replace("_", "-") for line in wanted if line}
    assert names - pinned == set()


def test_the_web_needs_no_training_library() -> None:
    assert not [line for line in requirements() if re.match(r"torch|transformers|trl|datasets", line)]


@pytest.fixture
def compose() -> dict[str, dict[str, dict[str, object]]]:
    return yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())


def test_compose_sorts_text_as_the_embedded_database_does(compose: dict[str, dict[str, dict]]) -> None:
    postgres = compose["services"]["postgres"]
    embedded = (PROJECT_ROOT / "annotera" / "embedded" / "postgres.py").read_text()
    for option in ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"):
        assert option in postgres["environment"]["POSTGRES_INITDB_ARGS"].split()
        assert option in embedded
    assert postgres["volumes"] == ["database:/var/lib/postgresql"]


def test_only_who_runs_models_has_the_training_image(compose: dict[str, dict[str, dict]]) -> None:
    targets = {
        name: service["build"]["target"]
        for name, service in compose["services"].items()
        if "build" in service
    }
    of_web = dict.fromkeys(("migrate", "web", "worker-light"), "web")
    assert targets == of_web | dict.fromkeys(("worker-training", "inference"), "training")


@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS", "POSTGRES_PASSWORD", "VALKEY_PASSWORD"])
def test_compose_refuses_a_missing_secret_by_name(name: str) -> None:
    text = (PROJECT_ROOT / "docker-compose.yml").read_text()
    assert f"${{{name}:?Set {name} in .env" in text
    assert not re.search(rf"\$\{{{name}(:-|-|\}})", text)


def test_the_health_check_of_the_image_fails_when_nothing_answers() -> None:
    finished = subprocess.run(
        [sys.executable, "scripts/container_health.py"],
        cwd=PROJECT_ROOT,
        # No route leads to this proxy's port, so the check cannot reach a server that a developer runs.
        env=os.environ | {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 1
    assert "does not answer" in finished.stderr
