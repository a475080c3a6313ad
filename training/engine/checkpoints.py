"""Checkpoints that survive a kill at any moment: each is a directory whose manifest, written last, names
every file's SHA-256. One that does not verify is passed over for the one before it, and the person is told.
"""

import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors

from training.engine import ranks
from training.engine.launch import Run

MANIFEST = "manifest.json"
KEPT = 2
NAME = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose every file was found to be as it was written."""

    path: Path
    step: int
    state: Mapping[str, Any]


def save_checkpoint(
    run: Run,
    *,
    step: int,
    state: Mapping[str, Any],
    weights: Mapping[str, Mapping[str, torch.Tensor]],
    resume: Mapping[str, Any],
) -> None:
    """Write weights (safetensors), JSON state and resume state (optimiser, generators) under a temporary
    name, then rename. Fails with OSError when the disk is full; the earlier checkpoints then still stand.
    """
    if not ranks.is_main():
        return
    root = run.work / "checkpoints"
    temporary = root / f"tmp-{step}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, tensors in weights.items():
        write_durably(temporary / f"{name}.safetensors", save_safetensors(_contiguous(tensors)))
    buffer = io.BytesIO()
    torch.save(dict(resume), buffer)
    write_durably(temporary / "resume.pt", buffer.getvalue())
    seal(temporary, step=step, state=dict(state) | {"spent": run.spent()})
    final = root / f"checkpoint-{step}"
    shutil.rmtree(final, ignore_errors=True)
    temporary.rename(final)
    sync_directory(root)
    prune(root)
    run.reporter.checkpoint(step=step)


def _contiguous(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies on the CPU: safetensors refuses tensors that share memory, as tied embeddings do."""
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}


def seal(directory: Path, *, step: int, state: Mapping[str, Any]) -> None:
    """Write the manifest over everything in the directory: only now is it a checkpoint."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != MANIFEST)
    hashes = {str(path.relative_to(directory)): file_sha256(path) for path in files}
    text = json.dumps({"schema": 1, "step": step, "files": hashes, "state": state}, allow_nan=False)
    temporary = directory / f".{MANIFEST}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    write_durably(temporary, f"{digest}\n{text}".encode())
    temporary.rename(directory / MANIFEST)
    sync_directory(directory)


def verify(directory: Path) -> Checkpoint | None:
    """The checkpoint in `directory`, or None where anything differs from its manifest."""
    try:
        digest, text = (directory / MANIFEST).read_text(encoding="utf-8").split("\n", 1)
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            return None
        manifest = json.loads(text)
        for name, expected in manifest["files"].items():
            if file_sha256(directory / name) != expected:
                return None
    except (OSError, ValueError):
        return None
    return Checkpoint(path=directory, step=int(manifest["step"]), state=manifest["state"])


def newest_valid(run: Run) -> Checkpoint | None:
    """The newest checkpoint that verifies; damaged ones are removed, and the person reads about both."""
    if not ranks.is_main():
        # By then the first process has removed what is damaged.
        ranks.wait_for_all()
        return next(filter(None, (verify(path) for _, path in _by_step(run.work / "checkpoints"))), None)
    found = _newest_valid(run)
    ranks.wait_for_all()
    return found


def _newest_valid(run: Run) -> Checkpoint | None:
    root = run.work / "checkpoints"
    for leftover in root.glob("tmp-*"):
        shutil.rmtree(leftover)
    damaged: list[int] = []
    found = None
    for step, directory in _by_step(root):
        found = verify(directory)
        if found:
            break
        damaged.append(step)
        shutil.rmtree(directory)
    if found or damaged:
        run.reporter.resumed(step=found.step if found else 0, sentence=_resume_sentence(found, damaged))
    if not found:
        run.reporter.started_afresh()
    if found:
        run.carry_on_from(found.state.get("spent", {}))
    return found


def _resume_sentence(found: Checkpoint | None, damaged: list[int]) -> str:
    start = (
        f"Resumed from the checkpoint of step {found.step}." if found else "Started again from the beginning."
    )
    if not damaged:
        return start
    return f"{start} The checkpoint of step {', '.join(map(str, damaged))} was damaged and was passed over."


def load_weights(checkpoint: Checkpoint, name: str) -> dict[str, torch.Tensor]:
    return load_safetensors((checkpoint.path / f"{name}.safetensors").read_bytes())


def load_resume_state(checkpoint: Checkpoint) -> dict[str, Any]:
    """Optimiser and generator states; the hash was verified, and weights_only admits tensors and plain
    values.
    """
    state: dict[str, Any] = torch.load(checkpoint.path / "resume.pt", weights_only=True, map_location="cpu")
    return state


def prune(root: Path) -> None:
    """Keep the newest checkpoints that verify. One that does not verify is no fallback, so it does not
    count.
    """
    kept = 0
    for _, directory in _by_step(root):
        if kept < KEPT and verify(directory):
            kept += 1
            continue
        shutil.rmtree(directory)


def _by_step(root: Path) -> list[tuple[int, Path]]:
    if not root.is_dir():
        return []
    matches = ((NAME.fullmatch(path.name), path) for path in root.iterdir())
    return sorted(((int(match.group(1)), path) for match, path in matches if match), reverse=True)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
