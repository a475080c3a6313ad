import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from training.configs import PretrainConfig
from training.engine import checkpoints
from training.engine.launch import Run
from training.engine.progress import Reporter


@dataclass
class Lines(Reporter):
    """A reporter that keeps what it was told."""

    lines: list[Any] = field(default_factory=list)
    cancelled: bool = False

    def _emit(self, line: Any) -> None:
        self.lines.append(line)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(
        stage="pretrain",
        config=PretrainConfig(),
        inputs={},
        work=tmp_path,
        output=tmp_path,
        device="cpu",
        threads=1,
        reporter=Lines(),
        started_at=0.0,
    )


def save(run: Run, step: int) -> None:
    checkpoints.save_checkpoint(
        run,
        step=step,
        state={"metrics": {"loss": 1.0 / step}},
        weights={"model": {"w": torch.full((3,), float(step))}},
        resume={"optimizer": {"moment": torch.tensor([step])}},
    )


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def names(run: Run) -> list[str]:
    return sorted(path.name for path in (run.work / "checkpoints").iterdir())


def test_what_was_saved_is_read_again(run: Run) -> None:
    save(run, 7)
    found = checkpoints.newest_valid(run)
    assert found is not None and found.step == 7
    assert found.state["metrics"] == {"loss": 1 / 7}
    assert checkpoints.load_weights(found, "model")["w"].tolist() == [7.0, 7.0, 7.0]
    assert checkpoints.load_resume_state(found)["optimizer"]["moment"].tolist() == [7]


def test_the_newest_two_are_kept_by_number_not_by_letter(run: Run) -> None:
    for step in (8, 9, 10):
        save(run, step)
    assert names(run) == ["checkpoint-10", "checkpoint-9"]


@pytest.mark.parametrize("name", ["model.safetensors", "resume.pt", "manifest.json"])
def test_a_flipped_byte_falls_back_to_the_one_before_and_says_so(run: Run, name: str) -> None:
    save(run, 1)
    save(run, 2)
    flip_a_byte(run.work / "checkpoints/checkpoint-2" / name)
    found = checkpoints.newest_valid(run)
    assert found is not None and found.step == 1
    line = run.reporter.lines[-1]
    assert (line["type"], line["step"]) == ("resumed", 1)
    assert "step 2 was damaged" in line["sentence"]


def test_with_every_checkpoint_damaged_it_starts_again_and_says_so(run: Run) -> None:
    save(run, 1)
    os.truncate(run.work / "checkpoints/checkpoint-1/resume.pt", 5)
    assert checkpoints.newest_valid(run) is None
    assert "Started again" in run.reporter.lines[-1]["sentence"]


def test_a_half_written_checkpoint_is_never_seen(run: Run) -> None:
    save(run, 1)
    half = run.work / "checkpoints/tmp-2"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    found = checkpoints.newest_valid(run)
    assert found is not None and found.step == 1
    assert names(run) == ["checkpoint-1"]
    save(run, 2)
    assert names(run) == ["checkpoint-1", "checkpoint-2"]


def test_a_first_start_says_nothing_about_resuming(run: Run) -> None:
    assert checkpoints.newest_valid(run) is None
    assert run.reporter.lines == []


def test_time_spent_before_a_resume_is_carried_on(run: Run) -> None:
    save(run, 1)
    found = checkpoints.newest_valid(run)
    assert found is not None
    assert run.seconds_before == found.state["spent"]["seconds"] > 0


def test_a_pickle_that_runs_code_is_not_loaded(run: Run) -> None:
    """Even where somebody could write a manifest that fits it."""
    save(run, 1)
    directory = run.work / "checkpoints/checkpoint-1"
    torch.save({"optimizer": Path("/")}, directory / "resume.pt")
    checkpoints.seal(directory, step=1, state={"spent": {}})
    found = checkpoints.verify(directory)
    assert found is not None
    with pytest.raises(Exception, match="[Ww]eights.only"):
        checkpoints.load_resume_state(found)
