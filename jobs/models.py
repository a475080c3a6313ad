"""The job row: the truth about a piece of long work. A message on the broker is only a doorbell."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Workspace
from core.ids import uuid7


class Queue(models.TextChoices):
    LIGHT = "light", _("light work")
    TRAINING = "training", _("training")


class Job(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELLED)

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=40)
    queue = models.CharField(max_length=12, choices=Queue.choices)
    title = models.CharField(max_length=200)
    payload = models.JSONField(default=dict)
    requirements = models.JSONField(default=dict, help_text="cpu (cores), gpu (count), memory (MiB).")
    priority = models.SmallIntegerField(default=0, help_text="Higher runs first.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)

    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    not_before = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When a doorbell was last sent.")

    # The lease, on database time. The token only grows; a write with an old token changes nothing.
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    progress = models.FloatField(default=0.0)
    sentence = models.CharField(max_length=300, blank=True)
    reason = models.TextField(blank=True, help_text="Why it failed, in words.")
    hint = models.TextField(blank=True, help_text="What a person can do about it.")
    result = models.JSONField(default=dict)

    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(progress__gte=0.0, progress__lte=1.0), name="job_progress_share"
            ),
            models.CheckConstraint(
                condition=Q(state="running", lease_until__isnull=False)
                | (~Q(state="running") & Q(lease_until__isnull=True)),
                name="job_lease_while_running",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], ended_at__isnull=True)
                | Q(state__in=["succeeded", "failed", "cancelled"], ended_at__isnull=False),
                name="job_end_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["queue", "-priority", "id"], name="job_to_claim", condition=Q(state="queued")
            ),
            models.Index(fields=["lease_until"], name="job_leases", condition=Q(state="running")),
            models.Index(fields=["workspace", "-id"], name="job_by_workspace"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def has_ended(self) -> bool:
        return self.state in self.ENDED
