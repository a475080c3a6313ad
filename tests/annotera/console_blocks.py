"""The commands that the documents show: where they stand, what they should answer, and why some are not run.

A document shows a session in a ```console block: commands begin with "$ ", the other lines are their answer.
Every block is run by `test_docs_commands.py`, but for those after a comment `<!-- not run: reason -->`.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]+?) -->\s*\n)?"
    r"^(?P<indent> *)```console\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
HEREDOC = re.compile(r"<<'?(\w+)'?")
# In an expected answer: anything at all, any number, any stretch of white space.
ANYTHING, NUMBER, SPACE = re.compile(r"…|\\\.\\\.\\\."), re.compile(r"\d[\d.,]*"), re.compile(r"(?:\\ |\s)+")


@dataclass(frozen=True)
class Command:
    """What is typed, over several lines perhaps, and the lines that it should answer with."""

    typed: str
    expected: tuple[str, ...]

    def answered_by(self, output: str) -> str:
        """The first expected line that is missing in the output, or nothing."""
        place = 0
        for line in self.expected:
            found = re.compile(loosely(line)).search(output, place)
            if found is None:
                return line
            place = found.end()
        return ""


@dataclass(frozen=True)
class Block:
    document: Path
    reason: str
    commands: tuple[Command, ...]


def loosely(line: str) -> str:
    """A pattern for the line in which figures may differ."""
    parts = [NUMBER.sub(r"[\\d.,]+", re.escape(part)) for part in line.strip().split("…")]
    return SPACE.sub(r"\\s+", ".*".join(parts))


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks_of(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(document, found["reason"] or "", commands_of(unindented(found["body"], found["indent"])))
        for found in BLOCK.finditer(text)
    ]


def unindented(body: str, indent: str) -> list[str]:
    return [line.removeprefix(indent) for line in body.splitlines()]


def commands_of(lines: list[str]) -> tuple[Command, ...]:
    commands: list[Command] = []
    typed: list[str] = []
    expected: list[str] = []
    for line in lines:
        if typed and is_open("\n".join(typed)):
            typed.append(line)
        elif line.startswith("$ "):
            if typed:
                commands.append(Command("\n".join(typed), tuple(expected)))
            typed, expected = [line[2:]], []
        elif line.strip():
            assert typed, f"an answer without a command: {line}"
            expected.append(line)
    return (*commands, Command("\n".join(typed), tuple(expected)))


def is_open(typed: str) -> bool:
    """Does the shell still wait for the rest: after a backslash, within quotes, within a here-document?"""
    here = HEREDOC.search(typed.splitlines()[0])
    if here:
        return typed.splitlines()[-1] != here.group(1)
    if typed.endswith("\\"):
        return True
    try:
        shlex.split(typed)
    except ValueError:
        return True
    return False


def words_of(command: Command) -> list[list[str]]:
    """The words of each simple command in what is typed, without what a here-document holds."""
    first = command.typed.split("\n")[0] if "<<" in command.typed else command.typed
    lexer = shlex.shlex(first.replace("\\\n", " "), posix=True, punctuation_chars="|&;()")
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|&;()"):
            parts.append([])
        elif parts[-1] or "=" not in word.split("/")[0]:
            parts[-1].append(word)
    return [part for part in parts if part]
