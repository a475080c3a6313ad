"""A workspace in which every text that a person or a model can write is an attack on whoever reads it."""

import json
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.invitations import invite
from accounts.models import ApiToken, Invitation, Membership, Role, User, Workspace
from accounts.tokens import create_token
from annotation import queue
from annotation.drafts import save_draft
from annotation.imports import import_at_once
from annotation.kinds.ranking import parse_answer
from annotation.models import Assignment, Project, Task, TaskImport
from annotation.projects import check_settings, create_project, publish_guideline
from annotation.skipping import skip
from annotation.standings import accept_warning
from annotation.submissions import submit
from annotation.uploads import receive
from corpus.intake import read_now, receive_documents
from corpus.models import DatasetVersion, Document, Source
from corpus.sources import describe_source
from jobs.directories import log_of
from jobs.launching import enqueue
from jobs.models import Job, Queue
from qa.release import release_preferences
from tests.annotation.worlds import consenting, rules_of
from tests.annotera.objects import Objects
from tests.conftest import Cast
from tests.training.registered import finish, make_model, make_run
from training.models import ModelVersion, RunAlarm, RunMetric, RunSample, TrainingRun

SECRET_MODEL = "secret-source-of"
LABELS: set[str] = set()
LINE = "\"'><svg onload=a()><img src=x onerror=a()>Z{{7*7}}Z<script>a()</script>"
BLOCK = (
    LINE + ' </textarea></title><a href="javascript:a()">x</a> [x](javascript:a()) <javascript:a()>\n\n'
    '<div hx-get="/evil/" hx-trigger="load" hx-on::load="a()" data-hx-post="/evil/">Z${7*7}Z</div>\n\n'
    '<iframe srcdoc="<script>a()</script>"></iframe><object data="//evil.example"></object>\n'
    '<form action="https://evil.example"><button formaction="javascript:a()">Submit</button></form>\n'
    "<style>@import url(//evil.example)</style><meta http-equiv=refresh content=0>\n"
    "<base href=//evil.example>\n"
    "![p](http://127.0.0.1:9/leak.png) <math><mtext></table><img src=//evil.example> $\\text{<script>}$\n"
    "```html onload=a()\n<script>a()</script>\n```\n\N{RIGHT-TO-LEFT OVERRIDE}turned\N{LEFT-TO-RIGHT ISOLATE}"
)


def line(label: str) -> str:
    """A name: one line, as long as the shortest field allows."""
    return _labelled(label, LINE)


def block(label: str) -> str:
    """A text of many lines, in Markdown, HTML and templates at once; it fits into 500 characters twice."""
    return _labelled(label, BLOCK)


def _labelled(label: str, text: str) -> str:
    LABELS.add(label := f"hostile-{label}")
    return f"{label} {text}"


def task_line(number: int) -> bytes:
    candidates = [
        {"content": block(f"candidate-{at}"), "source": {"model": f"{SECRET_MODEL}-{at} {LINE}"}}
        for at in range(2)
    ]
    return json.dumps(
        {"id": line("external")[:150] + str(number), "prompt": block("prompt"), "candidates": candidates}
    ).encode()


