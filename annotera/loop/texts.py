"""What comes into the loop from outside: two sources of raw text with the usual dirt, and questions."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from training.simulated_annotators import GOLD_DISTANCE
from training.simulated_world import COMPARED_FLAWS, questions, true_score, write_answer

Asked = tuple[str, str, str]  # the question, its verb and its thing
LANGUAGE = "en"
# Whoever sees a source of the demonstration sees that nobody wrote it.
ORIGIN = "simulated by training/simulated_world.py: no person wrote this"
DIRT = ("repeat", "near repeat", "mojibake", "mail", "noise")
NOISE = "$$$ >>> ### 0000 1111 %%% ||| --- *** " * 4


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much there is of everything; a test makes a small loop of it."""

    prompts: int = 780
    dialogues: int = 1500
    notes: int = 500
    gold: int = 24
    # Of a hundred clean texts so many get a dirty companion.
    dirt_percent: int = 12


@dataclass(frozen=True)
class World:
    """Disjoint in what they ask: verb, kind and thing."""

    prompts: list[Asked]
    dialogues: list[Asked]
    notes: list[Asked]
    gold: list[Asked]

    @classmethod
    def drawn(cls, *, seed: int, sizes: Sizes) -> "World":
        row = questions(seed=seed)
        counts = (sizes.prompts, sizes.dialogues, sizes.notes, sizes.gold)
        return cls(*(list(islice(row, count)) for count in counts))

    @property
    def topics(self) -> Mapping[str, Asked]:
        return {asked[0]: asked for asked in self.prompts}


def raw_texts(rows: Iterable[Asked], *, chooser: random.Random, dirt_percent: int) -> Iterator[str]:
    """Questions with their answers, and between them what real sources hold besides."""
    for question, verb, thing in rows:
        text = f"{question}\n{write_answer(chooser, verb=verb, thing=thing)}"
        yield text
        if chooser.randrange(100) < dirt_percent:
            yield dirty(text, chooser.choice(DIRT), chooser)


def dirty(text: str, kind: str, chooser: random.Random) -> str:
    if kind == "repeat":
        return f"  {text.upper()}  " if chooser.random() < 0.5 else text
    if kind == "near repeat":
        return f"{text} {text.splitlines()[-1]} Really."
    if kind == "mojibake":
        return f"{text} It’s the café’s own way.".encode().decode("windows-1252", errors="ignore")
    if kind == "mail":
        return f"{text} Write to help{chooser.randrange(1000)}@example.org if it fails."
    return NOISE


def write_jsonl(path: Path, texts: Iterable[str]) -> Path:
    with path.open("w", encoding="utf-8") as handle:
        for number, text in enumerate(texts):
            row = {"id": f"simulated-{number}", "text": text, "lang": LANGUAGE}
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def write_csv(path: Path, texts: Iterable[str]) -> Path:
    """The second source comes as a table, as such sources do."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        handle.write("id,text,lang\r\n")
        for number, text in enumerate(texts):
            quoted = text.replace('"', '""')
            handle.write(f'simulated-{number},"{quoted}",{LANGUAGE}\r\n')
    return path


def gold_record(number: int, asked: Asked, chooser: random.Random) -> dict[str, object]:
    """Two answers so far apart that nobody doubts which is better, and the known order."""
    question, verb, thing = asked
    while True:
        answers = [write_answer(chooser, verb=verb, thing=thing, flaws=COMPARED_FLAWS) for _ in range(2)]
        scores = [true_score(question, answer) for answer in answers]
        if abs(scores[0] - scores[1]) >= GOLD_DISTANCE:
            break
    best = scores.index(max(scores))
    return {
        "id": f"gold-{number}",
        "prompt": question,
        "lang": LANGUAGE,
        "candidates": [{"content": answer, "source": {"model": "simulated"}} for answer in answers],
        "gold": {"ranking": [[best], [1 - best]]},
    }
