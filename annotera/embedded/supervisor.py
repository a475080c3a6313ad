"""Keeps a table of services running until it is told to stop."""

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType

from annotera.embedded.children import adopt_orphans, own_children, send, send_to_group
from annotera.embedded.refusals import Refused
from annotera.embedded.restarts import Restarts
from annotera.embedded.services import Service

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Together below the ten seconds that a person waits for Ctrl-C.
SECONDS_FOR_PROGRAMS = 5.0
SECONDS_FOR_SERVERS = 2.5
SECONDS_FOR_STRANGERS = 3.0
DEATHS_AT_START = 6
LONGEST_NAP = 1.0


class Stopped(Exception):
    """A stop signal came while something was being waited for."""


class Entry:
    """One service with its process, or with the time at which it starts again."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = Restarts()
        self.due_at = 0.0

    def start(self) -> None:
        # Noted before the attempt: one that fails at once must count as a short life.
        self.restarts.started(at=time.monotonic())
        self.process = self.service.start()

    def tend(self, say: Callable[[str], None]) -> None:
        """Notice a death, and start what is due."""
        if self.process is not None and self.process.poll() is not None:
            self._failed(describe_end(self.process.returncode), say)
        if self.process is None and time.monotonic() >= self.due_at:
            try:
                self.start()
            except OSError as error:
                self._failed(f"cannot be started ({error.strerror})", say)

    def _failed(self, how: str, say: Callable[[str], None]) -> None:
        say(f"{self.service.name} {how}; starting it again (its log is {self.service.launch.log}).")
        self.process = None
        self.due_at = self.restarts.died(at=time.monotonic())

    def is_ready(self) -> bool:
        return self.process is not None and self.service.is_ready()


def describe_end(return_code: int) -> str:
    if return_code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"was ended by {names.get(-return_code, f'signal {-return_code}')}"
    return f"ended with code {return_code}"


class Supervisor:
    """Starts services in order, restarts what dies, stops them in reverse.

    Use as a context manager: leaving it stops everything. `adopt` also makes this process the parent of
    orphaned descendants and ends those; a caller that runs foreign commands must leave it off.
    """

    def __init__(self, *, say: Callable[[str], None], adopt: bool) -> None:
        self._say = say
        self._adopt = adopt
        self._entries: list[Entry] = []
        self._steps: set[int] = set()
        self._strangers: dict[int, float] = {}
        self._alarm, self._alarm_writer = socket.socketpair()
        self._stop_signal: int | None = None

    @property
    def stop_requested(self) -> bool:
        return self._stop_signal is not None

    def __enter__(self) -> "Supervisor":
        if self._adopt:
            adopt_orphans()
        self._alarm.setblocking(False)
        self._alarm_writer.setblocking(False)
        signal.set_wakeup_fd(self._alarm_writer.fileno(), warn_on_full_buffer=False)
        # Without a handler the kernel would not wake us when a child ends.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in STOP_SIGNALS:
            # A hang-up that nohup had ignored stays ignored.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._request_stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.shut_down()
        signal.set_wakeup_fd(-1)
        self._alarm.close()
        self._alarm_writer.close()

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_signal = number

    def start(self, services: Sequence[Service]) -> None:
        """Start services together and wait until each is ready.

        Raises Stopped when a stop signal comes first, Refused when one keeps dying or is never ready.
        """
        fresh = [Entry(service) for service in services]
        self._entries += fresh
        begun_at = time.monotonic()
        waiting = fresh
        while waiting:
            self._tend_or_stop()
            for entry in waiting:
                self._refuse_hopeless(entry, begun_at)
            waiting = [entry for entry in waiting if not entry.is_ready()]
            if waiting:
                self._nap(0.05)

    def _refuse_hopeless(self, entry: Entry, begun_at: float) -> None:
        overdue = time.monotonic() - begun_at > entry.service.seconds_to_start
        if overdue or entry.restarts.deaths >= DEATHS_AT_START:
            name, log = entry.service.name, entry.service.launch.log
            raise Refused(f"{name} does not start; the end of {log} says: {last_line(log.read_bytes())}")

    def run_step(self, start: Callable[[], subprocess.Popen[bytes]]) -> int:
        """Run a one-off child beside the services and return its exit code.

        A stop signal ends the child first, then raises Stopped.
        """
        process = start()
        self._steps.add(process.pid)
        try:
            while process.poll() is None:
                if self.stop_requested:
                    self._end_step(process)
                    raise Stopped
                self.tend()
                self._nap(LONGEST_NAP)
        finally:
            self._steps.discard(process.pid)
        return process.returncode

    def _end_step(self, process: subprocess.Popen[bytes]) -> None:
        """A step in our own process group got the terminal's Ctrl-C itself and must not be hurried."""
        heard_it = self._stop_signal == signal.SIGINT and os.getpgid(process.pid) == os.getpgrp()
        if heard_it:
            self._wait_for([process], SECONDS_FOR_PROGRAMS)
        send(process.pid, signal.SIGTERM)
        self._wait_for([process], SECONDS_FOR_PROGRAMS)
        _kill([process])

    def run(self) -> None:
        """Keep everything alive until a stop signal comes."""
        while not self.stop_requested:
            self.tend()
            self._nap(LONGEST_NAP)

    def tend(self) -> None:
        for entry in self._entries:
            entry.tend(self._say)
        if self._adopt:
            self._end_strangers()

    def _tend_or_stop(self) -> None:
        if self.stop_requested:
            raise Stopped
        self.tend()

    def _end_strangers(self) -> None:
        """Orphans of a dead service became our children: ask them to end, insist after a while, reap them."""
        known = self._steps | {entry.process.pid for entry in self._entries if entry.process is not None}
        found = own_children() - known
        now = time.monotonic()
        self._strangers = {pid: self._strangers.get(pid, 0.0) for pid in found}
        for pid, asked_at in self._strangers.items():
            if reap(pid):
                continue
            if not asked_at:
                send(pid, signal.SIGTERM)
                self._strangers[pid] = now
            elif now - asked_at > SECONDS_FOR_STRANGERS:
                send(pid, signal.SIGKILL)

    def _nap(self, longest: float) -> None:
        """Sleep until a signal comes (a child's end is one) or a start or an orphan is due."""
        now = time.monotonic()
        due = [entry.due_at - now for entry in self._entries if entry.process is None]
        if self._strangers:
            due.append(0.2)
        self._doze(max(0.0, min([longest, *due])))

    def _doze(self, seconds: float) -> None:
        select.select([self._alarm], [], [], seconds)
        try:
            self._alarm.recv(4096)
        except BlockingIOError:
            pass

    def shut_down(self) -> None:
        """Programs first, then the servers that they need; the last orphans by force."""
        for last, seconds in ((False, SECONDS_FOR_PROGRAMS), (True, SECONDS_FOR_SERVERS)):
            group = [entry for entry in self._entries if entry.service.outlives_others is last]
            self._stop(group, seconds)
        self._entries = []
        if self._adopt:
            for pid in own_children():
                send(pid, signal.SIGKILL)

    def _stop(self, group: Sequence[Entry], seconds: float) -> None:
        living = [(entry.process, entry.service) for entry in group if entry.process is not None]
        for process, service in living:
            send(process.pid, service.stop_signal)
        self._wait_for([process for process, _ in living], seconds)
        _kill([process for process, _ in living])

    def _wait_for(self, processes: "Sequence[subprocess.Popen[bytes]]", seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
            self._doze(0.05)


def _kill(processes: "Sequence[subprocess.Popen[bytes]]") -> None:
    for process in processes:
        if process.poll() is None:
            if os.getpgid(process.pid) == os.getpgrp():
                process.kill()
            else:
                send_to_group(process.pid, signal.SIGKILL)
            process.wait()


def reap(pid: int) -> bool:
    """Whether this child has ended; its zombie is gone then."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "nothing"
