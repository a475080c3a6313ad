"""The commands in the documents do what the documents say: they are run on a fresh installation."""

import dataclasses
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from tests.annotera.console_blocks import ROOT, Block, Command, blocks_of, documents, words_of
from tests.annotera.embedded.installations import Up, clean_environment, fresh_home, quick_folder, within

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not (ROOT / "Makefile").exists(), reason="needs a checkout"),
]

# Why a block may be left out. A new reason is a decision, so it is written here.
REASONS = {
    "it starts or stops the servers",
    "Annotera must be stopped",
    "it needs Docker",
    "it downloads packages",
    "it takes minutes",
    "it names what is yours",
}
# The first document leaves what the others need: BASE, TOKEN and `field`. Those that train come last.
FIRST = "docs/reference/api.md"
LAST = (
    "docs/tutorial/by-command-line.md",
    "docs/how-to/serve-and-listen.md",
    "docs/how-to/balance-pretraining.md",
)
# Seconds for one document on a quiet machine.
LONGEST = 120
DEMO_ADDRESS = "http://127.0.0.1:8000"
# The demo's starter model would keep the only training worker busy; no document needs it.
CANCEL_RUNS = """
for run in $(curl -s -H "Authorization: Token $TOKEN" $BASE/api/v1/runs/ | python -c '
import json, sys
print(*(run["uid"] for run in json.load(sys.stdin)["results"] if run["state"] in ("queued", "running")))')
do curl -s -o cancelled.json -X POST -H "Authorization: Token $TOKEN" $BASE/api/v1/runs/$run/cancel/; done
"""
SHARED = "declare -p BASE TOKEN; declare -f field"


def all_blocks() -> list[Block]:
    return [block for document in documents() for block in blocks_of(document)]


def run_blocks() -> dict[str, list[Block]]:
    found: dict[str, list[Block]] = {}
    for block in all_blocks():
        if not block.reason:
            found.setdefault(str(block.document.relative_to(ROOT)), []).append(block)
    places = {name: number for number, name in enumerate(LAST, start=2)}
    order = sorted(found, key=lambda name: (0 if name == FIRST else places.get(name, 1), name))
    return {name: found[name] for name in order}