class HostileObjects(Objects):
    """The same objects as elsewhere, with hostile texts in all their fields."""

    def __init__(self, cast: Cast) -> None:
        super().__init__(cast)
        Workspace.objects.filter(pk=cast.workspace.pk).update(name=line("workspace"))
        for person in (cast.alice, cast.bob):
            User.objects.filter(pk=person.user_id).update(name=line("member"))

    @cached_property
    def invitation_and_secret(self) -> tuple[Invitation, str]:
        LABELS.add("hostile-invited")
        address = '"hostile-invited<script>"@example.org'
        return invite(actor=self.cast.alice, email=address, role=Role.ANNOTATOR)

    @cached_property
    def token(self) -> ApiToken:
        create_token(membership=self.cast.alice, name=line("token"))
        return create_token(membership=self.cast.bob, name=line("token"))[0]

    @cached_property
    def project(self) -> Project:
        """With one answer, one skipped task, and one draft by Bob, who is the only one past the warning."""
        cast, wanted = self.cast, {"name": line("project"), "description": block("description")[:500]}
        wanted["content_warning"] = block("warning")[:300]
        project = create_project(membership=cast.alice, settings=check_settings(wanted))
        publish_guideline(membership=cast.alice, project=project, text=block("guideline"))
        body = b"\n".join(task_line(number) for number in range(6))
        import_at_once(membership=cast.alice, project=project, body=body)
        Task.objects.filter(project=project).update(purpose="work")
        consenting(cast.alice, cast.bob, cast.rita)
        accept_warning(membership=cast.bob, project=project)
        return project

    def handed(self) -> Assignment:
        found: Any = queue.hand_out(membership=self.cast.bob, project=self.project)
        return found.assignment

    @cached_property
    def answered(self) -> Assignment:
        found = self.handed()
        given = {
            "ranking": [str(uid) for uid in found.shown_order],
            "rationale": block("rationale"),
            "rewrite": {"text": block("rewrite"), "of": str(found.shown_order[0])},
        }
        submit(assignment=found, answer=parse_answer(given, rules=rules_of(found)))
        return found

    @cached_property
    def assignment(self) -> Assignment:
        assert self.answered
        skip(assignment=self.handed(), reason="other", note=line("skipped"))
        found = self.handed()
        drafted = {"rationale": [block("draft")], "rewrite": [block("draft")]}
        save_draft(assignment=found, fields=drafted, version=0)
        found.refresh_from_db()
        return found

    @cached_property
    def upload(self) -> TaskImport:
        lines = [task_line(100), json.dumps({line("unknown-field"): 1}).encode(), LINE.encode()]
        upload = SimpleUploadedFile("file", b"\n".join(lines))
        # A browser's name comes without its folders, a script's with whatever it likes.
        upload._name = line("file-name")
        return receive(membership=self.cast.alice, project=self.project, upload=upload)

    @cached_property
    def described_source(self) -> Source:
        return describe_source(
            workspace=self.cast.workspace,
            by=self.cast.alice,
            name=line("source")[:120],
            licence="MIT",
            origin=line("origin"),
            lawful_basis="consent",
            collector=line("collector")[:120],
            holder=line("holder"),
            consent_reference=line("consent"),
        )

    @cached_property
    def document(self) -> Document:
        """Of a file with a hostile name, in which other lines were refused; the text needs mending."""
        row = {"text": block("document") + " schÃ¶n", "id": line("document-id"), "lang": LINE[:35]}
        lines = [row, {line("document-field")[:40]: 1}, {"text": block("document-removed") + "\n!" * 2000}]
        Path(settings.WORK_ROOT).mkdir(parents=True, exist_ok=True)
        path = Path(settings.WORK_ROOT) / "documents"
        path.write_text("\n".join(json.dumps(one) for one in lines), encoding="utf-8")
        upload = receive_documents(
            source=self.described_source,
            by=self.cast.alice,
            upload=path,
            file_name=line("document-file") + ".jsonl",
        )
        read_now(upload=upload)
        return Document.objects.filter(upload=upload).earliest("pk")

    @cached_property
    def version(self) -> DatasetVersion:
        assert self.answered
        return release_preferences(
            project=self.project, by=self.cast.alice, name=line("dataset"), note=block("note")[:500]
        )

    @cached_property
    def job(self) -> Job:
        job = self._enqueued()
        words = {"sentence": line("sentence"), "reason": block("reason"), "hint": block("hint")}
        Job.objects.filter(pk=job.pk).update(state="failed", ended_at=job.created_at, **words)
        log_of(job.uid).line(block("log"))
        return job

    def _enqueued(self) -> Job:
        return enqueue(
            workspace=self.cast.workspace,
            kind="count",
            queue=Queue.LIGHT,
            title=line("title"),
            payload={},
            created_by=Membership.objects.get(pk=self.cast.alice.pk),
        )

    @cached_property
    def run(self) -> TrainingRun:
        run = make_run(
            self.cast.workspace, name=line("run"), dataset_version=self.version, by=self.cast.alice
        )
        log_of(run.job.uid).line(block("run-log"))
        RunMetric.objects.create(run=run, step=0, values={line("figure")[:60]: 1.0})
        sample = {"prompt": line("asked"), "response": block("said"), "score": 1.0}
        RunSample.objects.create(run=run, step=0, position=0, values=sample)
        RunAlarm.objects.create(
            run=run, step=0, kind=LINE[:20], reason=block("alarm"), hint=block("alarm-hint")
        )
        TrainingRun.objects.filter(pk=run.pk).update(environment={line("part"): line("part-version")})
        Job.objects.filter(pk=run.job_id).update(sentence=line("run-sentence"))
        return run

    @cached_property
    def model(self) -> ModelVersion:
        directory = Path(settings.WORK_ROOT) / "made"
        base = make_model(self.cast.workspace, directory, name=line("base"), dataset_version=self.version)
        run = make_run(
            self.cast.workspace, "sft", name=line("model"), dataset_version=self.version, base_model=base
        )
        return finish(run, directory, **{line("final-figure"): 1.0})

    def make_everything(self) -> None:
        made = (self.invitation_and_secret, self.token, self.upload, self.job, self.run, self.model)
        assert all(made) and self.assignment and self.cleaning


VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
FORBIDDEN = {"iframe", "object", "embed", "base", "style", "frame", "applet", "portal"}
ADDRESSES = {"src", "href", "action", "formaction", "data", "poster", "xlink:href", "srcset", "background"}


class ActiveContent(HTMLParser):
    """Collects everything in a page that would act in a browser and is not of our templates."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag in FORBIDDEN or (tag == "script" and not given.get("src", "").startswith("/static/")):
            self.found.append(self.get_starttag_text() or tag)
        if "http-equiv" in given or "style" in given or "srcdoc" in given:
            self.found.append(self.get_starttag_text() or tag)
        for name, value in given.items():
            if name.startswith("on") or not self._is_ours(tag, name, value):
                self.found.append(f"{tag} {name}={value}")
        if tag not in VOID:
            # What turns the direction of letters must not reach beyond its own element.
            isolates = tag in {"bdi", "textarea", "title", "pre"} or given.get("dir") == "auto"
            self._open.append((tag, isolates))

    def handle_endtag(self, tag: str) -> None:
        while any(name == tag for name, _own in self._open) and self._open.pop()[0] != tag:
            continue

    def handle_data(self, data: str) -> None:
        # The text of a fragment without elements goes into an element of the page.
        if "\N{RIGHT-TO-LEFT OVERRIDE}" in data and self._open and not any(own for _tag, own in self._open):
            self.found.append(f"turned outside of an isolate, in {[tag for tag, _own in self._open]}: {data}")

    def _is_ours(self, tag: str, name: str, value: str) -> bool:
        name = name.removeprefix("data-") if name.startswith("data-hx-") else name
        if name.startswith("hx-on") or (name.startswith("hx-") and "js:" in value):
            return False
        if name in {"hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete", "hx-push-url"}:
            return value.startswith("/w/")
        if name in ADDRESSES:
            return self._is_harmless(tag, value)
        return True

    @staticmethod
    def _is_harmless(tag: str, value: str) -> bool:
        own = (value.startswith(("/", "?", "#")) and not value.startswith("//")) or value == ""
        is_icon = tag == "link" and value.startswith("data:image/svg+xml,%3Csvg")
        # A link of a text may lead out, when somebody follows it; nothing else may.
        return own or is_icon or (tag == "a" and value.startswith(("http://", "https://", "mailto:")))


def active_content(html: str) -> list[str]:
    parser = ActiveContent()
    parser.feed(html)
    parser.close()
    return parser.found
