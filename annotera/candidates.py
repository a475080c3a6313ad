"""Frozen prompts become tasks: where people rank with answers of a registered model, else as they are.

It stands here because it joins what may not know one another: projects, frozen data and the engine.
"""

import json
import os
import sys
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import Membership
from annotation.imports import check_open, import_tasks
from annotation.kinds.tasks import LANGUAGE
from annotation.models import Project, TaskImport
from core.errors import Invalid
from corpus import versions
from corpus.models import Dataset, DatasetVersion
from corpus.splits import SPLITS
from corpus.subjects import erased_keys
from jobs.failures import JobFailed
from jobs.launching import enqueue
from jobs.models import Job, Queue
from jobs.running import JobContext
from jobs.subprocesses import run_child
from training import registry
from training.configs import ConfigInvalid, parse_config
from training.models import ModelVersion
from training.run_checks import LANGUAGE_MODELS

CANDIDATES = "annotera.candidates"
PROMPTS = "annotera.prompts"
PROMPT_KINDS = (Dataset.Kind.PROMPTS, Dataset.Kind.PREFERENCES, Dataset.Kind.DEMONSTRATIONS)
MOST_PROMPTS = 2_000
FEWEST_ANSWERS = 2
ROWS_AT_ONCE = 200

Record = dict[str, Any]


