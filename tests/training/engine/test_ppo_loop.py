"""The loop's own parts, and the loop where there is little to go on."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from tests.training.engine.conftest import PPO
from tests.training.engine.engine_runs import Finished, run_stage, succeed
from tests.training.engine.frozen_versions import question, write_version
from training.configs import PpoConfig
from training.engine.ppo import learning_rate_share
from training.engine.ppo_actors import Scale
from training.engine.ppo_rollouts import draw

pytestmark = pytest.mark.engine


def test_every_prompt_is_drawn_once_before_any_is_drawn_again() -> None:
    config = PpoConfig(batch_size=4, minibatches=2)
    drawn = [index for update in range(5) for index in draw(10, update, config)]
    assert Counter(drawn) == dict.fromkeys(range(10), 2)
    assert sorted(drawn[:10]) == list(range(10)) and drawn[:10] != drawn[10:]


def test_fewer_prompts_than_a_batch_are_drawn_again_within_it() -> None:
    config = PpoConfig(batch_size=8, minibatches=2)
    assert sorted(draw(3, 0, config)[:6]) == [0, 0, 1, 1, 2, 2]


def test_what_is_drawn_depends_on_seed_and_update_alone() -> None:
    config = PpoConfig(seed=3)
    assert draw(100, 5, config) == draw(100, 5, config)
    assert draw(100, 5, config) != draw(100, 5, PpoConfig(seed=4))


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    config = PpoConfig(updates=10, warmup_updates=2)
    shares = [learning_rate_share(update, config) for update in range(10)]
    assert shares[:3] == pytest.approx([1 / 3, 2 / 3, 0.8])
    assert shares[-1] == pytest.approx(0.1)


def test_a_normalised_score_counts_deviations_above_the_start() -> None:
    assert Scale(mean=2.0, deviation=0.5).normalised(torch.tensor([2.0, 3.0])).tolist() == [0.0, 2.0]


def test_it_runs_on_a_handful_of_prompts_without_held_out_ones(
    tmp_path: Path, ppo_inputs: dict[str, Path]
) -> None:
    rows = [{"id": thing, "prompt": question("open", thing)} for thing in ("door", "box", "pan")]
    prompts = write_version(tmp_path / "prompts", kind="prompts", train=rows, heldout=[])
    settings = PPO | {"updates": 1, "batch_size": 8, "rollout_batch_size": 3, "max_new_tokens": 6}
    inputs = ppo_inputs | {"dataset": prompts}
    finished: Finished = succeed(run_stage(tmp_path / "run", "ppo", config=settings, inputs=inputs))
    assert not [name for name in finished.metrics if name.startswith("heldout_reward")]
    assert finished.metrics["train_prompts"] == 3
    # Nothing tells one policy from another, so the last is kept.
    assert finished.metrics["best_update"] == 1


def test_the_limit_holds_without_held_out_prompts_too(tmp_path: Path, ppo_inputs: dict[str, Path]) -> None:
    rows = [{"id": thing, "prompt": question("open", thing)} for thing in ("door", "box", "pan")]
    prompts = write_version(tmp_path / "prompts", kind="prompts", train=rows, heldout=[])
    settings = PPO | {
        "updates": 3,
        "batch_size": 8,
        "learning_rate": 0.03,
        "warmup_updates": 0,
        "kl_stop": 0.02,
    }
    finished = succeed(
        run_stage(tmp_path / "run", "ppo", config=settings, inputs=ppo_inputs | {"dataset": prompts})
    )
    assert finished.of_type("alarm") and finished.metrics["best_update"] == 0
    assert finished.metrics["stopped_at_update"] <= 3
