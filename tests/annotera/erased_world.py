"""A world in which one person's words are everywhere, and a search that finds them wherever they are."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts.idempotency import remembered
from accounts.models import Membership
from annotation import queue, submissions, uploads
from annotation.drafts import save_draft
from annotation.imports import import_tasks
from annotation.models import Annotation, Assignment, Project, Task
from annotera.erasures import erase_now, request_erasure
from corpus import cleaning_runs, corpus_freezing, intake, sources
from corpus.models import Document, Erasure, Source
from production import deployments, feedback, harvest
from production.models import Output
from qa.models import Acceptance, Gold
from tests.annotation.worlds import an_answer, consenting, make_project
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair
from tests.training.registered import finish, make_run
from training.models import ModelVersion, RunSample, TrainingRun

ADA = "ada@example.org"
MARK = "zanzibarquartz"
OTHERS = "meadowsweet"


@dataclass(frozen=True)
class World:
    cast: Cast
    source: Source
    project: Project
    run: TrainingRun
    waiting_run: TrainingRun
    model: ModelVersion
    output: Output


def build(cast: Cast, directory: Path) -> World:
    """Documents, tasks, answers, drafts, reviews, versions, runs, outputs: each of Ada and of others."""
    consenting(cast.alice, cast.bob, cast.rita)
    source = _collected(cast)
    corpus = corpus_freezing.freeze_corpus(
        workspace=cast.workspace, by=cast.alice, sources=[source], name="letters"
    )
    project = _annotated(cast)
    _uploaded(cast, project)
    run, model = _trained(cast, project, directory)
    output = _served(cast, project, model)
    waiting = make_run(cast.workspace, name="waiting", dataset_version=corpus, by=cast.alice)
    return World(cast, source, project, run, waiting, model, output)


def erased(world: World, identifier: str = ADA) -> Erasure:
    cast = world.cast
    return erase_now(
        request_erasure(
            workspace=cast.workspace, by=cast.alice, identifier=identifier, reason="asked on Monday"
        )
    )


def letters(*, subject: str = ADA) -> bytes:
    lines: list[dict[str, Any]] = [
        {
            "id": f"letter-{number}",
            "text": f"Letter {number} about {OTHERS} and the colours of {number} hills.",
        }
        for number in range(8)
    ]
    lines += [
        {
            "id": f"{MARK}-{number}",
            "text": f"I am {MARK}\u00a0 the {number}th, and I live here.",
            "subject": subject,
        }
        for number in range(3)
    ]
    return "\n".join(json.dumps(line) for line in lines).encode()


def upload_of(cast: Cast, source: Source, content: bytes) -> Any:
    received = intake.receive_documents(
        source=source,
        by=cast.alice,
        upload=SimpleUploadedFile("letters.jsonl", content),
        file_name="letters.jsonl",
    )
    return intake.read_now(upload=received)


def _collected(cast: Cast) -> Source:
    source = sources.describe_source(
        workspace=cast.workspace,
        by=cast.alice,
        name="letters",
        licence="CC-BY-4.0",
        origin="https://letters.example.org",
        lawful_basis="legitimate_interests",
        collector="Alice",
    )
    upload_of(cast, source, letters())
    run = cleaning_runs.preview(source=source, by=cast.alice)
    cleaning_runs.preview_now(run)
    run.refresh_from_db()
    cleaning_runs.apply_now(cleaning_runs.apply(run=run, by=cast.alice))
    return source


def task(number: int, words: str, **values: object) -> dict[str, Any]:
    answers = [
        {"content": f"{words}, said {name} of {number}.", "source": {"model": "m", "note": words}}
        for name in ("one", "two")
    ]
    return {
        "id": f"{words}-{number}",
        "prompt": f"What of {words} {number}?",
        "candidates": answers,
        **values,
    }


def _annotated(cast: Cast) -> Project:
    """Bob answered a task of Ada and one of others, Rita has Ada's task open with a draft."""
    project = make_project(cast, overlap=2)
    records = [task(1, MARK, subject=ADA), task(2, OTHERS, subject="ben"), task(3, OTHERS)]
    import_tasks(project=project, records=records, by=cast.alice)
    for words in (MARK, OTHERS):
        _answer(cast.bob, project, rationale=f"Because of {words}")
    held: Any = queue.hand_out(membership=cast.rita, project=project)
    save_draft(assignment=held.assignment, fields={"rationale": [f"{MARK} again"]}, version=0)
    return project


