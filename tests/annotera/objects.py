"""One object of each kind in the workspace of Alice, Bob and Rita, made by the product's own functions."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.idempotency import remembered
from accounts.invitations import invite
from accounts.models import ApiToken, Invitation, Role
from accounts.tokens import create_token
from annotation import queue, submissions
from annotation.models import Annotation, Assignment, Project, Task, TaskImport
from annotation.projects import publish_guideline
from annotation.uploads import receive
from corpus.models import DatasetVersion, Source
from corpus.preference_imports import source_for
from jobs.launching import enqueue
from jobs.models import Job, Queue
from tests.annotation.worlds import add_tasks, an_answer, consenting, make_project, task_record
from tests.conftest import Cast
from tests.training.registered import frozen, make_model, make_run
from training.models import ModelVersion, RunAlarm, RunMetric, RunSample, TrainingRun


@dataclass(frozen=True, eq=False)
class Objects:
    """Each object is made when a row of the table first asks for it."""

    cast: Cast

    @cached_property
    def invitation_and_secret(self) -> tuple[Invitation, str]:
        return invite(actor=self.cast.alice, email="new@example.org", role=Role.ANNOTATOR)

    @cached_property
    def token(self) -> ApiToken:
        """Bob's own."""
        return create_token(membership=self.cast.bob, name="Bob's script")[0]

    @cached_property
    def job(self) -> Job:
        return enqueue(
            workspace=self.cast.workspace,
            kind="count",
            queue=Queue.LIGHT,
            title="Counting",
            payload={},
            created_by=self.cast.alice,
        )

    @cached_property
    def project(self) -> Project:
        project = make_project(self.cast)
        add_tasks(project, 3)
        consenting(self.cast.alice, self.cast.bob, self.cast.rita)
        return project

    @cached_property
    def task(self) -> Task:
        return Task.objects.filter(project=self.project).earliest("pk")

    @cached_property
    def upload(self) -> TaskImport:
        """A file whose preview waits for Alice."""
        lines = json.dumps(task_record(100)).encode()
        return receive(
            membership=self.cast.alice,
            project=self.project,
            upload=SimpleUploadedFile("tasks.jsonl", lines),
        )

    @cached_property
    def assignment(self) -> Assignment:
        """Open in Bob's hands."""
        handed: Any = queue.hand_out(membership=self.cast.bob, project=self.project)
        return handed.assignment

    @cached_property
    def annotation(self) -> Annotation:
        """Bob's."""
        receipt = submissions.submit(assignment=self.assignment, answer=an_answer(self.assignment))
        return Annotation.objects.get(uid=receipt.uid)

    @cached_property
    def answered(self) -> Assignment:
        """Submitted by Bob."""
        return self.annotation.assignment

    @cached_property
    def source(self) -> Source:
        return source_for(
            workspace=self.cast.workspace,
            path=Path("pairs.jsonl"),
            sha256="0" * 64,
            licence="MIT",
            by=self.cast.alice,
        )

    @cached_property
    def version(self) -> DatasetVersion:
        return frozen(self.cast.workspace)

    @cached_property
    def run(self) -> TrainingRun:
        """Queued, started by Alice."""
        return make_run(self.cast.workspace, by=self.cast.alice)

    @cached_property
    def model(self) -> ModelVersion:
        """Made by PPO, so that a base, a reward and a checking model exist too."""
        directory = Path(settings.WORK_ROOT) / "made"
        base = make_model(self.cast.workspace, directory)
        judges = [
            make_model(
                self.cast.workspace, directory, "reward", base_model=base, config_values={"seed": seed}
            )
            for seed in (1, 2)
        ]
        return make_model(
            self.cast.workspace, directory, "ppo", base_model=base, reward_model=judges[0],
            second_model=judges[1],
        )  # fmt: skip

    def make_everything(self) -> None:
        """A row in every table."""
        made = (
            self.invitation_and_secret,
            self.token,
            self.job,
            self.annotation,
            self.source,
            self.run,
            self.upload,
        )
        assert all(made)
        publish_guideline(membership=self.cast.alice, project=self.project, text="Be fair.")
        run = self.model.made_by
        RunMetric.objects.create(run=run, step=0, values={"loss": 1.0})
        RunSample.objects.create(run=run, step=0, position=0, values={"prompt": "Why?"})
        RunAlarm.objects.create(run=run, step=8, kind="length", reason="The answers became longer.")
        remembered(membership=self.cast.bob, key="key", route="r", body=b"", act=lambda: (200, {}))
