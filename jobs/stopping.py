"""Whether this process has been told to stop. A plain attribute, because a signal handler sets it."""

from types import FrameType


class Stopping:
    requested = False


def request_stop(number: int = 0, frame: FrameType | None = None) -> None:
    Stopping.requested = True


def stop_requested() -> bool:
    return Stopping.requested
