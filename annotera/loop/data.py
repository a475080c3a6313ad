"""Stages 1 to 3 of the loop: collect, clean, freeze, and have demonstrations written."""

import random
from pathlib import Path

from annotation.imports import import_tasks
from annotation.models import Project
from annotation.projects import ProjectSettings, create_project, publish_guideline
from annotera.loop.cast import Cast
from annotera.loop.people import write_everything
from annotera.loop.settings import Settings
from annotera.loop.texts import LANGUAGE, ORIGIN, World, raw_texts, write_csv, write_jsonl
from annotera.loop.waiting import Say, until_done
from corpus import cleaning_runs, corpus_freezing, intake, sources
from corpus.models import CleaningRun, DatasetVersion, Source
from qa import release

LICENCE = "CC0-1.0"
WRITING_GUIDELINE = "Answer the question in whole sentences. This text and all answers are simulated."


def collect(
    *, cast: Cast, world: World, settings: Settings, seed: int, folder: Path, say: Say
) -> dict[str, Source]:
    """Two raw sources and the questions, each described and uploaded as a file."""
    chooser = random.Random(f"simulated collection {seed}")
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "Household dialogues": write_jsonl(
            folder / "dialogues.jsonl",
            raw_texts(world.dialogues, chooser=chooser, dirt_percent=settings.sizes.dirt_percent),
        ),
        "Workshop notes": write_csv(
            folder / "notes.csv",
            raw_texts(world.notes, chooser=chooser, dirt_percent=settings.sizes.dirt_percent),
        ),
        "Questions": write_jsonl(folder / "questions.jsonl", [asked[0] for asked in world.prompts]),
    }
    return {name: _collected(cast, name, path, say=say) for name, path in files.items()}


def _collected(cast: Cast, name: str, path: Path, *, say: Say) -> Source:
    source = sources.describe_source(
        workspace=cast.workspace,
        by=cast.admin,
        name=name,
        licence=LICENCE,
        origin=ORIGIN,
        lawful_basis="no_personal_data",
        collector="make demo",
    )
    upload = intake.receive_documents(source=source, by=cast.admin, upload=path, file_name=path.name)
    until_done(upload.job, say=say)
    upload.refresh_from_db()
    say(f"    {name}: {upload.documents} documents, {upload.reject_count} refused")
    return source


def clean(*, cast: Cast, source: Source, say: Say) -> CleaningRun:
    """A preview first, then the same steps for good."""
    run = cleaning_runs.preview(source=source, by=cast.admin)
    until_done(run.job, say=say)
    run = cleaning_runs.apply(run=run, by=cast.admin)
    until_done(run.job, say=say)
    run.refresh_from_db()
    return run


def freeze_corpus(*, cast: Cast, found: dict[str, Source]) -> DatasetVersion:
    return corpus_freezing.freeze_corpus(
        workspace=cast.workspace,
        by=cast.admin,
        sources=[found["Household dialogues"], found["Workshop notes"]],
        name="Raw household texts",
        heldout_share=0.1,
        note="Simulated.",
    )


def freeze_prompts(*, cast: Cast, found: dict[str, Source], settings: Settings) -> DatasetVersion:
    return corpus_freezing.freeze_prompts(
        workspace=cast.workspace,
        by=cast.admin,
        sources=[found["Questions"]],
        name="Household questions",
        heldout_share=settings.heldout_share,
        note="Simulated.",
    )


def demonstrate(*, cast: Cast, world: World, settings: Settings, seed: int) -> DatasetVersion:
    """A project in which two simulated writers answer every question; what qa accepted is released."""
    project: Project = create_project(
        membership=cast.admin,
        settings=ProjectSettings(
            name="Write answers",
            kind=Project.Kind.DEMONSTRATION,
            description="Simulated writers answer household questions.",
            overlap=len(cast.writers),
            licence=LICENCE,
            lawful_basis="no_personal_data",
        ),
    )
    publish_guideline(membership=cast.admin, project=project, text=WRITING_GUIDELINE)
    records = [
        {"id": f"question-{number}", "prompt": asked[0], "lang": LANGUAGE}
        for number, asked in enumerate(world.prompts)
    ]
    import_tasks(project=project, records=records, by=cast.admin)
    write_everything(project=project, cast=cast, topics=world.topics, seed=seed)
    return release.release_demonstrations(
        project=project, by=cast.admin, heldout_share=settings.heldout_share, note="Simulated."
    )
