"""Deployed models, what they wrote, what people said of it, and what went back to annotators."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Workspace
from annotation.models import Project, Task
from core.ids import uuid7
from training.models import ModelVersion


class Deployment(models.Model):
    """A name under which a model version answers. The resident inference process serves the active ones."""

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        RETIRED = "retired", _("retired")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="deployments")
    name = models.CharField(max_length=60)
    model = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    failure = models.CharField(
        max_length=500, blank=True, help_text="Why the inference process cannot serve it."
    )
    ready_at = models.DateTimeField(null=True, blank=True, help_text="When its process last said ready.")
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="deployment_active_once", condition=Q(state="active")
            )
        ]

    def __str__(self) -> str:
        return self.name


class Output(models.Model):
    """One answer of a deployed model. `probability`, if harvested, is that of having been selected."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="outputs")
    model = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="outputs")
    prompt = models.JSONField(help_text="messages: role, content.")
    text = models.TextField()
    settings = models.JSONField(default=dict, help_text="temperature, max_new_tokens, seed.")
    tokens = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(default=0)
    subject_key = models.CharField(max_length=64, null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-id"], name="output_by_workspace"),
            models.Index(fields=["deployment", "-id"], name="output_by_deployment"),
            models.Index(
                fields=["workspace", "subject_key"],
                name="output_by_subject",
                condition=Q(subject_key__isnull=False),
            ),
        ]


class Feedback(models.Model):
    """What was said of an output.

    value of thumb: {"up": true}; score: {"score": 0..1}; correction: {"text": "..."};
    preference: {"other": "...", "chosen": "output" or "other"}.
    """

    class Kind(models.TextChoices):
        THUMB = "thumb", _("thumb")
        SCORE = "score", _("score")
        CORRECTION = "correction", _("correction")
        PREFERENCE = "preference", _("preference")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="feedback")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    value = models.JSONField()
    comment = models.CharField(max_length=2000, blank=True)
    identifier = models.CharField(
        max_length=128, blank=True, help_text="The sender's own id: the same one again is the same feedback."
    )
    is_simulated = models.BooleanField(default=False)
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "identifier"], name="feedback_once", condition=~Q(identifier="")
            )
        ]
        indexes = [models.Index(fields=["output", "id"], name="feedback_by_output")]


class Harvest(models.Model):
    """An output that went back to annotators as a task, why, and with which probability it was chosen."""

    class Reason(models.TextChoices):
        THUMB_DOWN = "thumb_down", _("thumb down")
        LOW_SCORE = "low_score", _("low score")
        CORRECTED = "corrected", _("corrected")
        PREFERENCE = "preference", _("another answer was preferred")
        RANDOM = "random", _("random sample")
        BY_HAND = "by_hand", _("chosen by a person")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="harvests")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="harvests")
    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="harvest")
    reason = models.CharField(max_length=12, choices=Reason.choices)
    probability = models.FloatField()
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["output", "project"], name="harvest_once_in_project"),
            models.CheckConstraint(
                condition=Q(probability__gt=0, probability__lte=1), name="harvest_probability_range"
            ),
        ]
