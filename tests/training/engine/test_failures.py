import errno
import json
import math
import os
from pathlib import Path

import pytest
import torch

from training.engine.checkpoints import write_durably
from training.engine.failures import Diverged, explain
from training.engine.progress import Reporter


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (MemoryError(), "memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "memory"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "disk"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk"),
        (RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"), "disk"),
        (RuntimeError("probability tensor contains either `inf`, `nan` or element < 0"), "diverged"),
        (PermissionError(errno.EACCES, "Permission denied", "/somewhere"), "/somewhere"),
        (Diverged(name="loss", step=3), "loss is not a finite number at step 3"),
        (KeyError("odd"), "KeyError"),
    ],
)
def test_each_failure_has_a_reason_and_a_hint(error: Exception, word: str) -> None:
    failure = explain(error)
    assert word in failure.reason
    assert failure.hint


def test_a_figure_that_is_not_finite_never_reaches_the_parent() -> None:
    reading, writing = os.pipe()
    reporter = Reporter(writing)
    reporter.metrics(step=1, values={"loss": 0.5, "explained_variance": None})
    with pytest.raises(Diverged):
        reporter.metrics(step=2, values={"loss": math.nan})
    os.close(writing)
    with os.fdopen(reading) as stream:
        assert [json.loads(line) for line in stream] == [
            {"type": "metrics", "step": 1, "values": {"loss": 0.5}}
        ]


def test_text_that_is_no_unicode_is_still_a_line() -> None:
    reading, writing = os.pipe()
    Reporter(writing).sample(step=1, prompt="a\nb", response="broken \udcff", score=1.0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        [line] = stream.readlines()
    assert json.loads(line)["values"]["response"] == "broken ?"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named_as_such() -> None:
    with pytest.raises(OSError) as refusal:
        write_durably(Path("/dev/full"), b"checkpoint")
    assert explain(refusal.value).reason == "The disk is full."
