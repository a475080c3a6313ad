"""Sources with their licences, datasets, frozen versions, and the edges that tie everything together."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Workspace
from core.ids import uuid7


class Source(models.Model):
    """Where data came from and on which grounds it may be used."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(max_length=120)
    licence = models.CharField(max_length=120, help_text="SPDX licence expression.")
    origin = models.CharField(max_length=500, blank=True)
    lawful_basis = models.CharField(max_length=60, blank=True)
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="source_name_unique")]

    def __str__(self) -> str:
        return self.name


class Dataset(models.Model):
    class Kind(models.TextChoices):
        PREFERENCES = "preferences", _("preferences")
        PROMPTS = "prompts", _("prompts")
        DEMONSTRATIONS = "demonstrations", _("demonstrations")
        CORPUS = "corpus", _("corpus")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="datasets")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="dataset_name_unique")]

    def __str__(self) -> str:
        return self.name


class DatasetVersion(models.Model):
    """A frozen version: content-addressed Parquet files named by a manifest. It never changes."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, help_text="SHA-256 of the canonical manifest.")
    manifest = models.JSONField()
    train_rows = models.PositiveBigIntegerField()
    heldout_rows = models.PositiveBigIntegerField()
    note = models.CharField(max_length=500, blank=True)
    frozen_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    frozen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="dataset_version_once")]
        indexes = [models.Index(fields=["workspace", "-id"], name="version_by_workspace")]

    def __str__(self) -> str:
        return f"{self.dataset.name} v{self.number}"


class LineageEdge(models.Model):
    """`child` was made from `parent`. Kinds: dataset_version, model_version, project, guideline, source."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    child_kind = models.CharField(max_length=32)
    child_uid = models.UUIDField()
    parent_kind = models.CharField(max_length=32)
    parent_uid = models.UUIDField()
    role = models.CharField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["child_kind", "child_uid", "parent_kind", "parent_uid", "role"],
                name="lineage_edge_once",
            ),
        ]
        indexes = [models.Index(fields=["parent_kind", "parent_uid"], name="lineage_downwards")]