class CandidatesRefused(Invalid):
    """The parts do not fit together; `fields` names each that does not."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()), fields=fields)


def request_candidates(
    *,
    project: Project,
    model: ModelVersion | None,
    prompts: DatasetVersion | None,
    by: Membership,
    split: str = "train",
    per_prompt: int = 2,
    limit: int = 200,
    temperature: float = 1.0,
    max_new_tokens: int = 64,
    seed: int = 17,
) -> Job:
    """Queue a job that makes tasks of the first `limit` different prompts of a split.

    A ranking needs a model, which writes `per_prompt` answers to each; the other kinds take none. Raises
    CandidatesRefused, and ProjectClosed.
    """
    check_open(project)
    config: dict[str, object] = {
        "per_prompt": per_prompt, "temperature": temperature, "max_new_tokens": max_new_tokens, "seed": seed,
    }  # fmt: skip
    refused = {
        **_part_problems(project, model, prompts),
        **_number_problems(project, config, split=split, limit=limit),
    }
    if refused or prompts is None:
        raise CandidatesRefused(refused)
    return enqueue(
        workspace=project.workspace,
        kind=CANDIDATES if model else PROMPTS,
        queue=Queue.TRAINING if model else Queue.LIGHT,
        title=_("Tasks of %(project)s from %(prompts)s") % {"project": project.name, "prompts": prompts},
        payload={
            "project": str(project.uid),
            "model": str(model.uid) if model else None,
            "prompts": str(prompts.uid),
            "split": split,
            "limit": limit,
            "config": config if model else {},
        },
        created_by=by,
        requirements={"cpu": settings.ENGINE_THREADS} if model else {},
    )


def _part_problems(
    project: Project, model: ModelVersion | None, prompts: DatasetVersion | None
) -> dict[str, str]:
    found = {"model": _model_problem(project, model), "prompts": _prompts_problem(prompts)}
    for name, part in (("model", model), ("prompts", prompts)):
        if part is not None and part.workspace_id != project.workspace_id:
            found[name] = _("There is nothing by this id in this workspace.")
    return {name: problem for name, problem in found.items() if problem}


def _model_problem(project: Project, model: ModelVersion | None) -> str:
    if project.kind != Project.Kind.RANKING:
        return _("Only the tasks of a ranking have answers of a model.") if model else ""
    if model is None:
        return _("Choose the model that writes the answers.")
    return "" if model.stage in LANGUAGE_MODELS else _("Choose a language model; this is a reward model.")


def _prompts_problem(prompts: DatasetVersion | None) -> str:
    if prompts is None:
        return _("Choose a dataset version.")
    if prompts.dataset.kind not in PROMPT_KINDS:
        return _("This version holds no prompts: choose prompts, preferences or demonstrations.")
    if prompts.redacted_at:
        return _("Rows of this version were erased: choose the version that followed it.")
    return ""


def _number_problems(
    project: Project, config: dict[str, object], *, split: str, limit: object
) -> dict[str, str]:
    try:
        parse_config(stage="generate", values=config)
        found = {}
    except ConfigInvalid as error:
        found = {name: _(message) for name, message in error.fields.items()}
    per_prompt = config["per_prompt"]
    is_ranking = project.kind == Project.Kind.RANKING
    if is_ranking and "per_prompt" not in found and per_prompt in range(FEWEST_ANSWERS):
        found["per_prompt"] = _("A ranking needs at least two answers.")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_PROMPTS:
        found["limit"] = _("A whole number from %(least)d to %(most)d.") % {"least": 1, "most": MOST_PROMPTS}
    if split not in SPLITS:
        found["split"] = _("Choose one of: %(names)s.") % {"names": ", ".join(SPLITS)}
    return found


# --- The job ----------------------------------------------------------------------------------------------
def make_tasks(context: JobContext) -> dict[str, object]:
    """Do what was asked for. A second run of the same job finds its tasks and changes nothing.

    Raises JobFailed with words for the person, and what the engine's end means.
    """
    done = TaskImport.objects.filter(job=context.job, state=TaskImport.State.DONE).first()
    if done:
        return {"import": str(done.uid), "tasks": done.rows}
    project = Project.objects.select_related("workspace").get(uid=context.payload["project"])
    version = DatasetVersion.objects.select_related("workspace", "dataset").get(
        uid=context.payload["prompts"]
    )
    prompts = list(
        islice(different_prompts(version, split=context.payload["split"]), int(context.payload["limit"]))
    )
    if not prompts:
        raise JobFailed(
            _("There is no prompt in this part of the version."),
            _("Choose the other split, or another version."),
        )
    model = _model_of(context)
    records = answered(context, model, version, prompts) if model else prompts
    if not records:
        raise JobFailed(
            _("The model gave the same answer, or none, to every prompt: there is nothing to rank."),
            _("Raise the temperature, or choose another model."),
        )
    # The last step, and held until the commit: a worker that was given up imports nothing.
    with context.fenced():
        batch = import_tasks(
            project=project,
            records=records,
            by=context.job.created_by,
            origin=f"{model} · {version}" if model else str(version),
            job=context.job,
        )
    return {"import": str(batch.uid), "tasks": batch.rows, "left_out": len(prompts) - batch.rows}


def _model_of(context: JobContext) -> ModelVersion | None:
    uid = context.payload["model"]
    return ModelVersion.objects.select_related("workspace").get(uid=uid) if uid else None


def different_prompts(version: DatasetVersion, *, split: str) -> Iterator[Record]:
    """Task records of the prompts of a split, each once, without those of people who were erased."""
    seen: set[str] = set()
    erased = erased_keys(workspace=version.workspace)
    for page in count(step=ROWS_AT_ONCE):
        rows = versions.rows(version, split=split, after=page, limit=ROWS_AT_ONCE)  # type: ignore[arg-type]
        for row in rows:
            key = json.dumps(row["prompt"], sort_keys=True)
            if key in seen or row.get("subject_key") in erased:
                continue
            seen.add(key)
            lang = row.get("lang") or ""
            yield {
                "prompt": row["prompt"],
                # Foreign data may call its language anything; a task holds a language tag or none.
                "lang": lang if LANGUAGE.match(lang) else "",
                "subject_key": row.get("subject_key"),
            }
        if len(rows) < ROWS_AT_ONCE:
            return


def answered(
    context: JobContext, model: ModelVersion, version: DatasetVersion, prompts: list[Record]
) -> list[Record]:
    """The prompts to which the model found at least two different answers, with these as candidates."""
    context.progress(fraction=0.0, sentence=_("Preparing the model"))
    config = context.payload["config"]
    source = {
        "model": str(model.uid), "name": str(model), "prompts": str(version.uid),
        "temperature": config["temperature"], "seed": config["seed"],
    }  # fmt: skip
    return with_candidates(prompts, run_engine(context, model, prompts), source=source)


def with_candidates(prompts: list[Record], answers: list[list[str]], *, source: Record) -> list[Record]:
    """What can be ranked: the prompts with at least two answers."""
    return [
        {**prompt, "candidates": [{"content": text, "source": source} for text in texts]}
        for prompt, texts in zip(prompts, answers, strict=True)
        if len(texts) >= FEWEST_ANSWERS
    ]


def run_engine(context: JobContext, model: ModelVersion, prompts: list[Record]) -> list[list[str]]:
    """Stage the model, let the engine answer, and read its answers: one list a prompt."""
    inputs, output = context.directory / "inputs", context.directory / "output"
    staged = registry.stage_model(model, inputs / "model")
    asked = inputs / "prompts.jsonl"
    lines = (json.dumps({"prompt": prompt["prompt"]}) for prompt in prompts)
    asked.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    document = {
        "schema": 1,
        "stage": "generate",
        "request_id": context.job.request_id,
        "config": context.payload["config"],
        "inputs": {"model": str(staged), "prompts": str(asked)},
        "work": str(context.shared),
        "output": str(output),
        "device": settings.ENGINE_DEVICE,
        "threads": settings.ENGINE_THREADS,
        "parent_pid": os.getpid(),
    }
    run_file = context.directory / "run.json"
    run_file.write_text(json.dumps(document, indent=1), encoding="utf-8")
    argv: list[str | Path] = [sys.executable, "-m", "training.engine.generate", run_file]
    run_child(context, argv, on_line=lambda line: None, threads=settings.ENGINE_THREADS)
    # As bytes: a text may hold signs that end a line for str, but not for JSON lines.
    written = (output / "candidates.jsonl").read_bytes().splitlines()
    return [list(map(str, json.loads(line)["answers"])) for line in written]
