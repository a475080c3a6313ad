"""Stages that train adapters, or in bfloat16, leave a plain model behind that the next stage takes as any
other.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tests.training.engine.conftest import REWARD, SFT
from tests.training.engine.engine_runs import Finished, run_stage, succeed
from tests.training.engine.test_ranks import in_two_processes
from tests.training.engine.test_resuming import killed_and_resumed, resumed_step
from training.engine.adapters import computes_in_bfloat16

pytestmark = pytest.mark.engine

LORA = {"lora_rank": 8, "learning_rate": 5e-3}
BFLOAT16 = {"precision": "bfloat16"}
WITHOUT_BFLOAT16 = pytest.mark.skipif(
    not computes_in_bfloat16(torch.device("cpu")), reason="This processor does not compute in bfloat16."
)


@pytest.fixture(scope="module")
def lora_rewarded(chain_home: Path, reward_inputs: dict[str, Path]) -> Finished:
    config = REWARD | LORA
    return succeed(run_stage(chain_home / "reward-lora", "reward", config=config, inputs=reward_inputs))


def is_plain(finished: Finished, architecture: str) -> bool:
    config = json.loads((finished.output / "config.json").read_text())
    with safe_open(finished.output / "model.safetensors", "pt") as weights:
        names = list(weights.keys())
        kinds = {weights.get_slice(name).get_dtype() for name in names}
    files = {path.name for path in finished.output.iterdir()}
    return (
        config["architectures"] == [architecture]
        and kinds == {"F32"}
        and not any("lora" in name or "base_model" in name for name in names)
        and not any(name.startswith("adapter") or name.endswith(".md") for name in files)
    )


def test_a_reward_model_learns_through_adapters_and_is_saved_whole(lora_rewarded: Finished) -> None:
    assert lora_rewarded.metrics["heldout_accuracy"] > 0.85
    assert is_plain(lora_rewarded, "LlamaForSequenceClassification")


def test_the_checkpoints_hold_the_adapters_only(lora_rewarded: Finished) -> None:
    [*_, newest] = sorted((lora_rewarded.output.parent / "work/checkpoints").glob("checkpoint-*"))
    whole = (lora_rewarded.output / "model.safetensors").stat().st_size
    assert not (newest / "model.safetensors").exists()
    assert (newest / "adapter_model.safetensors").stat().st_size < whole / 2


def test_a_killed_run_with_adapters_equals_the_uninterrupted_one(
    tmp_path: Path, reward_inputs: dict[str, Path], lora_rewarded: Finished
) -> None:
    resumed = killed_and_resumed(tmp_path, "reward", config=REWARD | LORA, inputs=reward_inputs, at=10)
    assert 10 <= resumed_step(resumed) < REWARD["steps"]
    assert resumed.weights_hash() == lora_rewarded.weights_hash()
    assert resumed.metrics == lora_rewarded.metrics


def test_a_finished_run_with_adapters_started_again_gives_the_same_model(
    tmp_path: Path, reward_inputs: dict[str, Path], lora_rewarded: Finished
) -> None:
    shutil.copytree(lora_rewarded.output.parent / "work", tmp_path / "work")
    again = succeed(run_stage(tmp_path, "reward", config=REWARD | LORA, inputs=reward_inputs))
    assert again.weights_hash() == lora_rewarded.weights_hash()
    assert not again.of_type("checkpoint")


def test_fine_tuning_learns_through_adapters_and_is_saved_whole(
    tmp_path: Path, sft_inputs: dict[str, Path]
) -> None:
    tuned = succeed(run_stage(tmp_path, "sft", config=SFT | LORA | {"steps": 40}, inputs=sft_inputs))
    assert tuned.metrics["heldout_loss"] < tuned.metrics["heldout_loss_before"] - 0.01
    assert is_plain(tuned, "LlamaForCausalLM")


@WITHOUT_BFLOAT16
def test_adapters_on_bfloat16_weights_learn_and_resume(
    tmp_path: Path, reward_inputs: dict[str, Path], lora_rewarded: Finished
) -> None:
    config = REWARD | LORA | BFLOAT16 | {"steps": 40}
    straight = succeed(run_stage(tmp_path / "straight", "reward", config=config, inputs=reward_inputs))
    assert straight.metrics["heldout_accuracy"] > 0.85
    assert is_plain(straight, "LlamaForSequenceClassification")
    assert straight.weights_hash() != lora_rewarded.weights_hash()
    resumed = killed_and_resumed(tmp_path / "killed", "reward", config=config, inputs=reward_inputs, at=10)
    assert resumed.weights_hash() == straight.weights_hash()


@WITHOUT_BFLOAT16
@pytest.mark.parametrize("stage", ["sft", "reward"])
def test_all_weights_learn_in_bfloat16_and_stay_float32(
    stage: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    config = {"sft": SFT, "reward": REWARD}[stage] | BFLOAT16 | {"steps": 20}
    inputs = request.getfixturevalue(f"{stage}_inputs")
    finished = succeed(run_stage(tmp_path, stage, config=config, inputs=inputs))
    losses = finished.series("loss")
    assert sum(losses[-5:]) < sum(losses[:5])
    kinds = {"sft": "LlamaForCausalLM", "reward": "LlamaForSequenceClassification"}
    assert is_plain(finished, kinds[stage])


def test_adapters_learn_in_two_processes_as_one(tmp_path: Path, reward_inputs: dict[str, Path]) -> None:
    """Each process compares its weights with the other's before they are saved."""
    config = REWARD | LORA | {"steps": 3, "checkpoint_every": 2}
    finished = succeed(in_two_processes(tmp_path, "reward", config=config, inputs=reward_inputs))
    assert finished.result["environment"]["processes"] == 2
    assert is_plain(finished, "LlamaForSequenceClassification")
