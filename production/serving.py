"""One engine process for each active deployment: started, watched, started again, stopped.

The rows of the deployments say what is wanted; what happens is written back to them (`ready_at`, `failure`).
All of it runs on one thread, since the kernel ends a child when the thread that started it ends.
"""

import json
import logging
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from core.errors import DomainError
from jobs.children import Child, child_environment
from jobs.exits import failure_for
from jobs.logfiles import JobLog
from production.asking import socket_of
from production.models import Deployment
from training.registry import stage_model

logger = logging.getLogger(__name__)

LONGEST_FAILURE = 500
LONGEST_LINE = 64 * 1024
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_TO_STOP = 3.0
FIRST_DELAY, LONGEST_DELAY = 0.5, 60.0
HEALTHY_AFTER = 60.0


def directory_of(uid: uuid.UUID) -> Path:
    return Path(settings.WORK_ROOT) / "deployments" / str(uid)


class Resident:
    """The process of one deployment, or the time at which it starts again."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.directory = directory_of(deployment.uid)
        self.socket = socket_of(deployment.pk)
        self.child: Child | None = None
        self.is_ready = False
        self.due_at = 0.0
        self._deaths = 0
        self._started_at = 0.0
        self._log = JobLog(self.directory / "log")

    def tend(self) -> None:
        """Notice an end or the readiness of the process; start it when it is due."""
        if self.child is not None and self.child.has_ended:
            self._bury(self.child)
        if self.child is None and time.monotonic() >= self.due_at:
            self._start()
        if self.child is not None and not self.is_ready and self.socket.exists():
            self._write(ready_at=timezone.now(), failure="")
            self.is_ready = True
            logger.info("%s is ready.", self.deployment.name)

    def _start(self) -> None:
        self._started_at = time.monotonic()
        self.socket.unlink(missing_ok=True)
        try:
            path = self._prepare()
            self.child = Child(
                [sys.executable, "-m", "training.engine.serve", str(path)],
                directory=self.directory,
                environment=child_environment(
                    home=self.directory, threads=settings.INFERENCE_THREADS, extra={}
                ),
                log=self._log,
            )
        except (DomainError, OSError) as error:
            self._failed(str(error))

    def _prepare(self) -> Path:
        """A verified copy of the model, kept while this manager lives, and the file with the settings."""
        model, path = self.directory / "model", self.directory / "serve.json"
        if not path.exists():
            shutil.rmtree(model, ignore_errors=True)
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            stage_model(self.deployment.model, model)
        document = {
            "schema": 1,
            "model": str(model),
            "socket": str(self.socket),
            "threads": settings.INFERENCE_THREADS,
            "device": settings.ENGINE_DEVICE,
            "parent_pid": os.getpid(),
        }
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def _bury(self, child: Child) -> None:
        # Helpers that it left behind could keep its output open.
        child.kill_group()
        reason = _last_words(child)
        code = child.close()
        self.child = None
        self._failed(reason or failure_for(code, last_line=self._log.last_line()).reason)

    def _failed(self, reason: str) -> None:
        if time.monotonic() - self._started_at > HEALTHY_AFTER:
            self._deaths = 0
        delay = (
            0.0 if self.is_ready and not self._deaths else min(LONGEST_DELAY, FIRST_DELAY * 2**self._deaths)
        )
        self._deaths += 1
        self.due_at = time.monotonic() + delay
        self.is_ready = False
        self._write(ready_at=None, failure=reason.replace("\x00", "")[:LONGEST_FAILURE])
        logger.error("%s: %s", self.deployment.name, reason)

    def _write(self, **values: object) -> None:
        Deployment.objects.filter(pk=self.deployment.pk, state=Deployment.State.ACTIVE).update(**values)

    def ask_to_stop(self) -> None:
        if self.child is not None:
            self.child.ask_to_stop()

    def end(self) -> None:
        """Whatever is left of it goes, files included."""
        if self.child is not None:
            self.child.close()
            self.child = None
        self.socket.unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def _last_words(child: Child) -> str:
    """What an ended process told as its failure, in words for a person."""
    while line := child.read_line(LONGEST_LINE):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and told.get("type") == "failed":
            return f"{told.get('reason', '')} {told.get('hint', '')}".strip()
    return ""


class Manager:
    """All residents of this machine."""

    def __init__(self) -> None:
        self._residents: dict[int, Resident] = {}
        self._looked_at = float("-inf")

    @property
    def is_busy(self) -> bool:
        """Whether a process is starting or waits to be started, so that looking soon again is worth it."""
        return any(not resident.is_ready for resident in self._residents.values())

    def clear(self) -> None:
        """What a predecessor left: copies of models, and rows that call dead processes ready."""
        active = Deployment.objects.filter(state=Deployment.State.ACTIVE)
        kept = {directory_of(uid) for uid in active.values_list("uid", flat=True)}
        active.exclude(ready_at=None).update(ready_at=None)
        for directory in (Path(settings.WORK_ROOT) / "deployments").glob("*"):
            # Of those that go on, the log says what became of them before.
            shutil.rmtree(directory / "model" if directory in kept else directory, ignore_errors=True)
            (directory / "serve.json").unlink(missing_ok=True)
        Path(settings.INFERENCE_SOCKETS).mkdir(parents=True, exist_ok=True, mode=0o700)

    def tend(self) -> None:
        """One round; raises OperationalError or InterfaceError while the database is away."""
        if time.monotonic() - self._looked_at >= SECONDS_BETWEEN_LOOKS:
            self._look()
            self._looked_at = time.monotonic()
        for resident in self._residents.values():
            resident.tend()

    def _look(self) -> None:
        wanted = set(Deployment.objects.filter(state=Deployment.State.ACTIVE).values_list("pk", flat=True))
        _stop(self._residents.pop(pk) for pk in set(self._residents) - wanted)
        new = wanted - set(self._residents)
        if new:
            for row in Deployment.objects.filter(pk__in=new).select_related("model__workspace"):
                self._residents[row.pk] = Resident(row)

    def stop(self) -> None:
        """End all processes; needs no database."""
        _stop(self._residents.values())
        self._residents = {}


def _stop(residents: Iterable[Resident]) -> None:
    """Each may finish the answer that it is writing; together they get three seconds."""
    leaving = list(residents)
    for resident in leaving:
        resident.ask_to_stop()
    deadline = time.monotonic() + SECONDS_TO_STOP
    while time.monotonic() < deadline and any(
        resident.child is not None and not resident.child.has_ended for resident in leaving
    ):
        time.sleep(0.02)
    for resident in leaving:
        resident.end()
