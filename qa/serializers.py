"""The shapes of the API about quality, gold, reviews and releases, as the OpenAPI document shows them."""

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from qa.deciding import DECISIONS
from qa.models import Acceptance
from qa.releasable import Policy

# The stubs make the class generic, which it is not at run time.
if TYPE_CHECKING:
    Shape = serializers.Serializer[Any]
else:
    Shape = serializers.Serializer


class QualityReportSerializer(Shape):
    uid = serializers.UUIDField()
    annotations = serializers.IntegerField(help_text="Current answers that were read.")
    report = serializers.JSONField(
        help_text="agreement (all, accepted), gold by person, people, flags, reviews; what does not exist "
        "is null, and `undefined` says why."
    )
    created_at = serializers.DateTimeField()


class LastReportSerializer(Shape):
    report = QualityReportSerializer(allow_null=True)


class GoldSerializer(Shape):
    task = serializers.UUIDField()
    accepted = serializers.ListField(child=serializers.JSONField(), help_text="Empty: retired.")
    explanation = serializers.CharField()
    answered = serializers.IntegerField()
    right = serializers.IntegerField()


class GoldListSerializer(Shape):
    results = GoldSerializer(many=True)


class GoldImportSerializer(Shape):
    tasks = serializers.IntegerField()


class ReviewSerializer(Shape):
    uid = serializers.UUIDField()
    annotation = serializers.UUIDField()
    task = serializers.UUIDField()
    annotator = serializers.CharField(help_text="The pseudonym.")
    state = serializers.CharField(help_text=", ".join(Acceptance.State.values))
    reasons = serializers.ListField(child=serializers.CharField())
    risk = serializers.FloatField()
    answer = serializers.JSONField()
    fixed_answer = serializers.JSONField(allow_null=True)
    comment = serializers.CharField()
    decided_by = serializers.CharField(allow_null=True, help_text="A pseudonym; null: by policy, or open.")
    decided_at = serializers.DateTimeField(allow_null=True)


class ReviewListSerializer(Shape):
    results = ReviewSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class DecisionRequestSerializer(Shape):
    decision = serializers.ChoiceField(choices=[(name, name) for name in DECISIONS])
    comment = serializers.CharField(required=False, help_text="Needed for `send_back`.")
    answer = serializers.JSONField(required=False, help_text="For `fix`: an answer of the task's kind.")


class ResumeRequestSerializer(Shape):
    project = serializers.UUIDField()
    note = serializers.CharField(required=False)


class ReleaseRequestSerializer(Shape):
    policy = serializers.ChoiceField(choices=Policy.choices, required=False)
    heldout_share = serializers.FloatField(min_value=0, max_value=0.9, default=0.2)
    name = serializers.CharField(required=False, max_length=120)
    note = serializers.CharField(required=False, max_length=500)


class ReleasedSerializer(Shape):
    dataset_version = serializers.UUIDField(allow_null=True)
    job = serializers.UUIDField(allow_null=True, help_text="Where there is much to read, a job releases it.")
