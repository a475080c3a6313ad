"""A resident model as the platform meets it: a socket, one line in, one line out."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import poll
from tests.jobs.processes import is_alive
from tests.production.residents import Resident
from tests.production.tiny_models import CONTEXT, write_tiny_model
from training.engine.serve_line import FAILURES_IN_A_ROW, PLACES, Door, Line, Reply, Request

pytestmark = pytest.mark.engine
QUESTION = {
    "messages": [{"role": "user", "content": "Hello"}],
    "max_new_tokens": 16,
    "temperature": 1.0,
    "seed": 3,
    "patience": 9.0,
}
PARENT = """
import os, subprocess, sys, json, pathlib, time
path = pathlib.Path(sys.argv[1])
path.write_text(json.dumps(json.loads(path.read_text()) | {"parent_pid": os.getpid()}))
child = subprocess.Popen([sys.executable, "-m", "training.engine.serve", str(path)], stdin=subprocess.PIPE)
time.sleep(600)
"""


def send(path: Path, line: bytes) -> Reply:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(30)
        connection.connect(str(path))
        connection.sendall(line)
        reply: Reply = json.loads(connection.makefile("rb").readline())
        return reply


def ask(path: Path, **changes: Any) -> Reply:
    return send(path, json.dumps(QUESTION | changes).encode() + b"\n")


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="serve-") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def tiny_model(directory: Path) -> Path:
    return write_tiny_model(directory / "model")


@pytest.fixture(scope="module")
def resident(directory: Path, tiny_model: Path) -> Iterator[Resident]:
    started = Resident(directory / "r", model=tiny_model)
    yield started.wait_until_ready()
    started.end()


def test_it_says_that_it_is_ready_and_only_its_owner_may_connect(resident: Resident) -> None:
    poll(lambda: resident.told, what="a line on standard output")
    assert resident.told == [{"type": "progress", "fraction": 1.0, "sentence": "Ready"}]
    assert resident.socket.stat().st_mode & 0o777 == 0o600


def test_the_same_seed_gives_the_same_text_and_another_seed_another(resident: Resident) -> None:
    first, again, other = ask(resident.socket), ask(resident.socket), ask(resident.socket, seed=4)
    assert first["tokens"] == 16
    assert first["text"] == again["text"] != other["text"]
    assert set(first) == {"text", "tokens", "ended", "milliseconds"}


def test_at_temperature_zero_the_seed_does_not_matter(resident: Resident) -> None:
    cold = [ask(resident.socket, seed=seed, temperature=0)["text"] for seed in (1, 2)]
    assert cold[0] == cold[1]


def test_a_prompt_that_leaves_no_room_is_refused_with_its_length(resident: Resident) -> None:
    reply = ask(resident.socket, messages=[{"role": "user", "content": "x" * CONTEXT}])
    # One token a letter, and begin, user, assistant.
    assert reply["error"]["code"] == "too_long"
    assert (reply["error"]["tokens"], reply["error"]["limit"]) == (CONTEXT + 3, CONTEXT)


def test_an_answer_ends_where_the_model_can_read_no_further(resident: Resident) -> None:
    reply = ask(resident.socket, messages=[{"role": "user", "content": "x" * 80}], max_new_tokens=1000)
    assert 1 <= reply["tokens"] <= CONTEXT - 83


def test_nobody_waits_for_an_answer_that_comes_too_late(resident: Resident) -> None:
    assert ask(resident.socket, patience=0)["error"]["code"] == "too_slow"
    assert ask(resident.socket)["tokens"] == 16


def test_a_typed_turn_stays_text(resident: Resident) -> None:
    """Forged role tokens would let a user speak as the system; each of their characters is a token here."""
    longer = ask(resident.socket, messages=[{"role": "user", "content": "<|system|>" * 10}])
    assert longer["error"]["code"] == "too_long"


HOSTILE = {
    "nothing": b"\n",
    "no object": b"[]\n",
    "no JSON": b"{\n",
    "deep": b"[" * 100_000 + b"\n",
    "not UTF-8": b"\xff\xfe\n",
    "no number": json.dumps(QUESTION | {"seed": "x"}).encode() + b"\n",
    "infinite": json.dumps(QUESTION | {"temperature": 1}).replace("9.0", "1e999").encode() + b"\n",
    "no such role": json.dumps(QUESTION | {"messages": [{"content": "x"}]}).encode() + b"\n",
    "cut off": json.dumps(QUESTION).encode()[:40],
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_line_ends_the_process(resident: Resident, line: bytes) -> None:
    try:
        send(resident.socket, line)
    except (ValueError, OSError):
        pass
    assert ask(resident.socket)["tokens"] == 16


def test_sigterm_ends_it_cleanly_and_its_socket_is_gone(directory: Path, tiny_model: Path) -> None:
    started = Resident(directory / "t", model=tiny_model).wait_until_ready()
    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(timeout=20) == 0
    assert not started.socket.exists()
    started.end()


def test_it_ends_with_its_parent(directory: Path, tiny_model: Path) -> None:
    home = directory / "p"
    home.mkdir()
    path = home / "serve.json"
    document = {"schema": 1, "model": str(tiny_model), "socket": str(home / "s.sock")}
    path.write_text(json.dumps(document | {"threads": 1, "device": "cpu"}))
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(path)], stdout=subprocess.DEVNULL)
    poll((home / "s.sock").exists, seconds=60, what="a resident model")
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    parent.kill()
    parent.wait()
    poll(lambda: not any(is_alive(int(pid)) for pid in children), what="the end of the child")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "/nowhere"}, "cannot be read"),
        ({"device": "abacus"}, "lack or misstate: device"),
        ({"threads": 0}, "lack or misstate: threads"),
        ({"schema": 2}, "not of schema 1"),
    ],
)
def test_what_it_cannot_load_it_tells_its_parent(
    directory: Path, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    document = {"schema": 1, "model": "/nowhere", "socket": str(tmp_path / "s"), "device": "cpu"} | changes
    path = tmp_path / "serve.json"
    path.write_text(json.dumps(document))
    finished = subprocess.run(
        [sys.executable, "-m", "training.engine.serve", str(path)],
        capture_output=True, timeout=60, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert finished.returncode == 1
    [told] = [json.loads(line) for line in finished.stdout.splitlines()]
    assert told["type"] == "failed"
    assert reason in told["reason"]


@dataclass
class Slow:
    """The door of a model that answers only when the test lets it."""

    path: Path
    line: Line
    go: threading.Event
    worker: threading.Thread


@pytest.fixture
def slow() -> Iterator[Slow]:
    go, line = threading.Event(), Line()

    def answer(request: Request) -> Reply:
        if request.seed == 13:
            raise ValueError("unlucky")
        go.wait(20)
        return {"text": request.messages[0]["content"]}

    with tempfile.TemporaryDirectory(prefix="door-") as made:
        door = Door(Path(made) / "s.sock", line)
        door.open()
        worker = threading.Thread(target=line.serve, args=(answer,))
        worker.start()
        yield Slow(door.path, line, go, worker)
        go.set()
        line.close()
        worker.join()
        door.close()


def test_a_few_wait_and_one_more_is_sent_away_at_once(slow: Slow) -> None:
    replies: list[Reply] = []
    people = [threading.Thread(target=lambda: replies.append(ask(slow.path))) for _ in range(PLACES + 4)]
    for person in people:
        person.start()
    poll(lambda: len(replies) == 3, what="those who were sent away")
    assert {reply["error"]["code"] for reply in replies} == {"busy"}
    slow.go.set()
    for person in people:
        person.join()
    assert [reply.get("text") for reply in replies[3:]] == ["Hello"] * (PLACES + 1)


def test_who_still_waits_when_it_stops_is_told(slow: Slow) -> None:
    slow.line.close()
    slow.worker.join()
    replies: list[Reply] = []
    person = threading.Thread(target=lambda: replies.append(ask(slow.path)))
    person.start()
    poll(lambda: slow.line.send_away() or not person.is_alive(), what="an answer")
    assert replies[0]["error"]["code"] == "stopping"


def test_who_connects_before_it_stops_and_speaks_after_is_told(slow: Slow) -> None:
    slow.go.set()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as late:
        late.settimeout(5)
        late.connect(str(slow.path))
        assert ask(slow.path)["text"] == "Hello", "whoever came first was let in by then"
        slow.line.close()
        slow.worker.join()
        slow.line.send_away()
        late.sendall(json.dumps(QUESTION).encode() + b"\n")
        assert json.loads(late.makefile("rb").readline())["error"]["code"] == "stopping"


def test_after_several_failures_in_a_row_it_gives_its_place_to_a_fresh_process(slow: Slow) -> None:
    slow.go.set()
    for _ in range(FAILURES_IN_A_ROW - 1):
        assert ask(slow.path, seed=13)["error"]["code"] == "failed"
    assert ask(slow.path)["text"] == "Hello"
    for _ in range(FAILURES_IN_A_ROW):
        assert slow.worker.is_alive()
        assert ask(slow.path, seed=13)["error"]["code"] == "failed"
    poll(lambda: not slow.worker.is_alive(), what="the end of the line")
