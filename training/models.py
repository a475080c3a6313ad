"""Training runs, their metrics, and the registry of model versions."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Workspace
from core.ids import uuid7
from corpus.models import DatasetVersion
from jobs.models import Job
from training.alarms import Alarm, standing_in

# A run that is evaluated after each of a million updates shows its newest alarms.
MOST_ALARMS_READ = 200


class Stage(models.TextChoices):
    PRETRAIN = "pretrain", _("pretraining")
    SFT = "sft", _("supervised fine-tuning")
    REWARD = "reward", _("reward model")
    PPO = "ppo", _("PPO")


class ModelVersion(models.Model):
    """A registered model: safetensors and JSON only, hashed, with its parents as lineage edges."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    name = models.CharField(max_length=120)
    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=12, choices=Stage.choices)
    sha256 = models.CharField(max_length=64, help_text="SHA-256 of the canonical manifest.")
    manifest = models.JSONField(help_text="files: name, bytes, sha256; config; parents.")
    metrics = models.JSONField(default=dict)
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name", "number"], name="model_version_once")
        ]
        indexes = [models.Index(fields=["workspace", "-id"], name="model_by_workspace")]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"

    @property
    def standing_alarms(self) -> list[Alarm]:
        """What stood for this policy when its run kept it."""
        run: TrainingRun | None = getattr(self, "made_by", None)
        return run.standing_alarms if run else []


class TrainingRun(models.Model):
    """One launch of a stage. Its state is its job's state."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT)
    name = models.CharField(max_length=120)
    stage = models.CharField(max_length=12, choices=Stage.choices)
    config = models.JSONField()
    seed = models.PositiveIntegerField()
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="runs")
    base_model = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="runs_from_base"
    )
    reward_model = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="runs_as_reward"
    )
    second_model = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="runs_as_second",
        help_text="Another reward model that only judges held-out answers; the policy never learns from it.",
    )
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="training_run")
    output_model = models.OneToOneField(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="made_by"
    )
    environment = models.JSONField(default=dict, help_text="Versions, threads, device and seed.")
    result = models.JSONField(default=dict)
    created_by = models.ForeignKey(Membership, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(stage="pretrain", base_model__isnull=True)
                    | (~Q(stage="pretrain") & Q(base_model__isnull=False))
                ),
                name="run_base_model_fits_stage",
            ),
            models.CheckConstraint(
                condition=(
                    Q(stage="ppo", reward_model__isnull=False)
                    | (~Q(stage="ppo") & Q(reward_model__isnull=True))
                ),
                name="run_reward_model_fits_stage",
            ),
            models.CheckConstraint(
                condition=Q(stage="ppo") | Q(second_model__isnull=True),
                name="run_second_model_fits_stage",
            ),
        ]
        indexes = [models.Index(fields=["workspace", "-id"], name="run_by_workspace")]

    def __str__(self) -> str:
        return self.name

    @property
    def standing_alarms(self) -> list[Alarm]:
        """What stands for the policy that the run kept."""
        return standing_in(self.result)

    def raised_alarms(self) -> list[Alarm]:
        """What was raised on the way, the newest first, whether or not it stands."""
        rows = self.alarm_rows.order_by("-step", "kind")[:MOST_ALARMS_READ]
        return [Alarm(step=row.step, kind=row.kind, reason=row.reason, hint=row.hint) for row in rows]


class RunMetric(models.Model):
    """One row a step; a resumed run overwrites the steps that it repeats."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="metric_rows")
    step = models.PositiveIntegerField()
    values = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="metric_step_once")]


class RunSample(models.Model):
    """A text that the model wrote during the run, with its prompt and score."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="sample_rows")
    step = models.PositiveIntegerField()
    position = models.PositiveSmallIntegerField()
    values = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step", "position"], name="sample_once")]


class RunAlarm(models.Model):
    """A sign of reward hacking, or the KL limit, that stood at the evaluation after this step."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="alarm_rows")
    step = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    reason = models.TextField()
    hint = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step", "kind"], name="alarm_once")]
