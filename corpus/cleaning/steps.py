"""What a cleaning step is, and how a document goes through several of them. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol


@dataclass(frozen=True)
class Item:
    """A document on its way through the steps; `is_mended`: an earlier run has normalised it."""

    key: int
    text: str
    lang: str = ""
    is_mended: bool = False


@dataclass(frozen=True)
class Changed:
    """The step mends the text and the document goes on with it."""

    text: str


@dataclass(frozen=True)
class Removed:
    """The step takes the document out; `reason` is a code, `of` the key of the one that it repeats."""

    reason: str
    of: int | None = None
    score: float | None = None


Verdict = Changed | Removed | None


class Step(Protocol):
    """`judge` looks at one document; `learn` hears of one that stays, to compare later ones with it."""

    name: str

    def judge(self, item: Item) -> Verdict: ...

    def learn(self, item: Item) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """What became of a document: removed by a step, changed on its way, both, or neither."""

    item: Item
    changed_by: str | None = None
    removed_by: str | None = None
    removal: Removed | None = None


def run(items: Iterable[Item], steps: Sequence[Step]) -> Iterator[Outcome]:
    """Each document through all steps in order, until one removes it.

    Only documents that pass every step are learned: one that the last step removes takes no other with it.
    """
    for item in items:
        outcome = _through(item, steps)
        if outcome.removal is None:
            learn(outcome.item, steps)
        yield outcome


def learn(item: Item, steps: Sequence[Step]) -> None:
    for step in steps:
        step.learn(item)


def _through(item: Item, steps: Sequence[Step]) -> Outcome:
    changed_by = None
    for step in steps:
        verdict = step.judge(item)
        if isinstance(verdict, Changed):
            item, changed_by = replace(item, text=verdict.text), step.name
        elif isinstance(verdict, Removed):
            return Outcome(item, changed_by=changed_by, removed_by=step.name, removal=verdict)
    return Outcome(item, changed_by=changed_by)
