"""A run that was killed ends with the same weights as one that was not."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.training.engine.conftest import PPO, PRETRAIN, REWARD, SFT
from tests.training.engine.engine_runs import (
    Finished,
    finish,
    run_stage,
    start,
    succeed,
    wait_for_line,
    write_run_file,
)

pytestmark = pytest.mark.engine


def killed_and_resumed(
    home: Path, stage: str, *, config: Mapping[str, object], inputs: Mapping[str, Path], at: int
) -> Finished:
    """Kill -9 as soon as the checkpoint of step `at` is reported, then start again where it was."""
    path = write_run_file(home, stage, config=config, inputs=inputs)
    process = start(path, stage)
    wait_for_line(path, type="checkpoint", step=at)
    process.kill()
    assert process.wait(timeout=10) == -9
    assert not (home / "output/result.json").exists()
    return succeed(finish(start(path, stage), path))


def resumed_step(finished: Finished) -> int:
    [line] = finished.of_type("resumed")
    assert "Resumed from the checkpoint" in line["sentence"]
    return int(line["step"])


def test_pretraining_killed_and_resumed_equals_the_uninterrupted_run(
    tmp_path: Path, demonstrations: Path, pretrained: Finished
) -> None:
    resumed = killed_and_resumed(
        tmp_path, "pretrain", config=PRETRAIN, inputs={"dataset": demonstrations}, at=20
    )
    assert 20 <= resumed_step(resumed) < PRETRAIN["steps"]
    assert resumed.weights_hash() == pretrained.weights_hash()
    assert resumed.metrics == pretrained.metrics
    # The parent may have died with the killed run: what it was told is told again, each step once.
    told = [line["step"] for line in resumed.of_type("metrics")]
    assert told == [line["step"] for line in pretrained.of_type("metrics")]


def test_fine_tuning_killed_and_resumed_equals_the_uninterrupted_run(
    tmp_path: Path, sft_inputs: dict[str, Path], tuned: Finished
) -> None:
    resumed = killed_and_resumed(tmp_path, "sft", config=SFT, inputs=sft_inputs, at=10)
    assert 10 <= resumed_step(resumed) < SFT["steps"]
    assert resumed.weights_hash() == tuned.weights_hash()


def test_reward_training_killed_and_resumed_equals_the_uninterrupted_run(
    tmp_path: Path, reward_inputs: dict[str, Path], rewarded: Finished
) -> None:
    resumed = killed_and_resumed(tmp_path, "reward", config=REWARD, inputs=reward_inputs, at=10)
    assert 10 <= resumed_step(resumed) < REWARD["steps"]
    assert resumed.weights_hash() == rewarded.weights_hash()


def test_ppo_killed_and_resumed_equals_the_uninterrupted_run(
    tmp_path: Path, ppo_inputs: dict[str, Path], optimised: Finished
) -> None:
    resumed = killed_and_resumed(tmp_path, "ppo", config=PPO, inputs=ppo_inputs, at=3)
    assert 3 <= resumed_step(resumed) < PPO["updates"]
    assert resumed.weights_hash() == optimised.weights_hash()
    assert held_out(resumed) == held_out(optimised)
    assert resumed.series("reward") == optimised.series("reward")


def held_out(finished: Finished) -> dict[str, float]:
    return {name: value for name, value in finished.metrics.items() if name.startswith("heldout")}


@pytest.mark.parametrize(("stage", "whole"), [("reward", "rewarded"), ("ppo", "optimised")])
def test_a_damaged_checkpoint_is_passed_over_and_the_end_is_the_same(
    stage: str, whole: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    finished: Finished = request.getfixturevalue(whole)
    inputs = request.getfixturevalue(f"{stage}_inputs")
    config = {"reward": REWARD, "ppo": PPO}[stage]
    last, before = {"reward": (70, 60), "ppo": (10, 9)}[stage]
    shutil.copytree(finished.output.parent / "work", tmp_path / "work")
    weights = next((tmp_path / f"work/checkpoints/checkpoint-{last}").glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    again = succeed(run_stage(tmp_path, stage, config=config, inputs=inputs))
    [line] = again.of_type("resumed")
    assert line["step"] == before and f"step {last} was damaged" in line["sentence"]
    assert again.weights_hash() == finished.weights_hash()


def test_a_finished_run_that_is_started_again_ends_at_once_with_the_same_model(
    tmp_path: Path, sft_inputs: dict[str, Path], tuned: Finished
) -> None:
    shutil.copytree(tuned.output.parent / "work", tmp_path / "work")
    again = succeed(run_stage(tmp_path, "sft", config=SFT, inputs=sft_inputs))
    assert again.weights_hash() == tuned.weights_hash()
    assert again.series("grad_norm") == tuned.series("grad_norm")
    assert not again.of_type("checkpoint")
