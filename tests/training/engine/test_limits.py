"""A machine with too little room: a disk that fills up in the middle of a run, and too little memory."""

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.engine.conftest import PPO, PRETRAIN
from tests.training.engine.engine_runs import Finished, finish, run_stage, start, succeed, write_run_file

pytestmark = pytest.mark.engine

GIBIBYTE = 2**30


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with too little room for the checkpoints of the tiny chain."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=7m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("Mounting a small file system is not allowed here.")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_is_named_and_once_there_is_room_the_run_goes_on(
    tmp_path: Path, small_disk: Path, ppo_inputs: dict[str, Path], optimised: Finished
) -> None:
    place = {"work": str(small_disk / "work")}
    full = run_stage(tmp_path / "run", "ppo", config=PPO, inputs=ppo_inputs, **place)
    assert full.code == 1
    [failure] = full.of_type("failed")
    assert failure["reason"] == "The disk is full."
    assert "continues from its checkpoint" in failure["hint"]
    reached = full.of_type("checkpoint")[-1]
    assert reached["step"] < PPO["updates"]
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    again = succeed(run_stage(tmp_path / "run", "ppo", config=PPO, inputs=ppo_inputs, **place))
    assert [line["step"] for line in again.of_type("resumed")] == [reached["step"]]
    assert again.weights_hash() == optimised.weights_hash()


def test_too_little_memory_is_named_with_what_to_lower(tmp_path: Path, demonstrations: Path) -> None:
    settings = PRETRAIN | {"batch_size": 4096, "steps": 1}
    path = write_run_file(tmp_path, "pretrain", config=settings, inputs={"dataset": demonstrations})

    def allow_little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (5 * GIBIBYTE, 5 * GIBIBYTE))

    finished = finish(start(path, "pretrain", preexec_fn=allow_little), path)
    assert finished.code == 1
    [failure] = finished.of_type("failed")
    assert failure["reason"] == "The run ran out of memory."
    assert "batch size" in failure["hint"]
