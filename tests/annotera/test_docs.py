"""The documents stay true: names that the code knows and links that the documents hold."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

from corpus.columns import COLUMNS
from training.configs import STAGES

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("annotera", "core", "accounts", "jobs", "corpus", "annotation", "qa", "training", "production")
REFERENCE = ROOT / "docs" / "reference"
DECISIONS = ROOT / "docs" / "adr"
APACHE_2_0 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"

# How the code reads a variable: environ["X"], environment.get("X"), environment_flag("X"), "X" in environ.
READ = re.compile(r"""(?:environ(?:ment)?(?:_\w+)?|given)(?:\.get)?[(\[]\s*"([A-Z][A-Z0-9_]+)\"""")
ASKED = re.compile(r""""([A-Z][A-Z0-9_]+)" (?:not )?in (?:os\.environ|environment|given)\b""")
NAMED = re.compile(r'"(ANNOTERA_[A-Z0-9_]+)"')
IN_SHELL = re.compile(r"\$\{?(ANNOTERA_[A-Z0-9_]+)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
TARGET = re.compile(r"^([a-z][a-z-]*):(?!=)", re.MULTILINE)


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def variables_read() -> set[str]:
    found: set[str] = set()
    for path in sources():
        text = path.read_text(encoding="utf-8")
        for pattern in (READ, ASKED, NAMED):
            found.update(pattern.findall(text))
    for name in ("Makefile", "docker-compose.yml", "Dockerfile"):
        path = ROOT / name
        found.update(IN_SHELL.findall(path.read_text(encoding="utf-8")) if path.exists() else ())
    return found


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def links_of(document: Path) -> list[str]:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(text) if not re.match(r"[a-z][a-z0-9+.-]*:", link)]


def anchors_of(document: Path) -> set[str]:
    headings = HEADING.findall(FENCE.sub("", document.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def commands() -> dict[str, str]:
    """Each command's name and the app that has it."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package / "management" / "commands").glob("[!_]*.py"):
            found[path.stem] = package
    return found


def section_of(text: str, heading: str) -> str:
    """What stands under the first heading that begins with this word; empty when there is none."""
    found = re.search(rf"^(#+) `?{re.escape(heading)}\b", text, re.MULTILINE)
    if found is None:
        return ""
    rest = text[found.end() :]
    following = re.search(rf"^#{{1,{len(found.group(1))}}} ", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def test_the_search_for_variables_finds_those_that_surely_exist() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "PORT", "ANNOTERA_HOME", "ANNOTERA_PG_BIN"} <= variables_read()


def test_every_environment_variable_is_in_the_settings_reference() -> None:
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    missing = sorted(name for name in variables_read() if f"`{name}`" not in text)
    assert not missing, f"docs/reference/settings.md does not name {', '.join(missing)}"


def test_the_settings_reference_names_no_variable_that_is_gone() -> None:
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z][A-Z0-9_]+)`", text, re.MULTILINE)
    gone = sorted(set(rows) - variables_read())
    assert not gone, f"docs/reference/settings.md names {', '.join(gone)}, which no code reads"


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_resolves(document: Path) -> None:
    broken = []
    for link in links_of(document):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            broken.append(link)
    assert not broken, f"{document.relative_to(ROOT)} links to {', '.join(broken)}"


def test_every_command_is_in_the_command_reference() -> None:
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    missing = sorted(name for name in commands() if not section_of(text, name))
    assert not missing, f"docs/reference/commands.md has no section for {', '.join(missing)}"


@pytest.mark.parametrize(("name", "app"), sorted(commands().items()))
def test_every_option_of_a_command_is_in_its_section(name: str, app: str) -> None:
    common = set(OPTION.findall(BaseCommand().create_parser("manage.py", name).format_help()))
    parser = load_command_class(app, name).create_parser("manage.py", name)
    section = section_of((REFERENCE / "commands.md").read_text(encoding="utf-8"), name)
    missing = sorted(set(OPTION.findall(parser.format_usage())) - common - set(OPTION.findall(section)))
    assert not missing, f"docs/reference/commands.md does not name {', '.join(missing)} of {name}"


def test_every_make_target_is_in_the_command_reference() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    missing = sorted(name for name in TARGET.findall(makefile) if f"`make {name}`" not in text)
    assert not missing, f"docs/reference/commands.md does not name {', '.join(missing)}"


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_every_setting_of_a_stage_is_in_the_command_reference_with_its_default(stage: str) -> None:
    section = section_of((REFERENCE / "commands.md").read_text(encoding="utf-8"), stage)
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", section, re.MULTILINE))
    defaults = {field.name: field.default for field in dataclasses.fields(STAGES[stage])}
    assert {name: json.loads(value) for name, value in rows.items()} == defaults


@pytest.mark.parametrize("kind", sorted(COLUMNS))
def test_every_column_of_a_frozen_version_is_in_the_record_format(kind: str) -> None:
    text = (REFERENCE / "record-format.md").read_text(encoding="utf-8")
    missing = [name for name in COLUMNS[kind].names if f"`{name}`" not in text]
    assert not missing, f"docs/reference/record-format.md does not name {', '.join(missing)} of {kind}"


def test_every_decision_is_in_the_index() -> None:
    index = set(links_of(DECISIONS / "README.md"))
    records = {path.name for path in DECISIONS.glob("[0-9]*.md")}
    assert records == index
    assert sorted(int(name[:4]) for name in records) == list(range(1, len(records) + 1))


@pytest.mark.parametrize("record", sorted(DECISIONS.glob("[0-9]*.md")), ids=lambda path: path.stem[:4])
def test_a_decision_fits_one_page_and_has_its_three_parts(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert text.startswith(f"# {record.stem[:4]}. ")
    assert HEADING.findall(text)[1:] == ["Context", "Decision", "Consequences"]
    assert len(text.split()) <= 700


def test_the_licence_is_the_unmodified_apache_text() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2_0
