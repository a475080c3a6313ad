"""Rules that act across the stages by themselves."""

from django.db import models
from django.db.models import Q

from accounts.models import Membership, Workspace
from annotation.models import Project
from core.ids import uuid7
from corpus.models import DatasetVersion
from training.models import ModelVersion, TrainingRun


class RewardRule(models.Model):
    """After so many new released preferences of a project, train a reward model on the newest version."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    project = models.OneToOneField(Project, on_delete=models.PROTECT, related_name="reward_rule")
    base_model = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="reward_rules")
    threshold = models.PositiveIntegerField(help_text="New preferences since the rule last acted.")
    config = models.JSONField(default=dict, help_text="Settings of the reward stage that differ.")
    is_active = models.BooleanField(default=True)
    problem = models.CharField(max_length=500, blank=True, help_text="Why it could not act, for a person.")
    counted_version = models.ForeignKey(
        DatasetVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The newest version whose preferences were counted.",
    )
    new_preferences = models.PositiveIntegerField(
        default=0, help_text="Of that version: how many are not in the version on which the rule last acted."
    )
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(threshold__gte=1), name="reward_rule_threshold_positive")
        ]


class RuleFiring(models.Model):
    """One time that a rule acted: on which version, with how many new preferences, and the run it started."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    rule = models.ForeignKey(RewardRule, on_delete=models.PROTECT, related_name="firings")
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="rule_firings")
    preferences = models.PositiveIntegerField()
    run = models.OneToOneField(TrainingRun, on_delete=models.PROTECT, related_name="rule_firing")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "version"], name="rule_acts_once_on_a_version")
        ]
