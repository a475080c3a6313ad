"""Sources with their licences, datasets, frozen versions, and the edges that tie everything together."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Workspace
from core.ids import uuid7


class Source(models.Model):
    """Where data came from, on which grounds it may be used, and how its documents are treated."""

    class PersonalData(models.TextChoices):
        MASK = "mask", _("mask what is found")
        KEEP = "keep", _("keep, findings are listed")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(max_length=120)
    licence = models.CharField(max_length=120, help_text="SPDX licence expression.")
    origin = models.CharField(max_length=500, blank=True)
    lawful_basis = models.CharField(max_length=60, blank=True)
    holder = models.CharField(max_length=200, blank=True, help_text="Copyright holder or attribution.")
    collector = models.CharField(max_length=120, blank=True, help_text="Who collected the data.")
    consent_reference = models.CharField(max_length=200, blank=True)
    collected_on = models.DateField(null=True, blank=True)
    retention_until = models.DateField(null=True, blank=True, help_text="NULL: no end was set.")
    personal_data = models.CharField(max_length=4, choices=PersonalData.choices, default=PersonalData.MASK)
    filters = models.JSONField(default=dict, blank=True, help_text="Thresholds of the quality filter.")
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="source_name_unique")]

    def __str__(self) -> str:
        return self.name


class DocumentUpload(models.Model):
    """One file of documents that came in for a source, as a job; what was refused is listed by line."""

    class State(models.TextChoices):
        QUEUED = "queued", _("being read")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="uploads")
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    file_name = models.CharField(max_length=200)
    format = models.CharField(max_length=8, help_text="jsonl, csv or txt.")
    sha256 = models.CharField(max_length=64, help_text="Blob of the uploaded file; empty once it was read.")
    documents = models.PositiveIntegerField(default=0)
    rejects = models.JSONField(default=list, help_text="line, reason; the first hundred.")
    reject_count = models.PositiveIntegerField(default=0)
    job = models.ForeignKey("jobs.Job", on_delete=models.PROTECT, null=True, blank=True)
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["source", "-id"], name="upload_by_source")]


class CleaningRun(models.Model):
    """One pass of the cleaning steps over a source: first a preview, then applied, and it can be restored."""

    class State(models.TextChoices):
        PREVIEWING = "previewing", _("being previewed")
        PREVIEW = "preview", _("waiting for confirmation")
        APPLYING = "applying", _("being applied")
        APPLIED = "applied", _("applied")
        RESTORED = "restored", _("restored")
        FAILED = "failed", _("failed")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="cleaning_runs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREVIEWING)
    settings = models.JSONField(default=dict)
    report = models.JSONField(default=dict, help_text="Per step: counts, reasons and samples.")
    job = models.ForeignKey("jobs.Job", on_delete=models.PROTECT, null=True, blank=True)
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    restored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["source", "-id"], name="cleaning_by_source")]

    @property
    def badge(self) -> str:
        """The state among those that badges have colours for."""
        return {"previewing": "running", "applying": "running", "applied": "done"}.get(self.state, self.state)


class Document(models.Model):
    """A text of a source. What cleaning removed stays here with the reason, so that it can be restored.

    removal: {"step": "near_duplicates", "reason": "...", "of": "<document uid>" or null, "score": 0.87}
    """

    class State(models.TextChoices):
        KEPT = "kept", _("kept")
        REMOVED = "removed", _("removed")
        ERASED = "erased", _("erased")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, db_index=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="documents", db_index=False)
    upload = models.ForeignKey(
        DocumentUpload, on_delete=models.PROTECT, null=True, blank=True, related_name="rows"
    )
    external_id = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    original_text = models.TextField(
        null=True, blank=True, help_text="The text before cleaning changed it; NULL when it did not."
    )
    lang = models.CharField(max_length=35, blank=True)
    characters = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, help_text="Of the text as it came in.")
    normalised_sha256 = models.CharField(max_length=64, help_text="Of NFKC, case-folded, single spaces.")
    findings = models.JSONField(default=dict, blank=True, help_text="Personal data found, counts by kind.")
    subject_key = models.CharField(max_length=64, null=True, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.KEPT)
    removal = models.JSONField(null=True, blank=True)
    removed_by = models.ForeignKey(
        CleaningRun, on_delete=models.PROTECT, null=True, blank=True, related_name="removed_documents"
    )
    changed_by = models.ForeignKey(
        CleaningRun, on_delete=models.PROTECT, null=True, blank=True, related_name="changed_documents"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"], name="document_external_once", condition=~Q(external_id="")
            ),
        ]
        indexes = [
            models.Index(fields=["source", "id"], name="document_by_source"),
            models.Index(fields=["source", "state", "id"], name="document_by_state"),
            models.Index(
                fields=["workspace", "subject_key"],
                name="document_by_subject",
                condition=Q(subject_key__isnull=False),
            ),
        ]


class Dataset(models.Model):
    class Kind(models.TextChoices):
        PREFERENCES = "preferences", _("preferences")
        PROMPTS = "prompts", _("prompts")
        DEMONSTRATIONS = "demonstrations", _("demonstrations")
        CORPUS = "corpus", _("corpus")
        LABELS = "labels", _("labels")

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
    redacted_at = models.DateTimeField(
        null=True, blank=True, help_text="When rows were erased: the successor holds what is left."
    )
    successor = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="redacts"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="dataset_version_once")]
        indexes = [models.Index(fields=["workspace", "-id"], name="version_by_workspace")]

    def __str__(self) -> str:
        return f"{self.dataset.name} v{self.number}"


class VersionTag(models.Model):
    """A movable name of a version, such as `training` or `2026-11`; the audit holds its history."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="tags")
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="tags")
    name = models.CharField(max_length=60)
    moved_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    moved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="tag_once_in_dataset")]


class Erasure(models.Model):
    """The erasure of one data subject. Its key is also the tombstone: nothing of this subject comes in again.

    report: what was reached, by kind: documents, tasks, annotations, outputs, versions with successors, runs,
    models.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    subject_key = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=300, blank=True)
    report = models.JSONField(default=dict)
    job = models.ForeignKey("jobs.Job", on_delete=models.PROTECT, null=True, blank=True)
    requested_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "subject_key"], name="erasure_once_per_subject")
        ]


class LineageEdge(models.Model):
    """`child` was made from `parent`.

    Kinds: dataset_version, model_version, project, guideline, source, deployment.
    """

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
