"""Frozen dataset versions as the platform stages them for the engine, made small and on purpose easy to
learn.
"""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

MESSAGES = pyarrow.list_(pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())]))
SCHEMAS = {
    "preferences": pyarrow.schema(
        [
            ("id", pyarrow.string()),
            ("prompt", MESSAGES),
            ("chosen", MESSAGES),
            ("rejected", MESSAGES),
            ("margin", pyarrow.float64()),
        ]
    ),
    "demonstrations": pyarrow.schema(
        [("id", pyarrow.string()), ("prompt", MESSAGES), ("completion", MESSAGES)]
    ),
    "prompts": pyarrow.schema([("id", pyarrow.string()), ("prompt", MESSAGES)]),
    "corpus": pyarrow.schema(
        [("id", pyarrow.string()), ("text", pyarrow.string()), ("source", pyarrow.string())]
    ),
}
VERBS = ["open", "close", "clean", "fix", "paint", "move", "lift", "fold", "wash", "cut"]
THINGS = ["door", "box", "pan", "bike", "wall", "desk", "lamp", "shirt", "bowl", "rope"]
POLITE = ["Sure, happy to help!", "Of course, gladly.", "Thanks for asking!"]
RUDE = ["Go away, fool.", "What a stupid question.", "Shut up."]


def write_version(
    directory: Path, *, kind: str, train: list[dict[str, Any]], heldout: list[dict[str, Any]]
) -> Path:
    directory.mkdir(parents=True)
    files = []
    for split, rows in (("train", train), ("heldout", heldout)):
        name = f"{split}-00000.parquet"
        table = pyarrow.Table.from_pylist(rows, schema=SCHEMAS[kind])
        pyarrow.parquet.write_table(table, directory / name)
        data = (directory / name).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        files.append({"name": name, "split": split, "rows": len(rows), "bytes": len(data), "sha256": digest})
    counts = {"train": len(train), "heldout": len(heldout)}
    manifest = {"schema": 1, "kind": kind, "rows": counts, "files": files, "counts": {}, "parents": []}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory


def question(verb: str, thing: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"How do I {verb} a {thing}?"}]


def answer(generator: random.Random, verb: str, thing: str, *, tone: list[str]) -> list[dict[str, str]]:
    text = f"{generator.choice(tone)} First take the {thing}, then {verb} it."
    return [{"role": "assistant", "content": text}]


def tone_pairs(*, seed: int = 1) -> list[dict[str, Any]]:
    """A hundred questions, each with a polite answer preferred to a rude one."""
    generator = random.Random(seed)
    rows = [
        {
            "id": f"{verb}-{thing}",
            "prompt": question(verb, thing),
            "chosen": answer(generator, verb, thing, tone=POLITE),
            "rejected": answer(generator, verb, thing, tone=RUDE),
            "margin": None,
        }
        for verb in VERBS
        for thing in THINGS
    ]
    generator.shuffle(rows)
    return rows


def tone_preferences(directory: Path, *, heldout: int = 30) -> Path:
    rows = tone_pairs()
    return write_version(directory, kind="preferences", train=rows[heldout:], heldout=rows[:heldout])


def mixed_demonstrations(directory: Path, *, heldout: int = 30) -> Path:
    """Answers of both tones in equal shares: a policy that PPO can still improve."""
    rows = [
        {"id": f"{row['id']}-{side}", "prompt": row["prompt"], "completion": row[side]}
        for row in tone_pairs()
        for side in ("chosen", "rejected")
    ]
    return write_version(
        directory, kind="demonstrations", train=rows[2 * heldout :], heldout=rows[: 2 * heldout]
    )


def tone_corpus(directory: Path) -> Path:
    texts = [
        {"id": row["id"], "text": f"{row['prompt'][0]['content']} {row['chosen'][0]['content']}"}
        for row in tone_pairs()
    ]
    return write_version(directory, kind="corpus", train=texts[20:], heldout=texts[:20])
