"""The demonstration runs from end to end without the platform, and says everywhere that it is simulated.

The settings here are tiny: that the figures are good is for `benchmarks/demo_seeds.py` to show.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from corpus.columns import COLUMNS
from tests.training.engine.engine_runs import ENVIRONMENT, ROOT
from training.engine.demo_world_stages import HomeTaken, Settings, claim

pytestmark = pytest.mark.engine

TINY = {
    "sizes": {"train_prompts": 40, "heldout_prompts": 24, "choosing_prompts": 16, "corpus_texts": 400},
    "pretrain": {"steps": 50, "hidden_size": 64, "layers": 2, "heads": 2},
    "sft": {"steps": 30, "batch_size": 16},
    "reward": {"steps": 8, "batch_size": 16},
    "ppo": {"updates": 2, "batch_size": 16, "evaluation_rows": 24, "evaluate_every": 1, "samples_every": 1},
    "hack": {
        "updates": 12,
        "batch_size": 32,
        "learning_rate": 1e-2,
        "value_learning_rate": 1e-2,
        "evaluation_rows": 24,
        "evaluate_every": 4,
    },
}
KINDS = ("corpus", "demonstrations", "preferences", "prompts")


def demo_world(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    settings = home.parent / "tiny.json"
    settings.write_text(json.dumps(TINY))
    command = [sys.executable, "-m", "training.engine.demo_world", "--seed", "3", "--home", str(home)]
    return subprocess.run(
        [*command, "--settings", str(settings), *options],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=280,
    )


def succeeded(finished: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert finished.returncode == 0, finished.stderr[-3000:]
    return finished


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("world") / "home"


@pytest.fixture(scope="module")
def figures(home: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(succeeded(demo_world(home, "--json")).stdout)
    return document


@dataclass(frozen=True)
class Hacked:
    """What the run made to hack printed and wrote, and what it found of the stages before."""

    table: str
    figures: dict[str, Any]
    results_before: dict[Path, int]


@pytest.fixture(scope="module")
def hacked(home: Path, figures: dict[str, Any]) -> Hacked:
    """On the stages that `figures` left in the same directory."""
    before = result_times(home)
    table = succeeded(demo_world(home, "--hack")).stdout
    return Hacked(table, json.loads((home / "figures-hack.json").read_text()), before)


def result_times(home: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in home.glob("*/output/result.json")}


def test_the_chain_ends_with_every_figure(figures: dict[str, Any]) -> None:
    for name in ("reward_accuracy", "reward_true_accuracy", "true_gain"):
        assert isinstance(figures[name], float) and figures[f"{name}_se"] > 0
    for name in ("true_score", "distinct", "form", "polite_once", "rude", "length"):
        assert {f"{name}_before", f"{name}_after"} <= figures.keys()
    assert figures["heldout_prompts"] == 24
    assert figures["kl_sequence"] == pytest.approx(0.0, abs=3.0)
    assert figures["length_ratio"] > 0
    assert figures["alarms"] == [] == figures["alarms_of_the_model"]
    assert set(figures["cpu_seconds"]) == {"pretrain", "sft", "reward", "ppo", "all"}


def test_the_true_score_looks_on_during_the_training(figures: dict[str, Any]) -> None:
    measured = figures["ppo"]
    assert measured["heldout_second_score_before"] == pytest.approx(figures["true_score_before"], abs=0.7)
    assert {"heldout_second_score_gain", "heldout_second_score_gain_se"} <= measured.keys()


def test_gold_excluded_the_random_annotator_and_ties_are_counted(figures: dict[str, Any], home: Path) -> None:
    labels = figures["labels"]
    assert (labels["annotators"], labels["annotators_excluded"], labels["gold_tasks"]) == (9, 1, 12)
    assert labels["pairs"] + labels["ties"] == 3 * (40 + 24)
    assert labels["votes_dropped"] > 0


def test_everything_says_that_it_is_simulated(figures: dict[str, Any], home: Path) -> None:
    assert figures["simulated"] is True and "Simulated" in figures["note"] and "not facts" in figures["note"]
    for kind in KINDS:
        manifest = json.loads((home / "data" / kind / "manifest.json").read_text())
        assert manifest["counts"]["simulated"] == sum(manifest["rows"].values()) > 0
        for row in rows_of(home, kind):
            assert row["id"].startswith("simulated-")
            assert "simulated" in row.get("source", "simulated")
            assert row.get("is_simulated", True) is True
    assert {row["annotator"] for row in rows_of(home, "preferences")} == {"simulated-majority"}


def test_the_versions_have_the_columns_of_the_platform(figures: dict[str, Any], home: Path) -> None:
    for kind in KINDS:
        for split in ("train", "heldout"):
            schema = pyarrow.parquet.read_schema(home / "data" / kind / f"{split}-00000.parquet")
            assert schema.equals(COLUMNS[kind])


def test_no_stage_trains_on_a_held_out_prompt(figures: dict[str, Any], home: Path) -> None:
    heldout = {asked(row) for row in rows_of(home, "prompts", splits=("heldout",))}
    trained = {asked(row) for kind in KINDS for row in rows_of(home, kind, splits=("train",))}
    assert len(heldout) == 24 + 16 and len(trained) == 440
    assert not heldout & trained


def test_a_directory_holds_one_world_only(figures: dict[str, Any], home: Path) -> None:
    settings = Settings().changed(TINY)
    claim(home, seed=3, settings=settings)
    with pytest.raises(HomeTaken, match="another seed or other settings"):
        claim(home, seed=4, settings=settings)
    with pytest.raises(HomeTaken):
        claim(home, seed=3, settings=settings.changed({"ppo": {"updates": 3}}))


def test_finished_stages_are_not_run_again(hacked: Hacked, home: Path) -> None:
    after = result_times(home)
    assert len(hacked.results_before) == 4 and len(after) == 5
    assert hacked.results_before.items() <= after.items()


def test_the_setting_made_to_hack_raises_the_alarm(hacked: Hacked) -> None:
    raised = [alarm for alarm in hacked.figures["alarms"] if alarm["kind"] != "kl"]
    assert raised and all("The reward rose" in alarm["reason"] and alarm["hint"] for alarm in raised)
    assert max(sample["score"] for sample in hacked.figures["last_samples"]) > 1.0


def test_the_table_shows_the_figures_and_the_alarms(hacked: Hacked) -> None:
    lines = hacked.table.splitlines()
    assert lines[0] == "Simulated world, seed 3, made to hack"
    assert lines[-1].startswith("Simulated") and lines[-1].endswith("not facts.")
    shown = {line[2:34].strip(): line[34:] for line in lines[1:-1]}
    assert shown["annotators excluded by gold"] == "1 of 9"
    assert shown["true gain, paired"].startswith(f"{hacked.figures['true_gain']:.3f} ± ")
    assert shown["alarms raised"] == ", ".join(sorted({each["kind"] for each in hacked.figures["alarms"]}))


def rows_of(home: Path, kind: str, *, splits: tuple[str, ...] = ("train", "heldout")) -> list[dict[str, Any]]:
    return [
        row
        for split in splits
        for row in pyarrow.parquet.read_table(home / "data" / kind / f"{split}-00000.parquet").to_pylist()
    ]


def asked(row: dict[str, Any]) -> str:
    return str(row["prompt"][0]["content"] if "prompt" in row else row["text"].split("\n")[0])
