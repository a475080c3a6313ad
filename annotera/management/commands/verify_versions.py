"""manage.py verify_versions [--workspace W] [--models]"""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from accounts.workspaces import workspace_named
from core import blobs
from core.errors import DomainError
from corpus import manifests, versions
from corpus.models import DatasetVersion
from training.models import ModelVersion
from training.registry import ModelDamaged

WIDEST_NAME = 50
LAYOUT = "{state:<10} {name:<50} {files:>6} {bytes:>16}  {workspace}"


@dataclass(frozen=True)
class Line:
    """What reading one version through found; no problem: everything is as it was frozen."""

    version: DatasetVersion | ModelVersion
    state: str
    problem: str = ""

    def __str__(self) -> str:
        files = self.version.manifest.get("files", [])
        return LAYOUT.format(
            state=self.state,
            name=_short(str(self.version)),
            files=len(files),
            bytes=f"{sum(file['bytes'] for file in files):,}",
            workspace=self.version.workspace.slug,
        )


def _short(name: str) -> str:
    return name if len(name) <= WIDEST_NAME else name[: WIDEST_NAME - 1] + "…"


class Command(BaseCommand):
    help = "Read every frozen version through and compare it with its hashes; exit code 1 on damage."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", help="Short name of a workspace; all of them by default.")
        parser.add_argument("--models", action="store_true", help="Read the registered models through too.")

    def handle(self, *args: Any, **options: Any) -> None:
        damaged = read = 0
        self.stdout.write(LAYOUT.format(state="", name="version", files="files", bytes="bytes", workspace=""))
        for line in self._lines(options["workspace"], with_models=options["models"]):
            read += 1
            self.stdout.write(str(line))
            if line.problem:
                damaged += 1
                self.stderr.write(f"           {line.problem}")
        if damaged:
            raise CommandError(
                f"{damaged} of {read} versions are damaged: restore their files from a backup."
            )
        self.stdout.write(f"{read} versions are as they were frozen.")

    def _lines(self, workspace: str | None, *, with_models: bool) -> Iterator[Line]:
        for version in _rows(DatasetVersion.objects.select_related("workspace", "dataset"), workspace):
            yield verified_dataset(version)
        if with_models:
            for model in _rows(ModelVersion.objects.select_related("workspace"), workspace):
                yield verified_model(model)


def _rows(found: QuerySet[Any], workspace: str | None) -> Iterator[Any]:
    if workspace:
        try:
            found = found.filter(workspace=workspace_named(workspace))
        except DomainError as error:
            raise CommandError(error.message) from error
    return found.order_by("pk").iterator(chunk_size=50)


def verified_dataset(version: DatasetVersion) -> Line:
    try:
        versions.verify(version)
    except blobs.BlobCorrupt as error:
        return Line(version, "DAMAGED", error.message)
    except blobs.BlobMissing as error:
        return Line(version, "MISSING", error.message)
    return Line(version, "redacted" if version.redacted_at else "ok")


def verified_model(model: ModelVersion) -> Line:
    try:
        if manifests.digest(model.manifest) != model.sha256:
            raise ModelDamaged("The manifest was changed.")
        for file in model.manifest["files"]:
            blobs.verify(file["sha256"], workspace=model.workspace.uid)
    except blobs.BlobCorrupt as error:
        return Line(model, "DAMAGED", error.message)
    except blobs.BlobMissing as error:
        return Line(model, "MISSING", error.message)
    return Line(model, "ok")
