"""How runs and models look over HTTP; the schema is made from these."""

from typing import Any

from rest_framework import serializers

from training.alarms import Alarm
from training.metrics import Kept
from training.models import ModelVersion, Stage, TrainingRun


class NewRun(serializers.Serializer[Any]):
    """A run to start; `config` names only the settings that differ from the defaults."""

    stage = serializers.ChoiceField(choices=Stage.choices)
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    dataset_version = serializers.UUIDField()
    base_model = serializers.UUIDField(required=False, allow_null=True, default=None)
    reward_model = serializers.UUIDField(required=False, allow_null=True, default=None)
    second_model = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Another reward model that only judges the held-out answers. For ppo.",
    )
    config = serializers.DictField(required=False, default=dict)


class RaisedAlarm(serializers.Serializer[Alarm]):
    """A sign of reward hacking, or the KL limit, that stood at the evaluation after this update."""

    step = serializers.IntegerField()
    kind = serializers.CharField()
    reason = serializers.CharField()
    hint = serializers.CharField()


class RunSummary(serializers.Serializer[TrainingRun]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    stage = serializers.ChoiceField(choices=Stage.choices)
    state = serializers.CharField(source="job.state")
    progress = serializers.FloatField(source="job.progress")
    sentence = serializers.CharField(source="job.sentence")
    dataset_version = serializers.UUIDField(source="dataset_version.uid")
    base_model = serializers.UUIDField(source="base_model.uid", default=None, allow_null=True)
    reward_model = serializers.UUIDField(source="reward_model.uid", default=None, allow_null=True)
    second_model = serializers.UUIDField(source="second_model.uid", default=None, allow_null=True)
    model = serializers.UUIDField(source="output_model.uid", default=None, allow_null=True)
    created_at = serializers.DateTimeField()


class RunDetail(RunSummary):
    job = serializers.UUIDField(source="job.uid")
    attempt = serializers.IntegerField(source="job.attempt")
    reason = serializers.CharField(source="job.reason")
    hint = serializers.CharField(source="job.hint")
    config = serializers.JSONField()
    seed = serializers.IntegerField()
    environment = serializers.JSONField()
    result = serializers.JSONField()
    alarms = RaisedAlarm(
        many=True,
        source="raised_alarms",
        help_text="The newest that were raised during training; what stands for the model is in `result`.",
    )
    started_at = serializers.DateTimeField(source="job.started_at", allow_null=True)
    ended_at = serializers.DateTimeField(source="job.ended_at", allow_null=True)


class RunList(serializers.Serializer[Any]):
    results = RunSummary(many=True)
    next = serializers.CharField(allow_null=True)


class MetricLine(serializers.Serializer[Any]):
    """One figure: the steps at which it was measured, and its value at each."""

    steps = serializers.ListField(child=serializers.IntegerField())
    values = serializers.ListField(child=serializers.FloatField())


class RunMetrics(serializers.Serializer[Any]):
    """Each figure with its own steps; `total` says how many steps were measured in the stretch asked for."""

    run = serializers.UUIDField()
    state = serializers.CharField()
    attempt = serializers.IntegerField()
    total = serializers.IntegerField()
    kept = serializers.ChoiceField(choices=[kept.value for kept in Kept])
    series = serializers.DictField(child=MetricLine())
    next = serializers.IntegerField(help_text="The value of `after` for the next request.")


class ModelSummary(serializers.Serializer[ModelVersion]):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    number = serializers.IntegerField()
    stage = serializers.ChoiceField(choices=Stage.choices)
    sha256 = serializers.CharField()
    metrics = serializers.JSONField()
    created_at = serializers.DateTimeField()


class ModelDetail(ModelSummary):
    manifest = serializers.JSONField()
    alarms = RaisedAlarm(
        many=True, source="standing_alarms", help_text="What stood for this policy when its run kept it."
    )
    run = serializers.UUIDField(source="made_by.uid", default=None, allow_null=True)


class ModelList(serializers.Serializer[Any]):
    results = ModelSummary(many=True)
    next = serializers.CharField(allow_null=True)
