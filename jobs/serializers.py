"""The shapes of the API about jobs."""

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from jobs.models import Job, Queue

# The stubs make the class generic, which it is not at run time.
if TYPE_CHECKING:
    Shape = serializers.Serializer[Any]
else:
    Shape = serializers.Serializer


class JobSerializer(Shape):
    uid = serializers.UUIDField()
    kind = serializers.CharField()
    queue = serializers.ChoiceField(choices=Queue.choices)
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=Job.State.choices)
    attempt = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    priority = serializers.IntegerField()
    requirements = serializers.DictField()
    progress = serializers.FloatField(help_text="From 0 to 1.")
    sentence = serializers.CharField(help_text="What it is doing.")
    reason = serializers.CharField(help_text="Why it failed, or why it waits for another attempt.")
    hint = serializers.CharField(help_text="What a person can do about it.")
    result = serializers.DictField()
    created_by = serializers.UUIDField(allow_null=True, help_text="The membership that started it.")
    request_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    not_before = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    doorbell_rung = serializers.BooleanField(
        help_text="False while queued: the broker has not been reached yet; the job waits and is not lost."
    )


class JobListSerializer(Shape):
    results = JobSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class LogSerializer(Shape):
    text = serializers.CharField()
    start = serializers.IntegerField(help_text="Later than `after` where the older text is gone.")
    next = serializers.IntegerField(help_text="The value of `after` for the next request.")
    ended = serializers.BooleanField(help_text="The job has ended: nothing more will come.")
