"""How a stage ends when it may not go on: cancelled, orphaned, or given what it cannot read."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest
from safetensors.torch import load_file, save_file

from tests.training.engine.conftest import PPO, PRETRAIN, SFT
from tests.training.engine.engine_runs import (
    ENVIRONMENT,
    Finished,
    finish,
    lines_so_far,
    run_stage,
    start,
    succeed,
    wait_for_line,
    wait_until,
    write_run_file,
)
from tests.training.engine.frozen_versions import tone_corpus, tone_preferences

pytestmark = pytest.mark.engine
ENDLESS = PRETRAIN | {"steps": 100_000, "checkpoint_every": 1000}

PARENT = """
import json, os, pathlib, subprocess, sys, time
path = pathlib.Path(sys.argv[1])
path.write_text(json.dumps(json.loads(path.read_text()) | {"parent_pid": os.getpid()}))
command = [sys.executable, "-m", "training.engine.pretrain", str(path)]
child = subprocess.Popen(command, stdin=subprocess.PIPE)
print(child.pid, flush=True)
time.sleep(600)
"""


def cancelled_and_resumed(
    home: Path, stage: str, *, config: Mapping[str, object], inputs: Mapping[str, Path], at: int
) -> tuple[Finished, Finished]:
    """SIGTERM once step `at` was reported; then the same run started again to its end."""
    path = write_run_file(home, stage, config=config, inputs=inputs)
    process = start(path, stage)
    wait_until(lambda: any(line["type"] == "metrics" and line["step"] >= at for line in lines_so_far(path)))
    process.terminate()
    cancelled = finish(process, path)
    return cancelled, succeed(finish(start(path, stage), path))


def check_cancelled(cancelled: Finished, resumed: Finished, whole: Finished) -> None:
    assert cancelled.code == 3
    assert not cancelled.of_type("failed")
    checkpoint = cancelled.of_type("checkpoint")[-1]["step"]
    assert checkpoint >= cancelled.of_type("metrics")[-1]["step"]
    assert [line["step"] for line in resumed.of_type("resumed")] == [checkpoint]
    assert resumed.weights_hash() == whole.weights_hash()


def test_a_cancelled_ppo_run_leaves_a_checkpoint_from_which_it_ends_the_same(
    tmp_path: Path, ppo_inputs: dict[str, Path], optimised: Finished
) -> None:
    cancelled, resumed = cancelled_and_resumed(tmp_path, "ppo", config=PPO, inputs=ppo_inputs, at=4)
    check_cancelled(cancelled, resumed, optimised)


def test_a_cancelled_fine_tuning_leaves_a_checkpoint_from_which_it_ends_the_same(
    tmp_path: Path, sft_inputs: dict[str, Path], tuned: Finished
) -> None:
    cancelled, resumed = cancelled_and_resumed(tmp_path, "sft", config=SFT, inputs=sft_inputs, at=4)
    check_cancelled(cancelled, resumed, tuned)


def test_a_cancel_before_the_first_step_is_obeyed(tmp_path: Path) -> None:
    inputs = {"dataset": tone_corpus(tmp_path / "corpus")}
    path = write_run_file(tmp_path / "run", "pretrain", config=ENDLESS, inputs=inputs)
    process = start(path, "pretrain")
    wait_for_line(path, type="progress", sentence="Learning the tokenizer")
    process.terminate()
    cancelled = finish(process, path)
    assert cancelled.code == 3
    assert cancelled.of_type("checkpoint")


def gone(pid: int) -> bool:
    """Ended, or ended and only waiting to be reaped by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_for_text(stream: IO[str], text: str) -> None:
    """The child writes into its parent's stdout; a child that dies ends the stream and so the test."""
    for line in stream:
        if text in line:
            return
    raise AssertionError("The stage ended before it trained.")


