"""Two processes under torchrun learn as one and end with equal weights.

Every test asserts the number of processes: `accelerate launch --cpu --num_processes 2` starts one, and says
nothing about it.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.training.engine.conftest import PPO, PRETRAIN, REWARD, SFT
from tests.training.engine.engine_runs import (
    ENVIRONMENT,
    Finished,
    finish,
    run_stage,
    succeed,
    write_run_file,
)

pytestmark = pytest.mark.engine
THREE_STEPS = {"steps": 3, "checkpoint_every": 2}

MEET = """
import torch
from training.engine import ranks
ranks.join(torch.device("cpu"))
assert ranks.world() == 2
"""
DEAL = """
mine = ranks.share("abcde")
assert mine == (["a", "c", "e"], ["b", "d"])[ranks.rank()]
assert ranks.gathered(mine) == list("abcde")
rows = torch.tensor([[0], [2]]) + ranks.rank()
assert ranks.gathered_rows(rows).tolist() == [[0], [1], [2], [3]]
assert ranks.anywhere(ranks.rank() == 1) and not ranks.anywhere(False)
"""
ADD_UP = """
weights = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((2,), (1, 3), (1,))]
for weight in weights[:2]:
    weight.grad = torch.full_like(weight, 1.0 + ranks.rank())
ranks.sum_gradients(weights)
assert [weight.grad.tolist() for weight in weights[:2]] == [[3.0, 3.0], [[3.0, 3.0, 3.0]]]
assert weights[2].grad is None
"""
COMPARE = """
ranks.require_equal([torch.ones(3)])
try:
    ranks.require_equal([torch.ones(3), torch.full((3,), float(ranks.rank()))])
except ranks.DifferentWeights as error:
    assert "2 processes hold different weights" in error.reason
else:
    raise AssertionError("The difference was not seen.")
"""


def torchrun(home: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with (home / "stdout").open("w") as stdout, (home / "stderr").open("w") as stderr:
        return subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=stdout,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
            cwd=home,
            env=ENVIRONMENT,
            text=True,
        )


def in_two_processes(
    home: Path, stage: str, *, config: Mapping[str, object], inputs: Mapping[str, Path]
) -> Finished:
    path = write_run_file(home, stage, config=config, inputs=inputs)
    return finish(torchrun(home, "-m", f"training.engine.{stage}", path), path)


def test_items_are_dealt_gathered_and_added_up_and_a_difference_is_seen(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(MEET + DEAL + ADD_UP + COMPARE)
    code = torchrun(tmp_path, script).wait(timeout=60)
    assert code == 0, (tmp_path / "stderr").read_text()


def test_pretraining_in_two_processes_equals_one(tmp_path: Path, demonstrations: Path) -> None:
    settings = {"config": PRETRAIN | THREE_STEPS, "inputs": {"dataset": demonstrations}}
    alone = succeed(run_stage(tmp_path / "one", "pretrain", **settings))
    together = succeed(in_two_processes(tmp_path / "two", "pretrain", **settings))
    assert alone.result["environment"]["processes"] == 1
    assert together.result["environment"]["processes"] == 2
    assert together.series("loss") == pytest.approx(alone.series("loss"), abs=1e-4)
    weights = load_file(alone.output / "model.safetensors")
    for name, tensor in load_file(together.output / "model.safetensors").items():
        assert (tensor - weights[name]).abs().max() < 1e-4, name


@pytest.mark.parametrize(
    ("stage", "config"),
    [("sft", SFT | THREE_STEPS), ("reward", REWARD | THREE_STEPS), ("ppo", PPO | {"updates": 3})],
)
def test_every_stage_ends_in_two_processes_with_equal_weights(
    stage: str, config: dict[str, object], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The engine itself compares the weights before it saves them, and fails where they differ."""
    inputs = request.getfixturevalue(f"{stage}_inputs")
    finished = succeed(in_two_processes(tmp_path, stage, config=config, inputs=inputs))
    assert finished.result["environment"]["processes"] == 2
    assert [line["step"] for line in finished.of_type("metrics")][:3] == [1, 2, 3]
    assert len(finished.of_type("checkpoint")) == len(
        {line["step"] for line in finished.of_type("checkpoint")}
    )


def test_a_batch_that_cannot_be_dealt_out_evenly_is_refused(
    tmp_path: Path, ppo_inputs: dict[str, Path]
) -> None:
    config = PPO | {"updates": 1, "batch_size": 6, "minibatches": 2}
    finished = in_two_processes(tmp_path, "ppo", config=config, inputs=ppo_inputs)
    assert finished.code != 0
    [failure] = finished.of_type("failed")
    assert "cannot be dealt out evenly to 2 processes" in failure["reason"]
