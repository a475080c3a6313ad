"""One object of each kind in the workspace of Alice, Bob and Rita, made by the product's own functions."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F

from accounts.idempotency import remembered
from accounts.invitations import invite
from accounts.models import ApiToken, Invitation, Role
from accounts.tokens import create_token
from annotation import queue, submissions
from annotation.kinds.ranking import Answer as Ranking
from annotation.models import Annotation, Assignment, Project, Standing, Task, TaskImport
from annotation.projects import publish_guideline
from annotation.standings import pause
from annotation.uploads import receive
from annotera.erasures import request_erasure
from annotera.models import RewardRule
from annotera.rules import check_rules, set_reward_rule
from corpus import cleaning_runs, versions
from corpus.intake import receive_at_once
from corpus.models import CleaningRun, DatasetVersion, Document, Erasure, Source, VersionTag
from corpus.preference_imports import source_for
from corpus.tags import tag
from jobs.launching import enqueue
from jobs.models import Job, Queue
from production.deployments import deploy
from production.feedback import give
from production.harvest import harvest
from production.models import Deployment, Harvest, Output
from qa import inbox
from qa.gold import import_gold
from qa.models import Acceptance, Gold
from qa.quality import measure_now
from tests.annotation.worlds import add_tasks, an_answer, consenting, make_project, task_record
from tests.conftest import Cast
from tests.corpus.collected import make_source
from tests.corpus.frozen import freeze, pairs
from tests.production.made import make_output
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
    def described_source(self) -> Source:
        """Documents may come in for it."""
        return make_source(self.cast)

    @cached_property
    def document(self) -> Document:
        body = b'{"text": "Write to jane@example.org.", "id": "d1", "lang": "en"}'
        upload = receive_at_once(source=self.described_source, by=self.cast.alice, body=body)
        return Document.objects.get(upload=upload)

    @cached_property
    def cleaning(self) -> CleaningRun:
        """A preview that waits to be applied."""
        run = cleaning_runs.preview(source=self.document.source, by=self.cast.alice)
        return cleaning_runs.preview_now(run)

    @cached_property
    def applied_cleaning(self) -> CleaningRun:
        waiting = cleaning_runs.preview(source=self.document.source, by=self.cast.alice)
        run = cleaning_runs.preview_now(waiting)
        return cleaning_runs.apply_now(cleaning_runs.apply(run=run, by=self.cast.alice))

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

    @cached_property
    def rule(self) -> RewardRule:
        """Set by Alice; it acts once it is checked."""
        base = self.model.made_by.base_model
        rule = set_reward_rule(project=self.project, by=self.cast.alice, base_model=base, threshold=2)
        released = versions.Parent(kind="project", uid=self.project.uid, role="annotations")
        freeze(self.cast.workspace, rows=pairs(3), name="released", parents=[released])
        return rule

    @cached_property
    def deployment(self) -> Deployment:
        """Active; no process answers for it."""
        model = self.model.made_by.base_model
        return deploy(workspace=self.cast.workspace, by=self.cast.alice, model=model, name="assistant")

    @cached_property
    def output(self) -> Output:
        return make_output(self.deployment)

    @cached_property
    def sent_back(self) -> Harvest:
        """With a better answer of Rita's to compare it with."""
        better = {"text": "A boat is a small ship."}
        give(output=self.output, by=self.cast.rita, kind="correction", value=better)
        return harvest(project=self.project, by=self.cast.alice, outputs=[self.output])[0]

    @cached_property
    def tag(self) -> VersionTag:
        return tag(version=self.version, name="newest", by=self.cast.alice)

    @cached_property
    def erasure(self) -> Erasure:
        """Requested by Alice; its job waits."""
        alice = self.cast.alice
        return request_erasure(workspace=alice.workspace, by=alice, identifier="ben@example.org")

    @cached_property
    def acceptance(self) -> Acceptance:
        """Of Bob's answer, which the policy accepted."""
        answered = self.answered
        inbox.take()
        return Acceptance.objects.get(annotation__assignment=answered)

    @cached_property
    def unseen_task(self) -> Task:
        """Work that nobody has."""
        return Task.objects.filter(project=self.project, purpose="work", open_slots=F("overlap")).latest("pk")

    @cached_property
    def gold(self) -> Gold:
        record = {"prompt": "Why?", "candidates": ["a", "b"], "gold": {"ranking": [[0], [1]]}}
        return import_gold(project=self.project, records=[record], by=self.cast.rita)[0]

    @cached_property
    def paused(self) -> Standing:
        """Bob, by a gold task that he missed."""
        project, bob = self.acceptance.project, self.cast.bob
        task = self.gold.task
        shown = [str(uid) for uid in task.candidates.order_by("position").values_list("uid", flat=True)]
        handed = Assignment.objects.create(
            workspace=project.workspace, project=project, task=task, membership=bob, shown_order=shown,
            state=Assignment.State.EXPIRED,
        )  # fmt: skip
        wrong = Ranking(shown_order=tuple(shown), ranking=((shown[1],), (shown[0],)))
        submissions.submit(assignment=handed, answer=wrong)
        inbox.take()
        pause(membership=bob, project=project, reason="Look.")
        return Standing.objects.get(project=project, membership=bob)

    def make_everything(self) -> None:
        """A row in every table."""
        made = (
            self.invitation_and_secret,
            self.token,
            self.job,
            self.annotation,
            self.source,
            self.cleaning,
            self.run,
            self.upload,
            self.rule,
            self.sent_back,
            self.tag,
            self.erasure,
            self.paused,
            measure_now(project=self.project, by=self.cast.rita),
        )
        assert all(made)
        check_rules()
        publish_guideline(membership=self.cast.alice, project=self.project, text="Be fair.")
        run = self.model.made_by
        RunMetric.objects.create(run=run, step=0, values={"loss": 1.0})
        RunSample.objects.create(run=run, step=0, position=0, values={"prompt": "Why?"})
        RunAlarm.objects.create(run=run, step=8, kind="length", reason="The answers became longer.")
        remembered(membership=self.cast.bob, key="key", route="r", body=b"", act=lambda: (200, {}))
