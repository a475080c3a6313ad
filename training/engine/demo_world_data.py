"""The frozen versions of the simulated world: a corpus, demonstrations, preferences and prompts.

Every row's id begins with `simulated-`, and every manifest counts its rows as simulated. The 256 evaluation
prompts are the held-out side of each version, so no stage trains on any of them.
"""

import hashlib
import itertools
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from training import simulated_annotators
from training.simulated_annotators import GOLD_DISTANCE, GOLD_TASKS, Comparison, Preference, Release
from training.simulated_world import COMPARED_FLAWS, questions, true_score, write_answer

Row = dict[str, Any]
Asked = tuple[str, str, str]  # the question, its verb and its thing

# The simulated texts were written by the rules of training/simulated_world.py, for anybody's use.
LICENCE = "CC0-1.0"
SOURCE = "simulated world (no person wrote or judged this)"
LANGUAGE = "en"
COUNTS = "counts.json"

MESSAGES = pyarrow.list_(pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())]))
HEAD = [("schema", pyarrow.int32()), ("id", pyarrow.string())]
ORIGIN = [
    ("lang", pyarrow.string()),
    ("source", pyarrow.string()),
    ("task", pyarrow.string()),
    ("annotation", pyarrow.string()),
    ("annotator", pyarrow.string()),
    ("guideline", pyarrow.int32()),
    ("is_simulated", pyarrow.bool_()),
    ("subject_key", pyarrow.string()),
]
JUDGED = [
    *ORIGIN[:6],
    ("chosen_position", pyarrow.int16()),
    ("rejected_position", pyarrow.int16()),
    *ORIGIN[6:],
]
# The columns of docs/reference/record-format.md.
COLUMNS = {
    "corpus": [
        ("text", pyarrow.string()),
        ("lang", pyarrow.string()),
        ("source", pyarrow.string()),
        ("subject_key", pyarrow.string()),
    ],
    "demonstrations": [("prompt", MESSAGES), ("completion", MESSAGES), *ORIGIN],
    "preferences": [
        ("prompt", MESSAGES),
        ("chosen", MESSAGES),
        ("rejected", MESSAGES),
        ("margin", pyarrow.float64()),
        *JUDGED,
    ],
    "prompts": [("prompt", MESSAGES), *ORIGIN],
}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much there is of everything."""

    train_prompts: int = 400
    heldout_prompts: int = 256
    # Answered during PPO; the policy that is kept is chosen by these, so nothing is measured on them.
    choosing_prompts: int = 128
    pairs_a_prompt: int = 3
    demonstrations_a_prompt: int = 2
    corpus_texts: int = 2000


@dataclass(frozen=True)
class Questions:
    """Disjoint in what they ask: verb, kind and thing."""

    train: list[Asked]
    heldout: list[Asked]
    gold: list[Asked]
    corpus: list[Asked]
    choosing: list[Asked]


def draw_questions(*, seed: int, sizes: Sizes) -> Questions:
    row = questions(seed=seed)
    counts = (
        sizes.train_prompts,
        sizes.heldout_prompts,
        GOLD_TASKS,
        sizes.corpus_texts,
        sizes.choosing_prompts,
    )
    return Questions(*(list(itertools.islice(row, count)) for count in counts))


def write_world(directory: Path, *, seed: int, sizes: Sizes) -> None:
    """Write the four versions and counts.json, what was counted on the way; nothing half stays behind."""
    partial = directory.with_name(f"{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    asked = draw_questions(seed=seed, sizes=sizes)
    sides = {"train": asked.train, "heldout": asked.choosing + asked.heldout}
    released, counts = label(asked, seed=seed, pairs_a_prompt=sizes.pairs_a_prompt)
    chooser = random.Random(f"simulated demonstrations {seed}")
    versions: dict[str, Mapping[str, Sequence[Row]]] = {
        "corpus": {
            "train": list(_texts(asked.corpus, chooser)),
            "heldout": list(_texts(asked.heldout, chooser)),
        },
        "demonstrations": {
            "train": list(_demonstrations(asked.train, chooser, each=sizes.demonstrations_a_prompt)),
            "heldout": list(_demonstrations(asked.heldout, chooser, each=1)),
        },
        "preferences": {
            side: [_pair(preference) for preference in releases.preferences]
            for side, releases in released.items()
        },
        "prompts": {side: [_prompt(each) for each in rows] for side, rows in sides.items()},
    }
    for kind, splits in versions.items():
        write_version(
            partial / kind, kind=kind, splits=splits, counts=counts if kind == "preferences" else {}
        )
    (partial / COUNTS).write_text(json.dumps(counts), encoding="utf-8")
    partial.rename(directory)


def label(asked: Questions, *, seed: int, pairs_a_prompt: int) -> tuple[dict[str, Release], dict[str, int]]:
    """Gold first, then the pairs of both sides; labels of the annotators who passed are released."""
    people = simulated_annotators.annotators()
    chooser = random.Random(f"simulated answers {seed}")
    gold = [_gold_task(number, each, chooser) for number, each in enumerate(asked.gold)]
    excluded = simulated_annotators.failed_gold(simulated_annotators.vote_on_gold(gold, people, seed=seed))
    released = {}
    for side, rows in (("train", asked.train), ("heldout", asked.heldout)):
        comparisons = list(_comparisons(side, rows, chooser, each=pairs_a_prompt))
        votes = simulated_annotators.vote(comparisons, people, seed=seed)
        released[side] = simulated_annotators.release(votes, excluded=excluded)
    counts = {
        "pairs": sum(len(each.preferences) for each in released.values()),
        "ties": sum(each.ties for each in released.values()),
        "annotators": len(people),
        "annotators_excluded": len(excluded),
        "votes_dropped": sum(each.votes_dropped for each in released.values()),
        "gold_tasks": len(gold),
    }
    return released, counts


def _comparisons(
    side: str, rows: Sequence[Asked], chooser: random.Random, *, each: int
) -> Iterator[Comparison]:
    for number, (question, verb, thing) in enumerate(rows):
        for turn in range(each):
            left, right = _two_answers(chooser, verb=verb, thing=thing)
            yield Comparison(f"simulated-{side}-{number}-{turn}", question, left, right)


def _gold_task(number: int, asked: Asked, chooser: random.Random) -> Comparison:
    """Two answers so far apart that there is no doubt about the better one."""
    question, verb, thing = asked
    while True:
        left, right = _two_answers(chooser, verb=verb, thing=thing)
        if abs(true_score(question, left) - true_score(question, right)) >= GOLD_DISTANCE:
            return Comparison(f"simulated-gold-{number}", question, left, right)


def _two_answers(chooser: random.Random, *, verb: str, thing: str) -> tuple[str, str]:
    left = write_answer(chooser, verb=verb, thing=thing, flaws=COMPARED_FLAWS)
    while (right := write_answer(chooser, verb=verb, thing=thing, flaws=COMPARED_FLAWS)) == left:
        pass
    return left, right


def _texts(rows: Sequence[Asked], chooser: random.Random) -> Iterator[Row]:
    for question, verb, thing in rows:
        text = f"{question}\n{write_answer(chooser, verb=verb, thing=thing)}"
        yield {"text": text, "lang": LANGUAGE, "source": SOURCE}


def _demonstrations(rows: Sequence[Asked], chooser: random.Random, *, each: int) -> Iterator[Row]:
    for question, verb, thing in rows:
        for _ in range(each):
            answer = write_answer(chooser, verb=verb, thing=thing)
            yield {
                "prompt": said("user", question),
                "completion": said("assistant", answer),
                "lang": LANGUAGE,
                "source": SOURCE,
                "is_simulated": True,
            }


def _prompt(asked: Asked) -> Row:
    return {
        "prompt": said("user", asked[0]),
        "lang": LANGUAGE,
        "source": SOURCE,
        "is_simulated": True,
    }


def _pair(preference: Preference) -> Row:
    comparison, left_chosen = preference.comparison, preference.choice == "left"
    return {
        "prompt": said("user", comparison.prompt),
        "chosen": said("assistant", preference.chosen),
        "rejected": said("assistant", preference.rejected),
        "lang": LANGUAGE,
        "source": SOURCE,
        "task": comparison.id,
        "annotator": "simulated-majority",
        "chosen_position": 0 if left_chosen else 1,
        "rejected_position": 1 if left_chosen else 0,
        "is_simulated": True,
    }


def said(role: str, content: str) -> list[dict[str, str]]:
    return [{"role": role, "content": content}]


def write_version(
    directory: Path, *, kind: str, splits: Mapping[str, Sequence[Row]], counts: Mapping[str, int]
) -> None:
    """One file a split, then the manifest, canonical as the platform writes it."""
    directory.mkdir(parents=True)
    files, rows_of = [], Counter({"train": 0, "heldout": 0})
    for split, rows in splits.items():
        name = f"{split}-00000.parquet"
        numbered = [
            {"schema": 1, "id": f"simulated-{kind}-{split}-{number}"} | row for number, row in enumerate(rows)
        ]
        table = pyarrow.Table.from_pylist(numbered, schema=pyarrow.schema([*HEAD, *COLUMNS[kind]]))
        pyarrow.parquet.write_table(table, directory / name)
        data = (directory / name).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        files.append({"name": name, "split": split, "rows": len(rows), "bytes": len(data), "sha256": digest})
        rows_of[split] = len(rows)
    manifest = {
        "schema": 1,
        "kind": kind,
        "rows": dict(rows_of),
        "files": files,
        "counts": {"simulated": rows_of.total(), **counts},
        "parents": [],
        "licence": LICENCE,
        "policy": {"split": {"method": "simulated-topics-1"}},
    }
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (directory / "manifest.json").write_text(text, encoding="utf-8")
