"""Those who ask a resident model: connections to its socket, a short line, one answer after the other."""

import json
import logging
import os
import queue
import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.engine.failures import explain

# How many may wait while one is answered: more could not be served within their patience.
PLACES = 4
LONGEST_LINE = 2 * 1024 * 1024
SECONDS_TO_SPEAK = 2.0
# At zero the likeliest word is wanted, and the sampler divides by the temperature.
COLDEST = 1e-4
# A model whose graphics card broke answers nothing any more; a fresh process may.
FAILURES_IN_A_ROW = 3

Reply = dict[str, Any]


class Refused(Exception):
    """This request gets no answer; `code` is for the platform, the message for a person."""

    def __init__(self, code: str, message: str, **figures: int) -> None:
        super().__init__(message)
        self.reply: Reply = {"error": {"code": code, "message": message, **figures}}


@dataclass(frozen=True)
class Request:
    """`deadline` is on this process's monotonic clock."""

    messages: list[dict[str, str]]
    max_new_tokens: int
    temperature: float
    seed: int
    deadline: float
    reply: Future[Reply] = field(default_factory=Future)


def parse_request(line: bytes) -> Request:
    """The platform has checked what a person sent; this keeps the process alive whatever comes."""
    try:
        given = json.loads(line)
        said = [(str(part["role"]), str(part["content"])) for part in given["messages"]]
        return Request(
            messages=[{"role": role, "content": content} for role, content in said],
            max_new_tokens=max(1, int(given["max_new_tokens"])),
            temperature=max(COLDEST, float(given["temperature"])),
            seed=int(given["seed"]) % 2**63,
            deadline=time.monotonic() + float(given["patience"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise Refused("unreadable", f"The request cannot be read: {error}") from error


class Line:
    """Who waits. The model works on one thread: each thread more would bring a pool of its own."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._places = threading.BoundedSemaphore(PLACES + 1)
        self._is_over = False
        # Held by askers and by the one who sends them away, never by the signal handler.
        self._joining = threading.Lock()

    def ask(self, request: Request) -> Reply:
        """Wait for the answer; raises Refused when too many wait already, or nobody will answer."""
        if not self._places.acquire(blocking=False):
            raise Refused("busy", "Too many requests are waiting for this model.")
        try:
            with self._joining:
                if self._is_over:
                    raise _stopping()
                self._waiting.put(request)
            return request.reply.result()
        finally:
            self._places.release()

    def close(self, *_: object) -> None:
        """Also a signal handler: putting into this kind of queue is safe anywhere."""
        self._waiting.put(None)

    def serve(self, answer: Callable[[Request], Reply]) -> int:
        """Answer one after the other until the line is closed; the exit code."""
        failures = 0
        while failures < FAILURES_IN_A_ROW:
            request = self._waiting.get()
            if request is None:
                return 0
            try:
                request.reply.set_result(answer(request))
                failures = 0
            except Refused as refusal:
                request.reply.set_result(refusal.reply)
            # The boundary of one request: what broke it stands in the log and must not end the process.
            except Exception as error:  # noqa: BLE001
                traceback.print_exc(file=sys.stderr)
                request.reply.set_result({"error": {"code": "failed", "message": explain(error).reason}})
                failures += 1
        return 1

    def send_away(self) -> None:
        """Tell those who still wait, and those who come later, that nobody will answer."""
        with self._joining:
            self._is_over = True
        while not self._waiting.empty():
            request = self._waiting.get()
            if request is not None:
                request.reply.set_result(_stopping().reply)


def _stopping() -> Refused:
    return Refused("stopping", "The model is being stopped.")


class Handler(socketserver.StreamRequestHandler):
    """One connection: one line in, one line out."""

    timeout = SECONDS_TO_SPEAK
    server: "Door"

    def handle(self) -> None:
        try:
            reply = self.server.line.ask(parse_request(self.rfile.readline(LONGEST_LINE)))
        except Refused as refusal:
            reply = refusal.reply
        except OSError:
            # It said nothing in time, or left.
            return
        text = json.dumps(reply, ensure_ascii=False)
        try:
            self.wfile.write(text.encode("utf-8", errors="replace") + b"\n")
        except OSError:
            logging.info("Somebody did not wait for the answer.")


class Door(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A thread for each connection; closing it waits until the last answer was sent."""

    request_queue_size = 64

    def __init__(self, path: Path, line: Line) -> None:
        self.line = line
        self.path = path
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            super().__init__(str(path), Handler)
        finally:
            os.umask(before)

    def open(self) -> None:
        threading.Thread(target=self.serve_forever, name="door", daemon=True).start()

    def close(self) -> None:
        # Who connects from now on must not wait for an answer that never comes.
        self.path.unlink(missing_ok=True)
        self.shutdown()
        self.line.send_away()
        self.server_close()
