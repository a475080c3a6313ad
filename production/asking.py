"""One question to a resident model: a line into its socket, a line out of it, within seconds."""

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from production.models import Deployment

LONGEST_ANSWER = 4 * 1024 * 1024
SECONDS_TO_CONNECT = 1.0
# The model stops before its caller does, so that the reason arrives.
SECONDS_FOR_THE_WAY = 0.5
# Of the eight threads of a web process, so that pages are served however many wait for models.
MOST_WAITING = 4
_waiting = threading.BoundedSemaphore(MOST_WAITING)


class NotThere(Exception):
    """Nobody listens, or no answer came in time."""


class TooManyWait(Exception):
    """This process waits for as many answers as it may."""


def socket_of(deployment_pk: int) -> Path:
    """Short, since the kernel allows a path of 107 bytes only."""
    return Path(settings.INFERENCE_SOCKETS) / f"d{deployment_pk}.sock"


def ask(deployment: Deployment, question: dict[str, Any]) -> dict[str, Any]:
    """The reply of the deployment's process, after ANNOTERA_INFERENCE_SECONDS at most.

    Raises NotThere, and TooManyWait at once.
    """
    if not _waiting.acquire(blocking=False):
        raise TooManyWait
    try:
        return _asked(deployment, question)
    finally:
        _waiting.release()


def _asked(deployment: Deployment, question: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + settings.INFERENCE_SECONDS
    patience = settings.INFERENCE_SECONDS - SECONDS_FOR_THE_WAY
    line = json.dumps(question | {"patience": patience}, ensure_ascii=False).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(SECONDS_TO_CONNECT)
            connection.connect(str(socket_of(deployment.pk)))
            connection.settimeout(settings.INFERENCE_SECONDS)
            connection.sendall(line)
            reply = json.loads(_read_line(connection, deadline))
    except (OSError, ValueError) as error:
        raise NotThere(str(error)) from error
    if not isinstance(reply, dict):
        raise NotThere("not an object")
    return reply


def _read_line(connection: socket.socket, deadline: float) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        part = connection.recv(65536)
        if not part or len(received) > LONGEST_ANSWER:
            raise NotThere("cut off")
        received += part
    return received
