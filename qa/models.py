"""Gold, standings of people against it, the acceptance of each annotation, and measured quality."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Workspace
from annotation.models import Annotation, Project, Task
from core.ids import uuid7


class Gold(models.Model):
    """The known answer of a gold task. Several answers may be right; `accepted` lists them.

    accepted of ranking: [{"ranking": [[uid], [uid]]}], of classification: [{"labels": ["..."]}].
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="gold")
    accepted = models.JSONField()
    explanation = models.CharField(max_length=1000, blank=True)
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)


class GoldResult(models.Model):
    """How one person answered one gold task: counted once, by the first answer."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="gold_results")
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="gold_results")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="gold_results")
    annotation = models.ForeignKey(Annotation, on_delete=models.PROTECT, related_name="gold_results")
    is_right = models.BooleanField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "membership"], name="gold_result_once")]
        indexes = [models.Index(fields=["project", "membership", "id"], name="gold_by_person")]


class GoldScore(models.Model):
    """A person's gold in a project, and the sequential test on it (Wald's SPRT)."""

    class Verdict(models.TextChoices):
        OPEN = "open", _("still measuring")
        PASSED = "passed", _("passed")
        FAILED = "failed", _("failed")

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="gold_scores")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="gold_scores")
    answered = models.PositiveIntegerField(default=0)
    right = models.PositiveIntegerField(default=0)
    log_ratio = models.FloatField(default=0.0, help_text="Of the running test; 0 when a new one starts.")
    tests_passed = models.PositiveIntegerField(default=0)
    verdict = models.CharField(max_length=8, choices=Verdict.choices, default=Verdict.OPEN)
    decided_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        Membership, on_delete=models.PROTECT, null=True, blank=True, related_name="gold_scores_reviewed"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "membership"], name="gold_score_once")]


class Acceptance(models.Model):
    """Whether an annotation may be released. Made when qa takes the annotation from its inbox.

    `reasons` says why a person should look: disagreement, flag, gold, fast, side, sample.
    """

    class State(models.TextChoices):
        OPEN = "open", _("to be reviewed")
        ACCEPTED = "accepted", _("accepted")
        REJECTED = "rejected", _("rejected")
        SENT_BACK = "sent_back", _("sent back")

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="acceptances")
    annotation = models.OneToOneField(Annotation, on_delete=models.PROTECT, related_name="acceptance")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    reasons = models.JSONField(default=list)
    risk = models.FloatField(default=0.0, help_text="Orders the review queue: the riskiest first.")
    fixed_answer = models.JSONField(null=True, blank=True, help_text="The answer as a reviewer mended it.")
    comment = models.CharField(max_length=1000, blank=True)
    decided_by = models.ForeignKey(
        Membership, on_delete=models.PROTECT, null=True, blank=True, help_text="NULL: decided by policy."
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["project", "-risk", "id"], name="acceptance_queue", condition=Q(state="open")
            ),
            models.Index(fields=["project", "state", "id"], name="acceptance_by_state"),
        ]


class QualityReport(models.Model):
    """What a measurement found: agreement over all and over accepted work, people, anomalies."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="quality_reports")
    report = models.JSONField()
    annotations = models.PositiveIntegerField(help_text="Current annotations that were read.")
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["project", "-id"], name="quality_by_project")]
