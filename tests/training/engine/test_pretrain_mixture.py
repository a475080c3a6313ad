"""Pretraining on several sources reads of each what the mixture asks."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.engine.engine_runs import Finished, run_stage, succeed
from tests.training.engine.frozen_versions import tone_pairs, write_version
from tests.training.engine.test_resuming import killed_and_resumed, resumed_step
from training.configs import PretrainConfig, parse_config
from training.engine.mixing import TrainingText

pytestmark = pytest.mark.engine

SETTINGS: dict[str, Any] = {
    "steps": 150,
    "batch_size": 8,
    "vocabulary_size": 300,
    "hidden_size": 16,
    "layers": 1,
    "heads": 1,
    "context_length": 32,
    "checkpoint_every": 10,
    "mixture": "unimax",
    "mixture_epochs": 20.0,
}
# The engine deals whole windows, of which each belongs to one source: a share is off by less than this.
TOLERANCE = 0.01


def text_of(sizes: dict[str, int], **settings: Any) -> TrainingText:
    """Documents of ten tokens; the tokens of the first source are 1, 2, 3 ..., those of the next follow."""
    sources = [name for name, size in sizes.items() for _ in range(size // 10)]
    ids = torch.arange(1, 10 * len(sources) + 1).split(10)
    config = parse_config(stage="pretrain", values={"context_length": 32, "batch_size": 8, **settings})
    assert isinstance(config, PretrainConfig)
    return TrainingText([row.tolist() for row in ids], sources, config)


def read_in(text: TrainingText, steps: int) -> Counter[str]:
    read: Counter[str] = Counter()
    for step in range(steps):
        read.update(text.count(text.draw(step)[1]))
    return read


@pytest.mark.parametrize(
    ("asked", "small"),
    [
        # In 200 steps of 8 windows of 32 tokens: 51,200 tokens.
        ({"mixture": "temperature", "mixture_temperature": 1.0}, 1000 / 20_000),
        ({"mixture": "temperature", "mixture_temperature": 2.0}, 1000**0.5 / (1000**0.5 + 19_000**0.5)),
        ({"mixture": "temperature", "mixture_temperature": 1000.0}, 0.499),
        ({"mixture": "unimax", "mixture_epochs": 4.0}, 4 * 1000 / 51_200),
        ({"mixture": "unimax", "mixture_epochs": 100.0}, 0.5),
    ],
)
def test_tokens_are_read_in_the_asked_shares(asked: dict[str, Any], small: float) -> None:
    text = text_of({"small": 1000, "large": 19_000}, steps=200, **asked)
    assert text.shares["small"] == pytest.approx(small, abs=1e-3)
    read = read_in(text, 200)
    assert read.total() == 200 * 8 * 32
    assert read["small"] / read.total() == pytest.approx(text.shares["small"], abs=TOLERANCE)


def test_a_window_holds_tokens_of_one_source_and_each_of_them_is_as_likely() -> None:
    text = text_of({"small": 50, "large": 5000}, mixture="temperature", mixture_temperature=1000.0)
    counted: Counter[int] = Counter()
    for step in range(150):
        windows, sources = text.draw(step)
        assert (sources == sources[:, :1]).all()
        # The larger source has the first number; the tokens of the smaller one are 1 to 50.
        assert ((windows <= 50) == (sources == text.names.index("small"))).all()
        counted.update(windows[windows <= 50].tolist())
    assert len(counted) == 50
    assert min(counted.values()) > 0.75 * max(counted.values())


def test_a_source_shorter_than_a_window_goes_on_at_its_beginning() -> None:
    text = text_of({"tiny": 10, "large": 1000}, mixture="temperature", mixture_temperature=1000.0)
    windows, sources = text.draw(0)
    [row, *_] = windows[sources[:, 0] == text.names.index("tiny")].tolist()
    assert sorted(set(row)) == list(range(1, 11)) and len(row) == 32
    assert all(after == before % 10 + 1 for before, after in zip(row, row[1:], strict=False))


@pytest.mark.parametrize("mixture", ["temperature", "unimax"])
def test_of_one_source_every_mixture_draws_what_proportional_draws(mixture: str) -> None:
    mixed, plain = text_of({"only": 1000}, mixture=mixture), text_of({"only": 1000})
    for step in range(5):
        assert torch.equal(mixed.draw(step)[0], plain.draw(step)[0])


def test_proportional_draws_do_not_look_at_the_sources() -> None:
    many, one = text_of({"a": 300, "b": 700}), text_of({"only": 1000})
    for step in range(5):
        assert torch.equal(many.draw(step)[0], one.draw(step)[0])


@pytest.fixture(scope="module")
def two_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [
        {"id": row["id"], "text": row["chosen"][0]["content"], "source": "stories" if number % 10 else "laws"}
        for number, row in enumerate(tone_pairs())
    ]
    directory = tmp_path_factory.mktemp("mixture") / "corpus"
    return write_version(directory, kind="corpus", train=rows[10:], heldout=rows[:10])


@pytest.fixture(scope="module")
def mixed(two_sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    home = tmp_path_factory.mktemp("mixed")
    return succeed(run_stage(home, "pretrain", config=SETTINGS, inputs={"dataset": two_sources}))


def test_the_result_says_how_much_of_each_source_was_read(mixed: Finished) -> None:
    figures = mixed.metrics
    total = SETTINGS["steps"] * SETTINGS["batch_size"] * SETTINGS["context_length"]
    assert figures["source_tokens:laws"] + figures["source_tokens:stories"] == total
    size = figures["source_tokens:laws"] / figures["source_epochs:laws"]
    # A tenth of the text would be half of the budget, were it not for the cap of twenty passes.
    assert size / figures["train_tokens"] == pytest.approx(0.1, abs=0.02)
    assert 20 * size / total < 0.3
    assert figures["source_tokens:laws"] / total == pytest.approx(20 * size / total, abs=TOLERANCE)


def test_a_killed_and_resumed_mixture_ends_with_the_same_weights_and_counts(
    mixed: Finished, two_sources: Path, tmp_path: Path
) -> None:
    inputs = {"dataset": two_sources}
    resumed = killed_and_resumed(tmp_path, "pretrain", config=SETTINGS, inputs=inputs, at=10)
    assert 10 <= resumed_step(resumed) < SETTINGS["steps"]
    assert resumed.weights_hash() == mixed.weights_hash()
    assert resumed.metrics == mixed.metrics
