"""Why a run ended badly, in words a person can act on."""

import errno
import re

CALMER = "Lower the learning rate or the largest gradient norm, or raise the warm-up."


class EngineFailure(Exception):
    """An expected end of a run: what happened (`reason`) and what to do about it (`hint`)."""

    def __init__(self, *, reason: str, hint: str) -> None:
        self.reason = reason
        self.hint = hint
        super().__init__(f"{reason} {hint}")


class InputUnreadable(EngineFailure):
    """The run file, the data or a model could not be used as it is."""


class Diverged(EngineFailure):
    """A figure of the training became infinite or not a number."""

    def __init__(self, *, name: str, step: int) -> None:
        super().__init__(
            reason=f"The training diverged: {name} is not a finite number at step {step}.",
            hint=CALMER,
        )


# Libraries report these in words only, without a class or an errno of their own.
MEMORY_WORDS = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|not enough memory", re.I
)
DISK_WORDS = re.compile(r"no space left|os error 28|disk quota|os error 122|PytorchStreamWriter failed", re.I)
NOT_A_NUMBER_WORDS = re.compile(r"probability tensor contains", re.I)


def explain(error: BaseException) -> EngineFailure:
    """Turn any exception into a reason and a hint."""
    if isinstance(error, EngineFailure):
        return error
    if isinstance(error, MemoryError) or MEMORY_WORDS.search(str(error)):
        return EngineFailure(
            reason="The run ran out of memory.",
            hint="Lower the batch size or the longest dialogue, or use a smaller model.",
        )
    if _is_disk_full(error):
        return EngineFailure(
            reason="The disk is full.",
            hint="Free some space, then start again: the run continues from its checkpoint.",
        )
    if NOT_A_NUMBER_WORDS.search(str(error)):
        return EngineFailure(
            reason="The training diverged: the model's probabilities are not finite numbers.",
            hint=CALMER,
        )
    if isinstance(error, PermissionError):
        return EngineFailure(
            reason=f"A file may not be read or written: {error.filename}.",
            hint="Give the account that runs the training access to this path.",
        )
    return EngineFailure(
        reason=f"The engine stopped on an unexpected error: {type(error).__name__}: {error}",
        hint="The log holds the full trace; please report it with the run's settings.",
    )


def _is_disk_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return DISK_WORDS.search(str(error)) is not None
