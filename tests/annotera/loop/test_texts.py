"""What comes into the loop: disjoint, dirty on purpose, and gold that nobody doubts."""

import csv
import json
import random
from collections import Counter
from pathlib import Path

from annotera.loop.texts import (
    Sizes,
    World,
    dirty,
    gold_record,
    raw_texts,
    write_csv,
    write_jsonl,
)
from training.simulated_annotators import GOLD_DISTANCE, annotators
from training.simulated_world import true_score

SIZES = Sizes(prompts=60, dialogues=200, notes=50, gold=12)
WORLD = World.drawn(seed=3, sizes=SIZES)


def test_the_parts_of_the_world_share_no_topic() -> None:
    parts = (WORLD.prompts, WORLD.dialogues, WORLD.notes, WORLD.gold)
    assert [len(part) for part in parts] == [60, 200, 50, 12]
    asked = Counter(row[0] for part in parts for row in part)
    assert max(asked.values()) == 1


def test_the_same_seed_gives_the_same_texts_and_some_of_them_are_dirty() -> None:
    def texts(seed: int) -> list[str]:
        return list(raw_texts(WORLD.dialogues, chooser=random.Random(seed), dirt_percent=20))

    assert texts(1) == texts(1) != texts(2)
    assert 215 < len(texts(1)) < 265
    assert len(list(raw_texts(WORLD.dialogues, chooser=random.Random(1), dirt_percent=0))) == 200


def test_dirt_is_of_the_kinds_that_cleaning_knows() -> None:
    chooser = random.Random(0)
    assert dirty("How?\nSo.", "near repeat", chooser).startswith("How?\nSo.")
    assert "â€™" in dirty("How?\nSo.", "mojibake", chooser)
    assert "@example.org" in dirty("How?\nSo.", "mail", chooser)
    assert "How?" not in dirty("How?\nSo.", "noise", chooser)


def test_the_files_hold_every_text_as_it_is(tmp_path: Path) -> None:
    texts = ['He said "so",\nand left.', "plain"]
    lines = write_jsonl(tmp_path / "a.jsonl", texts).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == texts
    with write_csv(tmp_path / "a.csv", texts).open(encoding="utf-8", newline="") as handle:
        assert [row["text"] for row in csv.DictReader(handle)] == texts


def test_gold_is_far_apart_and_names_the_better_answer() -> None:
    chooser = random.Random(5)
    for number, asked in enumerate(WORLD.gold):
        record = gold_record(number, asked, chooser)
        scores = [true_score("", candidate["content"]) for candidate in record["candidates"]]
        (best,), (other,) = record["gold"]["ranking"]
        assert scores[best] - scores[other] >= GOLD_DISTANCE


def test_annotators_order_answers_as_their_noise_lets_them() -> None:
    *honest, careless = annotators()
    chooser = random.Random(7)
    for annotator in honest:
        assert annotator.rank([3.0, -1.0, 1.0], chooser) == [[0], [2], [1]]
    close = [honest[0].rank([1.0, 1.0], chooser) for _ in range(400)]
    assert 0.1 < sum(len(tiers) == 1 for tiers in close) / 400 < 0.5
    at_random = [careless.rank([3.0, -1.0], chooser) for _ in range(400)]
    assert 0.35 < sum(tiers == [[0], [1]] for tiers in at_random) / 400 < 0.55