class Session:
    """A person's terminal: one folder with the project in it, and a shell for each document."""

    def __init__(self, home: Path, address: str, folder: Path) -> None:
        self.address, self.folder, self.shared = address, folder, ""
        programs = folder / ".venv" / "bin"
        self.environment = clean_environment(
            home, PYTHONPATH=str(ROOT), PATH=f"{programs}:{os.environ['PATH']}", HF_HUB_OFFLINE="1"
        )
        for name in ("manage.py", "benchmarks"):
            (folder / name).symlink_to(ROOT / name)
        programs.mkdir(parents=True)
        (programs / "activate").touch()
        (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" -W ignore "$@"\n')
        (programs / "python").chmod(0o755)

    def run(self, commands: list[Command]) -> list[tuple[int, str]]:
        """Exit code and output of each command, all in one shell."""
        lines = [self.shared]
        for command in commands:
            typed = command.typed.replace(DEMO_ADDRESS, self.address)
            lines += ["{", typed, "} 2>&1", 'printf "\\n\\036%s\\036" "$?"']
        *parts, self.shared = self._said_by("\n".join([*lines, SHARED])).split("\036")
        return [(int(code), output) for output, code in zip(parts[::2], parts[1::2], strict=True)]

    def _said_by(self, script: str) -> str:
        with subprocess.Popen(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as shell:
            try:
                return shell.communicate(timeout=within(LONGEST))[0]
            except subprocess.TimeoutExpired:
                # Commands that still run would go on without a shell.
                os.killpg(shell.pid, signal.SIGKILL)
                raise


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with fresh_home() as home, tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        # Commands may run as the account of the servers, which has to read and write here.
        os.chmod(folder, stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO)
        up = Up(home, ANNOTERA_ENGINE_THREADS="1", ANNOTERA_JOB_SWEEP="2")
        try:
            up.wait_until_ready()
            yield Session(home, up.address, Path(folder))
        finally:
            up.clean_up()


@pytest.mark.engine
@pytest.mark.timeout(900)
def test_the_commands_of_the_documents_do_what_the_documents_say(session: Session) -> None:
    failures = []
    for name, blocks in run_blocks().items():
        commands = [command for block in blocks for command in block.commands]
        for command, (code, output) in zip(commands, session.run(commands), strict=True):
            missing = command.answered_by(output)
            refused = '"error": {' in output.replace('"error":{', '"error": {') and '"error"' not in str(
                command
            )
            if code or missing or refused:
                failures.append(
                    f"{name}: {command.typed}\n  exit {code}, missing: {missing}\n  {output[-600:]}"
                )
    assert not failures, "\n".join(failures)


def problem_with(command: Command, code: int, output: str) -> str:
    """Why this is not what the document promises; nothing when it is."""
    missing = command.answered_by(output)
    if code or missing:
        return f"exit code {code}; missing: {missing or 'nothing'}"
    refused = '"error":{' in output and not any('"error"' in line for line in command.expected)
    return "refused" if refused else ""


def test_most_documents_with_commands_are_run() -> None:
    """The search for blocks finds them: a changed form must not empty the test above."""
    assert FIRST in run_blocks() and set(LAST) <= set(run_blocks())
    assert sum(len(block.commands) for blocks in run_blocks().values() for block in blocks) >= 40


def test_every_block_that_is_not_run_says_one_of_the_known_reasons() -> None:
    unknown = {block.reason for block in all_blocks()} - REASONS - {""}
    assert not unknown


def test_commands_are_shown_in_no_other_form() -> None:
    """A block of another kind, or an indented one, would be shown and never run."""
    hidden = re.compile(
        r"^(?:    |\t|```(?:sh|bash|shell)?\n)(?:\$ |python |curl |make |docker )", re.MULTILINE
    )
    found = [str(document.relative_to(ROOT)) for document in documents() if hidden.search(outside(document))]
    assert not found


def outside(document: Path) -> str:
    """The document without its console blocks."""
    return re.sub(r"^ *```console\n.*?^ *```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Names:
    """What there is to be named on a command line."""

    targets: frozenset[str]
    services: frozenset[str]


@pytest.fixture(scope="module")
def names() -> Names:
    makefile = (ROOT / "Makefile").read_text()
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return Names(frozenset(re.findall(r"^([a-z]+):(?!=)", makefile, re.MULTILINE)), frozenset(services))


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_tells_to_type_exists(document: Path, names: Names) -> None:
    """Also of the blocks that are not run: targets, commands with their options, services, files, modules."""
    wrong = [
        problem
        for block in blocks_of(document)
        for command in block.commands
        for words in words_of(command)
        for problem in problems_of(words, names)
    ]
    assert not wrong


def problems_of(words: list[str], names: Names) -> list[str]:
    if words[0] == "make":
        return [word for word in words[1:] if "=" not in word and word not in names.targets]
    if words[:2] == ["docker", "compose"]:
        return problems_of_compose(words[2:], names)
    if "manage.py" in words:
        return problems_of_manage(words[words.index("manage.py") + 1 :])
    if words[0].endswith("python") and words[1:2] == ["-m"]:
        module = words[2].replace(".", "/")
        return [] if words[2] in {"pip"} or (ROOT / f"{module}.py").exists() else [words[2]]
    return [word for word in words[1:2] if word.startswith("benchmarks/") and not (ROOT / word).exists()]


def problems_of_compose(words: list[str], names: Names) -> list[str]:
    if words[0] == "exec":
        return ([] if words[1] in names.services else [words[1]]) + problems_of(words[2:], names)
    named = [word for word in words[1:] if not word.startswith("-")]
    return [word for word in named if word not in names.services]


def problems_of_manage(words: list[str]) -> list[str]:
    name, options = words[0], [word for word in words[1:] if word.startswith("--")]
    app = get_commands().get(name)
    if app is None:
        return [name]
    parser = load_command_class(app, name).create_parser("manage.py", name)
    known = set(re.findall(r"--[a-z][a-z-]+", parser.format_help()))
    return [f"{name} {option}" for option in options if option.split("=")[0] not in known]


def test_a_wrong_name_is_noticed(names: Names) -> None:
    assert problems_of(["make", "walk"], names) == ["walk"]
    assert problems_of(["python", "manage.py", "train", "--fast"], names) == ["train --fast"]
    assert problems_of(["docker", "compose", "exec", "wob", "python", "manage.py", "sing"], names) == [
        "wob",
        "sing",
    ]


def test_an_answer_is_compared_loosely_but_compared() -> None:
    command = Command("x", ('{"state": "done", … "rows": 239}',))
    assert command.answered_by('{"state": "done",  "id": "01a2", "rows": 12}') == ""
    assert command.answered_by(json.dumps({"state": "failed", "rows": 12}))
