"""`make demo`, made small: all ten stages in a fresh home, by real servers, workers, engines, inference."""

import json
import math
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.annotera.embedded.installations import fresh_home, run_manage

pytestmark = [pytest.mark.processes, pytest.mark.engine, pytest.mark.timeout(420)]

SMALL = {
    "sizes": {"prompts": 60, "dialogues": 150, "notes": 60, "gold": 14},
    "pretrain": {"steps": 30, "vocabulary_size": 320, "hidden_size": 32, "layers": 2, "heads": 2},
    "sft": {"steps": 10, "batch_size": 8},
    "reward": {"steps": 8, "batch_size": 8},
    "ppo": {"updates": 2, "batch_size": 16, "evaluation_rows": 10, "max_new_tokens": 24, "evaluate_every": 2},
    "rule_threshold": 20,
    "questions_in_production": 10,
    "gold_every": 3,
}


@dataclass(frozen=True)
class Loop:
    home: Path
    ended: "subprocess.CompletedProcess[str]"

    @property
    def document(self) -> dict[str, Any]:
        return json.loads((self.home / "demo.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    changes = tmp_path_factory.mktemp("loop") / "small.json"
    changes.write_text(json.dumps(SMALL), encoding="utf-8")
    with fresh_home() as home:
        ended = run_manage(home, "demo", "--changes", str(changes))
        assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
        yield Loop(home, ended)


def test_it_prints_one_table_and_says_that_all_is_simulated(loop: Loop) -> None:
    assert "The whole loop, simulated" in loop.ended.stdout
    assert "no person wrote or judged this" in loop.ended.stdout
    assert loop.document["simulated"] is True


def test_the_document_holds_a_figure_of_every_stage(loop: Loop) -> None:
    document = loop.document
    for scope in ("all", "accepted"):
        found = document["agreement"][scope]
        assert -1 <= found["low"] <= found["alpha"] <= found["high"] <= 1
    assert {"heldout_accuracy", "true_accuracy", "se"} <= set(document["reward_model"])
    names = (
        "reward_before", "reward_after", "true_before", "true_after", "true_gain_se", "kl_per_sequence",
        "distinct_share", "form_before", "form_after", "length_ratio",
    )  # fmt: skip
    assert all(math.isfinite(document["ppo"][name]) for name in names)
    assert document["seconds"] > 0 and document["cpu_seconds"] > 10


def test_dirt_was_removed_and_the_rest_kept(loop: Loop) -> None:
    data = loop.document["data"]
    assert data["collected"] > 60 + 150 + 60
    assert 0 < data["removed"] < 0.3 * data["collected"]
    assert {"exact_duplicates", "near_duplicates"} <= set(data["reasons"])


def test_hidden_gold_finds_the_careless_annotator(loop: Loop) -> None:
    gold = dict(loop.document["gold"])
    careless = gold.pop("simulated-random")
    assert careless < min(gold.values())
    assert loop.document["rejected"] in ([], ["simulated-random"])


def test_the_last_model_goes_back_to_sources_people_and_guidelines(loop: Loop) -> None:
    lineage = loop.document["lineage"]
    assert lineage["model_version"] == 3  # base, fine-tuned, reward model
    assert lineage["dataset_version"] == 4  # corpus, demonstrations, preferences, prompts
    assert lineage["source"] >= 3 and lineage["guideline"] == 2 and lineage["project"] == 2


def test_production_gives_tasks_back(loop: Loop) -> None:
    production = loop.document["production"]
    assert production["outputs"] == 10 == production["thumbs_up"] + production["thumbs_down"]
    assert production["tasks"] == sum(production["reasons"].values()) > 0


def test_a_second_loop_in_the_same_home_is_refused_and_changes_nothing(loop: Loop) -> None:
    before = (loop.home / "demo.json").read_bytes()
    again = run_manage(loop.home, "demo")
    assert again.returncode != 0
    assert "exists already" in again.stderr
    assert (loop.home / "demo.json").read_bytes() == before
    logins = loop.home / "demo-logins.txt"
    assert logins.stat().st_mode & 0o777 == 0o600 and "alice@loop.local" in logins.read_text()
