"""Models from elsewhere enter the registry: whole files, their licence, and a source to walk back to."""

from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, Membership, Workspace
from corpus import manifests
from corpus.licences import checked_licence
from corpus.preference_imports import checked_name, source_for
from training.model_files import RESULT, ModelFilesRefused, checked_files, read_json
from training.models import ModelVersion, Stage
from training.registry import ModelRefused, create_version, store_files

# What `training.engine.import_gguf` writes about the file that a model was made from.
ORIGIN = "origin.json"
REWARD_ARCHITECTURE = "ForSequenceClassification"


def import_model(
    *,
    workspace: Workspace,
    directory: Path,
    name: str,
    stage: str,
    licence: str,
    by: Membership | None = None,
) -> ModelVersion:
    """Register a directory of safetensors and JSON files as a model version; it may be imported again.

    Raises ModelRefused when the files are not a model of this stage, LicenceUnknown, and Invalid for the
    name. Whether tokenizer and weights fit is what the engine checks when a run starts from the model.
    """
    name, licence = checked_name(name), checked_licence(licence)
    paths = _checked_paths(directory, Stage(stage))
    files = store_files(paths, workspace=workspace)
    origin = read_json(directory / ORIGIN) if any(path.name == ORIGIN for path in paths) else {}
    with transaction.atomic():
        digest = manifests.digest({"files": files})
        source = source_for(
            workspace=workspace, path=directory.resolve(), sha256=digest, licence=licence, by=by
        )
        model = create_version(
            workspace=workspace,
            name=name,
            contents={"stage": stage, "files": files, "config": {}, "origin": origin},
            parents=[(("source", source.uid), "source")],
            metrics={},
            created_by=by,
        )
        audit.record(
            kind=AuditEvent.Kind.IMPORTED,
            workspace=workspace,
            membership=by,
            object_kind="model_version",
            object_uid=model.uid,
            name=str(model),
            stage=model.stage,
            licence=source.licence,
        )
    return model


def _checked_paths(directory: Path, stage: Stage) -> list[Path]:
    try:
        if (directory / RESULT).exists():
            raise ModelFilesRefused(f"It holds {RESULT}: a run made it, and registers it itself.")
        paths = checked_files(directory)
        _check_kind(read_json(directory / "config.json"), stage)
        if not any(path.name == "tokenizer.json" for path in paths):
            raise ModelFilesRefused("tokenizer.json is missing.")
    except ModelFilesRefused as error:
        raise ModelRefused(_("The model was not imported. %(reason)s") % {"reason": error}) from error
    return paths


def _check_kind(config: Any, stage: Stage) -> None:
    named = config.get("architectures") if isinstance(config, dict) else None
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named) or not named:
        raise ModelFilesRefused("config.json names no architecture.")
    scores = named[0].endswith(REWARD_ARCHITECTURE)
    if scores != (stage == Stage.REWARD):
        kind = "a reward model" if scores else "a language model"
        raise ModelFilesRefused(f"It is {kind}, and the stage given is {stage}.")
