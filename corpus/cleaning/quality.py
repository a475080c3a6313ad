"""One quality filter: a handful of counts, each with a threshold that a source may set. Pure.

Filters made for the web drop most of a clean technical corpus, so nothing here is strict by default.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from corpus.cleaning.steps import Item, Removed, Verdict

PHRASE_WORDS = 4
# A few short lines or phrases repeat in every poem and table; below this many nothing is judged.
LEAST_LINES = 6
LEAST_PHRASES = 20
LIMITS = {
    "least_words": (0, 100_000),
    "most_words": (1, 1_000_000),
    "least_letters": (0, 1),
    "most_repeated_lines": (0, 1),
    "most_repeated_phrases": (0, 1),
}


class ThresholdWrong(ValueError):
    """A threshold does not exist or lies outside its range; the text says which."""


@dataclass(frozen=True)
class Thresholds:
    """Shares are between 0 and 1.

    least_letters: letters, marks and digits among all characters that are no spaces.
    most_repeated_lines: lines that stood before in the same text.
    most_repeated_phrases: four-word phrases that stood before in the same text.
    """

    least_words: float = 1
    most_words: float = 1_000_000
    least_letters: float = 0.3
    most_repeated_lines: float = 0.6
    most_repeated_phrases: float = 0.6

    def as_json(self) -> dict[str, float]:
        return asdict(self)


def thresholds_from(values: object) -> Thresholds:
    """Thresholds from a form or from JSON; what is not given keeps its default. Raises ThresholdWrong."""
    if not isinstance(values, Mapping):
        raise ThresholdWrong("thresholds are an object of names and numbers")
    known = {field.name for field in fields(Thresholds)}
    for name, value in values.items():
        if name not in known:
            raise ThresholdWrong(f"there is no threshold of this name; known are {', '.join(sorted(known))}")
        least, most = LIMITS[name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:
            raise ThresholdWrong(f"{name} must be a number from {least} to {most}")
    return Thresholds(**values)


@dataclass(frozen=True)
class Figures:
    """What the filter judges a text by."""

    words: int
    letters: float
    repeated_lines: float
    repeated_phrases: float


def figures_of(text: str) -> Figures:
    words = re.findall(r"\w+", text.casefold())
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    phrases = [tuple(words[at : at + PHRASE_WORDS]) for at in range(len(words) - PHRASE_WORDS + 1)]
    return Figures(
        words=len(words),
        letters=_letters(text),
        repeated_lines=_repeated(lines, least=LEAST_LINES),
        repeated_phrases=_repeated(phrases, least=LEAST_PHRASES),
    )


def _letters(text: str) -> float:
    kinds = Counter(unicodedata.category(character)[0] for character in text if not character.isspace())
    total = kinds.total()
    return (kinds["L"] + kinds["M"] + kinds["N"]) / total if total else 0.0


def _repeated(parts: list[str] | list[tuple[str, ...]], *, least: int) -> float:
    return 1 - len(set(parts)) / len(parts) if len(parts) >= least else 0.0


class Quality:
    name = "quality"

    def __init__(self, thresholds: Thresholds) -> None:
        self.thresholds = thresholds

    def judge(self, item: Item) -> Verdict:
        found, wanted = figures_of(item.text), self.thresholds
        if found.words < wanted.least_words:
            return Removed("too_few_words", score=found.words)
        if found.words > wanted.most_words:
            return Removed("too_many_words", score=found.words)
        if found.letters < wanted.least_letters:
            return Removed("too_few_letters", score=round(found.letters, 4))
        if found.repeated_lines > wanted.most_repeated_lines:
            return Removed("repeated_lines", score=round(found.repeated_lines, 4))
        if found.repeated_phrases > wanted.most_repeated_phrases:
            return Removed("repeated_phrases", score=round(found.repeated_phrases, 4))
        return None

    def learn(self, item: Item) -> None:
        return None
