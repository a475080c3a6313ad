import json
from pathlib import Path

from training.engine.journal import Journal


def line(step: int) -> bytes:
    return (
        json.dumps({"type": "metrics", "step": step, "values": {"loss": 1.0 / (step + 1)}}).encode() + b"\n"
    )


def test_what_was_noted_up_to_the_checkpoint_is_given_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for step in range(6):
        journal.note(line(step))
    assert Journal(tmp_path).cut_after(3) == [line(step) for step in range(4)]


def test_what_comes_after_the_checkpoint_is_forgotten_for_good(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for step in range(6):
        journal.note(line(step))
    journal.cut_after(3)
    journal.note(line(4))
    assert Journal(tmp_path).cut_after(100) == [line(step) for step in range(5)]


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.note(line(1))
    journal.note(line(2)[:-8])
    assert Journal(tmp_path).cut_after(9) == [line(1)]
