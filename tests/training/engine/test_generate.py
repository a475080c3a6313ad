"""A language model answers prompts: the engine's part of making candidates."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.production.tiny_models import CONTEXT, write_tiny_model
from tests.training.engine.engine_runs import Finished, run_stage, succeed
from tests.training.engine.frozen_versions import tone_preferences
from training.configs import parse_config
from training.engine.failures import InputUnreadable
from training.engine.generate import Asked, generate, read_prompts
from training.engine.launch import Run
from training.engine.progress import Cancelled, Reporter

pytestmark = pytest.mark.engine
PROMPTS = [[{"role": "user", "content": text}] for text in ("Hello", "Why is the sea salty?", "x" * 300)]
SETTINGS = {"per_prompt": 2, "max_new_tokens": 6, "seed": 3}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prompts") / "prompts.jsonl"
    path.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in PROMPTS))
    return path


def written(output: Path) -> list[dict[str, Any]]:
    text = (output / "candidates.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def here(home: Path, model: Path, prompts: Path, **settings: object) -> Run:
    """A run inside this process, which tells its progress to nobody."""
    run = Run(
        stage="generate",
        config=parse_config(stage="generate", values=SETTINGS | settings),
        inputs={"model": model, "prompts": prompts},
        work=home / "work",
        output=home / "output",
        device="cpu",
        threads=1,
        reporter=Reporter(-1, speaks=False),
        started_at=0.0,
    )
    run.output.mkdir(parents=True)
    return run


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory, model: Path, prompts: Path) -> Finished:
    home = tmp_path_factory.mktemp("generate")
    inputs = {"model": model, "prompts": prompts}
    return succeed(run_stage(home, "generate", config=SETTINGS, inputs=inputs))


def test_every_prompt_gets_so_many_different_answers_in_its_own_order(generated: Finished) -> None:
    rows = written(generated.output)
    assert [row["prompt"] for row in rows] == PROMPTS
    for row in rows:
        assert len(row["answers"]) == 2
        assert len({text.strip() for text in row["answers"]}) == 2
        assert all(text.strip() for text in row["answers"])
    figures = generated.metrics
    assert (figures["prompts"], figures["answers"], figures["short"]) == (3, 6, 0)
    assert figures["cut_prompts"] == 1, f"one prompt is longer than the context of {CONTEXT} tokens"
    fractions = [line["fraction"] for line in generated.of_type("progress")]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0


def test_the_same_seed_gives_the_same_answers_and_another_seed_others(
    generated: Finished, tmp_path: Path, model: Path, prompts: Path
) -> None:
    same = here(tmp_path / "same", model, prompts)
    generate(same)
    other = here(tmp_path / "other", model, prompts, seed=4)
    generate(other)
    assert written(same.output) == written(generated.output)
    assert written(other.output) != written(generated.output)


def test_equal_and_empty_answers_count_once_or_not_at_all() -> None:
    asked = Asked([], [])
    for text in ("A boat.", " A boat. ", "", " \n", "A ship.", "N\x00L"):
        asked.take(text)
    assert asked.answers == ["A boat.", "A ship.", "N\ufffdL"]


@pytest.mark.parametrize(
    "text", ["not json", '{"prompt": []}', '{"prompt": [{"role": "user"}]}', '{"question": "x"}', ""]
)
def test_prompts_that_cannot_be_read_end_the_run_with_words(tmp_path: Path, model: Path, text: str) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(text)
    with pytest.raises(InputUnreadable, match="prompts"):
        generate(here(tmp_path / "run", model, path))


def test_a_run_that_is_cancelled_stops_between_two_batches(
    tmp_path: Path, model: Path, prompts: Path
) -> None:
    run = here(tmp_path / "run", model, prompts, batch_size=2)
    run.reporter.cancelled = True
    with pytest.raises(Cancelled):
        generate(run)
    assert list(run.output.iterdir()) == []


def test_it_reads_the_different_prompts_of_a_frozen_version_too(tmp_path: Path, model: Path) -> None:
    run = here(tmp_path / "run", model, tmp_path)
    run.inputs = {"model": model, "dataset": tone_preferences(tmp_path / "pairs")}
    prompts = read_prompts(run)
    assert prompts and all(prompt[-1]["role"] == "user" for prompt in prompts)
    assert len({json.dumps(prompt) for prompt in prompts}) == len(prompts)
