"""The registry of models: files in the blob store, a hashed manifest, and parents as lineage edges."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership, Workspace
from core import blobs
from core.errors import Invalid
from corpus import lineage, manifests
from training.model_files import ModelFilesRefused, checked_files, read_result
from training.models import ModelVersion, Stage, TrainingRun

SCHEMA = 1


class ModelRefused(Invalid):
    """The engine's output is not a model that may be registered."""


class ModelDamaged(blobs.BlobCorrupt):
    """The manifest no longer matches the model's hash."""


@dataclass(frozen=True)
class Collected:
    """A model whose files are stored already, ready to be registered in a short transaction."""

    files: list[dict[str, Any]]
    result: dict[str, Any]


def collect(*, workspace: Workspace, directory: Path) -> Collected:
    """Check the engine's output and put its files into the blob store; raises ModelRefused."""
    try:
        result = read_result(directory)
        paths = checked_files(directory)
    except ModelFilesRefused as error:
        raise ModelRefused(_("The model was not registered. %(reason)s") % {"reason": error}) from error
    return Collected(files=store_files(paths, workspace=workspace), result=result)


def store_files(paths: Iterable[Path], *, workspace: Workspace) -> list[dict[str, Any]]:
    """Put files into the blob store, and name them as a manifest does."""
    return [
        {
            "name": path.name,
            "bytes": path.stat().st_size,
            "sha256": blobs.put_file(path, workspace=workspace.uid),
        }
        for path in paths
    ]


def parents_of_run(run: TrainingRun) -> list[tuple[lineage.Node, str]]:
    """What the model of a run is made from, with the part each played."""
    parents: list[tuple[lineage.Node, str]] = []
    if run.base_model:
        parents.append((("model_version", run.base_model.uid), "base"))
    if run.reward_model:
        parents.append((("model_version", run.reward_model.uid), "reward_model"))
    if run.second_model:
        parents.append((("model_version", run.second_model.uid), "second_model"))
    role = "prompts" if run.stage == Stage.PPO else "dataset"
    parents.append((("dataset_version", run.dataset_version.uid), role))
    return parents


@transaction.atomic
def register(*, run: TrainingRun, collected: Collected) -> ModelVersion:
    """Write the model of a run, its lineage and the run's result.

    A run has one model, however often this is called.
    """
    run = TrainingRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if run.output_model:
        return run.output_model
    model = create_version(
        workspace=run.workspace,
        name=run.name,
        contents={"stage": run.stage, "files": collected.files, "config": run.config},
        parents=parents_of_run(run),
        metrics=collected.result["metrics"],
        created_by=run.created_by,
    )
    run.output_model = model
    run.result = collected.result
    run.environment |= collected.result.get("environment", {})
    run.save(update_fields=["output_model", "result", "environment"])
    return model


def create_version(
    *,
    workspace: Workspace,
    name: str,
    contents: dict[str, Any],
    parents: Sequence[tuple[lineage.Node, str]],
    metrics: dict[str, Any],
    created_by: Membership | None,
) -> ModelVersion:
    """The next version of this name, with its manifest and lineage; the caller holds the transaction."""
    # Numbers of one name follow one another; this lock lets other rows of the workspace be written meanwhile.
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    named = [{"kind": kind, "uid": str(uid), "role": role} for (kind, uid), role in parents]
    manifest = {"schema": SCHEMA, "parents": named, **contents}
    model = ModelVersion.objects.create(
        workspace=workspace,
        name=name,
        number=ModelVersion.objects.filter(workspace=workspace, name=name).count() + 1,
        stage=manifest["stage"],
        sha256=manifests.digest(manifest),
        manifest=manifest,
        metrics=metrics,
        created_by=created_by,
    )
    for parent, role in parents:
        lineage.connect(workspace=workspace, child=("model_version", model.uid), parent=parent, role=role)
    return model


def stage_model(version: ModelVersion, directory: Path) -> Path:
    """Copy a model to a local directory, every file verified; raises ModelDamaged or a blob error."""
    if manifests.digest(version.manifest) != version.sha256:
        raise ModelDamaged(_("The manifest of %(name)s was changed.") % {"name": str(version)})
    directory.mkdir(parents=True, exist_ok=True)
    for file in version.manifest["files"]:
        blobs.fetch_file(file["sha256"], workspace=version.workspace.uid, target=directory / file["name"])
    return directory
