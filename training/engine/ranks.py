"""Several processes that learn together, started by torchrun. Alone, every function here is trivial.

Items are dealt out like cards: process r of w takes the items r, r + w, r + 2w, ... so that what was
gathered stands in the order in which it was dealt.
"""

import atexit
import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
import torch.distributed
from torch import Tensor

from training.engine.failures import EngineFailure, InputUnreadable

Item = TypeVar("Item")


class DifferentWeights(EngineFailure):
    """What must never happen: the processes no longer train the same model."""

    def __init__(self) -> None:
        super().__init__(
            reason=f"The {world()} processes hold different weights; the run was stopped.",
            hint="Train with one process, and report this with the log: it is an error of the engine.",
        )


def join(device: torch.device) -> None:
    """Meet the other processes, where torchrun started several."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or torch.distributed.is_initialized():
        return
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    atexit.register(leave)


def require_even(count: int, *, what: str) -> None:
    """Raises InputUnreadable unless so many items can be dealt out evenly."""
    if count % world():
        raise InputUnreadable(
            reason=f"{what.capitalize()} of {count} cannot be dealt out evenly to {world()} processes.",
            hint="Choose a batch size that is divisible by the number of processes (times the minibatches).",
        )


def leave() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def world() -> int:
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def rank() -> int:
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def is_main() -> bool:
    return rank() == 0


def wait_for_all() -> None:
    if world() > 1:
        torch.distributed.barrier()


def share(items: Sequence[Item]) -> list[Item]:
    """What this process takes of the items."""
    return list(items[rank() :: world()])


def gathered(mine: list[Item]) -> list[Item]:
    """The items of all processes, in the order in which `share` dealt them."""
    if world() == 1:
        return mine
    parts: list[list[Item]] = [[] for _ in range(world())]
    torch.distributed.all_gather_object(parts, mine)
    total = sum(len(part) for part in parts)
    return [parts[place % world()][place // world()] for place in range(total)]


def gathered_rows(mine: Tensor) -> Tensor:
    """As `gathered`, for the rows of tensors of one shape: (b, ...) to (b * world, ...)."""
    if world() == 1:
        return mine
    parts = [torch.empty_like(mine) for _ in range(world())]
    torch.distributed.all_gather(parts, mine.contiguous())
    return torch.stack(parts, dim=1).flatten(0, 1)


def summed(values: Tensor) -> Tensor:
    if world() > 1:
        torch.distributed.all_reduce(values)
    return values


def sum_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Add up the gradients of all processes, in one message.

    Explicit, instead of a wrapper around the model: a wrapper only sees what goes through its own forward,
    and a model called past it leaves the processes with different weights and no error.
    """
    if world() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = summed(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    for gradient, total in zip(
        gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True
    ):
        gradient.copy_(total.view_as(gradient))


def require_equal(weights: Iterable[Tensor]) -> None:
    """Raises DifferentWeights unless all processes hold the same; a difference would show in no figure."""
    if world() == 1:
        return
    digest = hashlib.sha256()
    for tensor in weights:
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    if len(set(gathered([digest.hexdigest()]))) > 1:
        raise DifferentWeights


def anywhere(flag: bool) -> bool:
    """Whether the flag is up in any of the processes: they must all turn off at the same place."""
    if world() == 1:
        return flag
    return any(gathered([flag]))