def _answer(person: Membership, project: Project, *, rationale: str) -> None:
    handed: Any = queue.hand_out(membership=person, project=project)
    receipt = submissions.submit(
        assignment=handed.assignment, answer=an_answer(handed.assignment, rationale=rationale)
    )
    annotation = Annotation.objects.get(uid=receipt.uid)
    Acceptance.objects.update_or_create(
        annotation=annotation,
        defaults={
            "workspace": annotation.workspace,
            "project": project,
            "comment": rationale,
            "fixed_answer": annotation.answer,
        },
    )
    gold = Gold(workspace=annotation.workspace, task=annotation.task, accepted=[], explanation=rationale)
    gold.save()


def _uploaded(cast: Cast, project: Project) -> None:
    """One file waits to be confirmed; one was discarded and is still in the store, packed."""
    waiting = json.dumps(task(20, MARK, subject=ADA)).encode()
    uploads.receive(
        membership=cast.alice, project=project, upload=SimpleUploadedFile("waiting.jsonl", waiting)
    )
    packed = gzip.compress(json.dumps(task(21, MARK, subject=ADA.upper())).encode())
    batch = uploads.receive(
        membership=cast.alice, project=project, upload=SimpleUploadedFile("packed.jsonl.gz", packed)
    )
    uploads.discard(batch=batch)
    other = json.dumps(task(22, OTHERS, subject="ben")).encode()
    uploads.receive(membership=cast.alice, project=project, upload=SimpleUploadedFile("ben.jsonl", other))


def preference_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [pair(number) for number in range(20)]
    for annotation in Annotation.objects.select_related("task", "membership"):
        words = annotation.answer["rationale"]
        rows.append(
            pair(100 + annotation.pk, prompt=words)
            | {
                "annotation": str(annotation.uid),
                "annotator": annotation.membership.pseudonym,
                "subject_key": annotation.subject_key,
            }
        )
    return rows


def _trained(cast: Cast, project: Project, directory: Path) -> tuple[TrainingRun, ModelVersion]:
    version = freeze(cast.workspace, name="preferences", rows=preference_rows(), by=cast.alice)
    run = make_run(cast.workspace, dataset_version=version, by=cast.alice)
    model = finish(run, directory / "engine")
    RunSample.objects.create(run=run, step=1, position=0, values={"prompt": f"Tell of {MARK}"})
    # What a failed attempt left for a look.
    copies = directory / "work" / str(run.job.uid) / "attempt-1"
    copies.mkdir(parents=True)
    (copies / "train.parquet").write_text(MARK)
    return run, model


def _served(cast: Cast, project: Project, model: ModelVersion) -> Output:
    deployment = deployments.deploy(workspace=cast.workspace, by=cast.alice, model=model, name="helper")
    ada = Document.objects.filter(subject_key__isnull=False).first()
    assert ada is not None
    outputs = [
        Output.objects.create(
            workspace=cast.workspace,
            deployment=deployment,
            model=model,
            prompt=[{"role": "user", "content": f"Who is {words}?"}],
            text=f"That is {words}.",
            subject_key=key,
        )
        for words, key in ((MARK, ada.subject_key), (OTHERS, None))
    ]
    for output in outputs:
        feedback.give(
            output=output,
            by=cast.rita,
            kind="correction",
            value={"text": f"No: {output.text}"},
            comment=output.text,
            identifier=f"id {output.text}",
        )
        remembered(
            membership=cast.alice,
            key=f"key-{output.pk}",
            route="api-generate",
            body=b"",
            act=lambda output=output: (200, {"output": str(output.uid), "text": output.text}),
        )
    harvest.harvest(project=project, by=cast.alice, outputs=outputs)
    return outputs[0]


def tables_with(words: str) -> set[str]:
    """The tables with a row in which the words stand anywhere."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" AS r WHERE r::text ILIKE %s', [f"%{words}%"])
            if cursor.fetchone()[0]:
                found.add(table)
    return found


def files_with(words: str, directory: Path) -> set[Path]:
    """The files in which the words stand, packed ones unpacked."""
    return {path for path in directory.rglob("*") if path.is_file() and words in _text_of(path).lower()}


def _text_of(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    try:
        return str(pyarrow.parquet.read_table(path).to_pylist())
    except pyarrow.ArrowInvalid:
        return content.decode("utf-8", "replace")


def rows_and_ids() -> dict[str, list[Any]]:
    """The ids of everything that history holds."""
    models = (Document, Task, Annotation, Assignment, Output, TrainingRun, ModelVersion)
    return {
        model.__name__: list(model.objects.order_by("pk").values_list("uid", flat=True)) for model in models
    }
