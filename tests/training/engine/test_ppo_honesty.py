"""What a PPO run says of itself, and what it does about it, in real runs on the tiny chain."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.engine.conftest import PPO
from tests.training.engine.engine_runs import (
    Finished,
    finish,
    run_stage,
    start,
    succeed,
    wait_for_line,
    write_run_file,
)
from tests.training.engine.test_resuming import killed_and_resumed

pytestmark = pytest.mark.engine

# A rate at which the policy runs away at once.
RUNAWAY = PPO | {"updates": 6, "learning_rate": 2e-3, "kl_target": 0.0, "kl_stop": 0.5, "checkpoint_every": 1}


def test_the_best_policy_by_the_held_out_signal_is_kept_and_judged_on_fresh_answers(
    optimised: Finished,
) -> None:
    figures = optimised.metrics
    evaluated = [
        line for line in optimised.of_type("metrics") if "heldout_reward_normalised" in line["values"]
    ]
    assert [line["step"] for line in evaluated] == [8, 10]

    def worth(values: dict[str, float]) -> float:
        missing_ends = 1 - values["heldout_ended_share"]
        return values["heldout_reward_normalised"] - missing_ends - 0.15 * values["heldout_kl_sequence"]

    best = max(evaluated, key=lambda line: worth(line["values"]))
    assert figures["best_update"] == best["step"]
    assert figures["heldout_reward_after"] != best["values"]["heldout_reward"]


def test_it_compares_with_the_starting_policy_in_every_respect(optimised: Finished) -> None:
    figures = optimised.metrics
    for name in (
        "reward", "reward_normalised", "kl_sequence", "kl_token", "response_length", "distinct_share",
        "ended_share", "reference_perplexity",
    ):  # fmt: skip
        assert math.isfinite(figures[f"heldout_{name}_before"])
        assert math.isfinite(figures[f"heldout_{name}_after"])
    assert figures["heldout_length_ratio"] == pytest.approx(
        figures["heldout_response_length_after"] / figures["heldout_response_length_before"]
    )
    assert figures["heldout_reference_perplexity_before"] >= 1.0
    assert "heldout_second_score_after" not in figures


def test_the_coefficient_follows_the_target_down_to_its_floor(optimised: Finished) -> None:
    coefficients = optimised.series("kl_coefficient")
    assert coefficients[:3] == pytest.approx([0.15, 0.135, 0.1215])
    assert min(coefficients) == coefficients[-1] == 0.1


def test_beyond_the_limit_it_stops_says_so_and_keeps_the_best_policy(
    tmp_path: Path, ppo_inputs: dict[str, Path]
) -> None:
    finished = succeed(run_stage(tmp_path, "ppo", config=RUNAWAY, inputs=ppo_inputs))
    stopped = finished.metrics["stopped_at_update"]
    assert stopped < RUNAWAY["updates"]
    assert len(finished.series("reward")) == stopped
    assert finished.series("kl_sequence")[-1] > 0.5
    alarms = finished.of_type("alarm")
    assert {(line["step"], line["values"]["kind"]) for line in alarms} >= {(stopped, "kl")}
    assert len({(line["step"], line["values"]["kind"]) for line in alarms}) == len(alarms)
    reasons = [line["values"]["reason"] for line in alarms]
    assert any("nats an answer away from the start; the limit is 0.5." in reason for reason in reasons)
    # What lies beyond the limit is never kept.
    assert finished.metrics["best_update"] in range(stopped + 1)
    assert finished.metrics["heldout_kl_sequence_after"] <= 0.5
    assert "kl" not in {alarm["kind"] for alarm in finished.result["alarms"]}


def test_where_nothing_is_better_than_the_start_the_start_is_kept(
    tmp_path: Path, ppo_inputs: dict[str, Path]
) -> None:
    # A limit that the first step already breaks, and a rate at which it surely does.
    config = PPO | {
        "updates": 3,
        "learning_rate": 0.03,
        "warmup_updates": 0,
        "kl_target": 0.0,
        "kl_stop": 0.02,
    }
    finished = succeed(run_stage(tmp_path, "ppo", config=config, inputs=ppo_inputs))
    assert finished.metrics["best_update"] == 0
    assert finished.metrics["heldout_reward_gain"] == 0.0
    assert finished.metrics["heldout_kl_sequence_after"] == 0.0
    kept = load_file(finished.output / "model.safetensors")
    start = load_file(ppo_inputs["model"] / "model.safetensors")
    assert all(torch.equal(tensor, start[name]) for name, tensor in kept.items())


def test_killed_after_the_stop_it_ends_as_if_it_had_not_been(
    tmp_path: Path, ppo_inputs: dict[str, Path]
) -> None:
    whole = succeed(run_stage(tmp_path / "whole", "ppo", config=RUNAWAY, inputs=ppo_inputs))
    last = int(whole.metrics["stopped_at_update"])
    path = write_run_file(tmp_path / "killed", "ppo", config=RUNAWAY, inputs=ppo_inputs)
    process = start(path, "ppo")
    wait_for_line(path, type="checkpoint", step=last)
    process.kill()
    process.wait(timeout=10)
    resumed = succeed(finish(start(path, "ppo"), path))
    assert resumed.weights_hash() == whole.weights_hash()
    assert resumed.result["alarms"] == whole.result["alarms"]
    # The parent may have died too: what it was told is told again.
    assert {line["step"] for line in resumed.of_type("alarm")} == {last}


def test_a_second_model_judges_the_held_out_answers_only(
    tmp_path: Path, ppo_inputs: dict[str, Path], optimised: Finished
) -> None:
    inputs = ppo_inputs | {"second_model": ppo_inputs["reward_model"]}
    finished = succeed(run_stage(tmp_path, "ppo", config=PPO, inputs=inputs))
    figures = finished.metrics
    # It is the same model here, so it must say the same; and the training must not have noticed it.
    assert figures["heldout_second_score_before"] == pytest.approx(figures["heldout_reward_before"])
    assert figures["heldout_second_score_gain"] == pytest.approx(figures["heldout_reward_gain"])
    assert finished.series("reward") == optimised.series("reward")
    assert len(finished.series("heldout_second_score")) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"lora_rank": 8, "learning_rate": 3e-3, "value_learning_rate": 2e-3},
        {"value_model": "shared"},
    ],
    ids=["lora", "shared trunk"],
)
def test_the_cheaper_ways_learn_too_and_leave_a_plain_model(
    changes: dict[str, object], tmp_path: Path, ppo_inputs: dict[str, Path], optimised: Finished
) -> None:
    finished = succeed(run_stage(tmp_path, "ppo", config=PPO | changes, inputs=ppo_inputs))
    figures = finished.metrics
    assert figures["heldout_reward_gain"] > 2 * figures["heldout_reward_gain_se"]
    assert figures["heldout_kl_sequence_before"] == 0.0
    assert 0.0 < figures["heldout_kl_sequence_after"] < 8.0
    assert {path.name for path in finished.output.iterdir()} == {
        path.name for path in optimised.output.iterdir()
    }


def test_a_killed_run_with_adapters_ends_as_if_it_had_not_been(
    tmp_path: Path, ppo_inputs: dict[str, Path]
) -> None:
    config = PPO | {"updates": 4, "evaluate_every": 2, "checkpoint_every": 1, "lora_rank": 4}
    whole = succeed(run_stage(tmp_path / "whole", "ppo", config=config, inputs=ppo_inputs))
    resumed = killed_and_resumed(tmp_path / "killed", "ppo", config=config, inputs=ppo_inputs, at=2)
    assert resumed.weights_hash() == whole.weights_hash()
    assert resumed.metrics["best_update"] == whole.metrics["best_update"]
