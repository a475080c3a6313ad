"""Each stage learns what its data teach, on a model small enough for a test."""

from pathlib import Path

import pytest

from tests.training.engine.conftest import PRETRAIN, REWARD, SFT
from tests.training.engine.engine_runs import Finished, run_stage, succeed
from tests.training.engine.frozen_versions import tone_corpus

pytestmark = pytest.mark.engine


def test_pretraining_lowers_the_loss_on_texts_it_never_saw(pretrained: Finished) -> None:
    figures = pretrained.metrics
    assert figures["heldout_loss_before"] > 5.0
    assert figures["heldout_loss"] < 1.5
    losses = pretrained.series("loss")
    assert len(losses) == PRETRAIN["steps"] and losses[-1] < losses[0] / 3


def test_pretraining_takes_a_corpus_too(tmp_path: Path) -> None:
    settings = PRETRAIN | {"steps": 5}
    inputs = {"dataset": tone_corpus(tmp_path / "corpus")}
    finished = succeed(run_stage(tmp_path / "run", "pretrain", config=settings, inputs=inputs))
    assert finished.metrics["heldout_loss"] < finished.metrics["heldout_loss_before"]


def test_fine_tuning_lowers_the_loss_of_the_answers(tuned: Finished) -> None:
    figures = tuned.metrics
    assert figures["heldout_loss"] < figures["heldout_loss_before"] - 0.02
    assert figures["train_rows"] == 140 and figures["prompts_cut"] == 0
    assert len(tuned.series("loss")) == SFT["steps"]


def test_the_reward_model_tells_polite_from_rude_on_new_prompts(rewarded: Finished) -> None:
    figures = rewarded.metrics
    assert figures["heldout_accuracy"] > 0.85
    assert 0.0 <= figures["heldout_accuracy_se"] < 0.1
    assert figures["heldout_rows"] == 30
    assert len(rewarded.series("accuracy")) == REWARD["steps"]


def test_ppo_raises_the_reward_and_stays_near_the_start(optimised: Finished) -> None:
    figures = optimised.metrics
    assert figures["heldout_reward_gain"] > 3 * figures["heldout_reward_gain_se"]
    assert figures["heldout_kl_sequence_before"] == pytest.approx(0.0, abs=1e-4)
    assert 0.0 < figures["heldout_kl_sequence_after"] < 8.0
    assert figures["heldout_distinct_share_after"] > 0.6


def test_ppo_reports_every_figure_at_every_update(optimised: Finished) -> None:
    wanted = {
        "reward", "reward_normalised", "kl_sequence", "kl_token", "policy_loss", "value_loss", "entropy",
        "clip_fraction", "approx_kl", "response_length", "distinct_share", "explained_variance",
        "learning_rate", "seconds_rollout", "seconds_score", "seconds_forward", "seconds_learn",
    }  # fmt: skip
    lines = optimised.of_type("metrics")
    assert [line["step"] for line in lines] == list(range(1, 11))
    for line in lines:
        assert line["values"].keys() >= wanted
    assert lines[0]["values"]["kl_sequence"] == pytest.approx(0.0, abs=1e-4)


def test_ppo_shows_samples_with_their_scores(optimised: Finished) -> None:
    samples = optimised.of_type("sample")
    assert {line["step"] for line in samples} >= {4, 8, 10}
    for line in samples:
        assert line["values"]["prompt"].startswith("user: How do I ")
        assert isinstance(line["values"]["response"], str)
        assert isinstance(line["values"]["score"], float)


def test_ppo_answers_the_same_heldout_prompts_at_every_evaluation(optimised: Finished) -> None:
    evaluations = {
        line["step"] for line in optimised.of_type("metrics") if "heldout_reward" in line["values"]
    }
    by_step: dict[int, set[str]] = {}
    for line in optimised.of_type("sample"):
        by_step.setdefault(line["step"], set()).add(line["values"]["prompt"])
    same = set.intersection(*(by_step[step] for step in {0} | evaluations))
    assert evaluations
    assert len(same) >= 1


@pytest.mark.parametrize("stage", ["pretrained", "tuned", "rewarded", "optimised"])
def test_progress_only_grows_and_the_result_says_how_it_was_made(
    stage: str, request: pytest.FixtureRequest
) -> None:
    finished: Finished = request.getfixturevalue(stage)
    fractions = [line["fraction"] for line in finished.of_type("progress")]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    facts = finished.result["environment"]
    assert facts.keys() >= {"python", "torch", "transformers", "trl", "threads", "device", "seed"}
    assert finished.result["seconds"] > 0 and finished.result["cpu_seconds"] > 0
    assert not finished.of_type("failed")


def test_cut_prompts_are_counted_and_none_is_dropped(tmp_path: Path, reward_inputs: dict[str, Path]) -> None:
    settings = REWARD | {"steps": 2, "max_length": 24}
    finished = succeed(run_stage(tmp_path, "reward", config=settings, inputs=reward_inputs))
    assert finished.metrics["train_rows"] == 70
    assert finished.metrics["prompts_cut"] > 0


def test_a_chatty_library_lands_in_the_log(tuned: Finished) -> None:
    """TRL prints its figures; stdout holds our lines alone, or reading them above would have failed."""
    assert "mean_token_accuracy" in (tuned.output.parent / "stderr").read_text()