@pytest.mark.parametrize("moment", ["while loading", "while training"])
def test_it_dies_within_five_seconds_of_its_parent(tmp_path: Path, moment: str) -> None:
    inputs = {"dataset": tone_corpus(tmp_path / "corpus")}
    path = write_run_file(tmp_path / "run", "pretrain", config=ENDLESS, inputs=inputs)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(path)], env=ENVIRONMENT, text=True, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    if moment == "while training":
        wait_for_text(parent.stdout, '"metrics"')
    parent.kill()
    parent.wait(timeout=10)
    wait_until(lambda: gone(child), seconds=5)


def test_it_dies_when_the_parent_closes_its_end_of_stdin(tmp_path: Path) -> None:
    inputs = {"dataset": tone_corpus(tmp_path / "corpus")}
    path = write_run_file(tmp_path / "run", "pretrain", config=ENDLESS, inputs=inputs, parent_pid=os.getpid())
    process = start(path, "pretrain", stdin=subprocess.PIPE)
    wait_until(lambda: any(line["type"] == "metrics" for line in lines_so_far(path)))
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=5) not in {0, 1, 3, -signal.SIGTERM}


def test_a_parent_that_is_not_the_one_it_was_told_ends_it_at_once(tmp_path: Path) -> None:
    inputs = {"dataset": tmp_path}
    path = write_run_file(tmp_path / "run", "pretrain", config=ENDLESS, inputs=inputs, parent_pid=1)
    finished = finish(start(path, "pretrain"), path)
    assert finished.code == 4 and finished.lines == []


def failed_line(finished: Finished) -> dict[str, str]:
    assert finished.code == 1
    assert not (finished.output / "result.json").exists()
    line: dict[str, str] = finished.lines[-1]
    assert line["type"] == "failed" and line["reason"] and line["hint"]
    return line


def test_damaged_data_end_the_run_with_a_reason_and_a_hint(tmp_path: Path) -> None:
    directory = tone_preferences(tmp_path / "version")
    (directory / "train-00000.parquet").write_bytes(b"no parquet")
    line = failed_line(
        run_stage(tmp_path / "run", "pretrain", config=PRETRAIN, inputs={"dataset": directory})
    )
    assert "train-00000.parquet is damaged" in line["reason"]


def test_an_unreadable_model_ends_the_run_with_a_reason_and_a_hint(tmp_path: Path, preferences: Path) -> None:
    (tmp_path / "model").mkdir()
    inputs = {"dataset": preferences, "model": tmp_path / "model"}
    line = failed_line(run_stage(tmp_path / "run", "reward", config={}, inputs=inputs))
    assert str(tmp_path / "model") in line["reason"]


def test_refused_settings_name_their_field(tmp_path: Path) -> None:
    line = failed_line(run_stage(tmp_path, "ppo", config={"updates": -1}, inputs={}))
    assert "updates" in line["reason"]


def test_a_reward_model_of_another_tokenizer_is_refused(
    tmp_path: Path, preferences: Path, tuned: Finished
) -> None:
    corpus = {"dataset": tone_corpus(tmp_path / "corpus")}
    settings = PRETRAIN | {"steps": 1, "vocabulary_size": 300}
    other = succeed(run_stage(tmp_path / "other", "pretrain", config=settings, inputs=corpus))
    inputs = {"dataset": preferences, "model": tuned.output, "reward_model": other.output}
    line = failed_line(run_stage(tmp_path / "run", "ppo", config=PPO, inputs=inputs))
    assert "different tokenizers" in line["reason"]


def test_a_run_file_that_is_no_json_ends_with_a_failed_line(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("{")
    finished = finish(start(path, "sft"), path)
    assert finished.code == 1 and finished.lines[-1]["type"] == "failed"


def test_a_loss_that_is_not_a_number_ends_the_run_with_a_reason_and_a_hint(
    tmp_path: Path, demonstrations: Path, pretrained: Finished
) -> None:
    model = shutil.copytree(pretrained.output, tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    inputs = {"dataset": demonstrations, "model": model}
    line = failed_line(run_stage(tmp_path / "run", "sft", config=SFT, inputs=inputs))
    assert "diverged" in line["reason"] and "learning rate" in line["hint"]
