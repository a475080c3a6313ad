"""The shapes of the API about projects, tasks and answers, as the OpenAPI document shows them."""

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from annotation.emptiness import Reason
from annotation.models import Assignment, Project

# The stubs make the class generic, which it is not at run time.
if TYPE_CHECKING:
    Shape = serializers.Serializer[Any]
else:
    Shape = serializers.Serializer


class ProgressSerializer(Shape):
    tasks = serializers.IntegerField()
    wanted = serializers.IntegerField(help_text="Tasks times overlap.")
    submitted = serializers.IntegerField(help_text="Answers so far.")


class ProjectRequestSerializer(Shape):
    name = serializers.CharField(max_length=120)
    kind = serializers.CharField(
        default=Project.Kind.RANKING.value,
        help_text="One of ranking, demonstration and classification; it stays as it is.",
    )
    description = serializers.CharField(required=False)
    content_warning = serializers.CharField(required=False)
    overlap = serializers.IntegerField(min_value=1, max_value=50, default=1)
    lease_seconds = serializers.IntegerField(min_value=60, max_value=86_400, default=900)
    allow_ties = serializers.BooleanField(default=True)
    allow_all_bad = serializers.BooleanField(default=True)
    aspects = serializers.ListField(child=serializers.CharField(), required=False)
    require_rationale = serializers.BooleanField(default=False)
    labels = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, help_text="Of a classification: 2 to 30."
    )
    allow_several_labels = serializers.BooleanField(default=False)
    gold_every = serializers.IntegerField(
        min_value=0, max_value=1000, required=False, help_text="Shown to reviewers and admins only; 0: never."
    )
    lawful_basis = serializers.CharField(required=False)
    licence = serializers.CharField(required=False, help_text="An SPDX expression.")


class ProjectSerializer(ProjectRequestSerializer):
    uid = serializers.UUIDField()
    state = serializers.ChoiceField(choices=Project.State.choices)
    created_at = serializers.DateTimeField()
    progress = ProgressSerializer()


class ProjectListSerializer(Shape):
    results = ProjectSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class ImportSerializer(Shape):
    uid = serializers.UUIDField()
    rows = serializers.IntegerField()


class MessageSerializer(Shape):
    role = serializers.CharField()
    content = serializers.JSONField(help_text="A text, or a list of typed parts.")


class CandidateSerializer(Shape):
    id = serializers.UUIDField()
    content = serializers.JSONField(help_text="A text, or a list of typed parts.")
    lang = serializers.CharField()


class TaskSerializer(Shape):
    uid = serializers.UUIDField()
    external_id = serializers.CharField()
    overlap = serializers.IntegerField()
    open_slots = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class TaskListSerializer(Shape):
    results = TaskSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class WholeTaskSerializer(TaskSerializer):
    lang = serializers.CharField()
    prompt = MessageSerializer(many=True)
    candidates = CandidateSerializer(many=True)


class AssignmentSerializer(Shape):
    uid = serializers.UUIDField()
    state = serializers.ChoiceField(choices=Assignment.State.choices)
    lease_until = serializers.DateTimeField(allow_null=True)
    resumed = serializers.BooleanField()
    lang = serializers.CharField()
    prompt = MessageSerializer(many=True)
    candidates = CandidateSerializer(many=True, help_text="In the order in which they are to be shown.")
    kind = serializers.CharField(help_text="The kind of the project, and so the shape of the answer.")
    aspects = serializers.ListField(child=serializers.CharField())
    labels = serializers.ListField(child=serializers.CharField())
    allow_several_labels = serializers.BooleanField()
    return_note = serializers.CharField(help_text="What a reviewer asks to mend; empty for a new task.")
    draft = serializers.JSONField(allow_null=True)
    draft_version = serializers.IntegerField()


class NextSerializer(Shape):
    assignment = AssignmentSerializer(allow_null=True)
    reason = serializers.ChoiceField(choices=[reason.value for reason in Reason], required=False)
    sentence = serializers.CharField(required=False)
    held_by_others = serializers.IntegerField(required=False)
    retry_after = serializers.IntegerField(allow_null=True, required=False)


class RewriteSerializer(Shape):
    text = serializers.CharField()
    of = serializers.UUIDField(required=False)


class AnswerSerializer(Shape):
    """The fields of the task's kind: ranking first, then of writing, of classification, and of all."""

    ranking = serializers.ListField(
        child=serializers.ListField(child=serializers.UUIDField()),
        required=False,
        help_text="Ranking: best first; a tier is a tie.",
    )
    unranked = serializers.ListField(child=serializers.UUIDField(), required=False)
    all_bad = serializers.BooleanField(default=False)
    strength = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=3)
    aspects = serializers.JSONField(required=False, help_text="{candidate: {aspect: 1 to 5}}")
    rewrite = RewriteSerializer(required=False, allow_null=True)
    prompt = serializers.CharField(
        required=False, help_text="Instruction writing: the instruction as it stands, mended or not."
    )
    completion = serializers.CharField(required=False, help_text="Instruction writing: the answer.")
    labels = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Classification: labels of the project."
    )
    flags = serializers.ListField(child=serializers.CharField(), required=False)
    rationale = serializers.CharField(required=False)


class SubmitRequestSerializer(Shape):
    answer = AnswerSerializer()
    active_ms = serializers.IntegerField(default=0)
    revision = serializers.IntegerField(default=0, help_text="The revision to correct; 0 for a first answer.")
    guideline = serializers.IntegerField(required=False, help_text="The version that was shown.")


class ReceiptSerializer(Shape):
    uid = serializers.UUIDField()
    assignment = serializers.UUIDField()
    revision = serializers.IntegerField()
    submitted_at = serializers.DateTimeField()


class DraftRequestSerializer(Shape):
    version = serializers.IntegerField(help_text="The version last seen; 0 at first.")
    draft = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="The fields of the page's form."
    )


class DraftReceiptSerializer(Shape):
    version = serializers.IntegerField()
    saved_at = serializers.DateTimeField()
    lease_until = serializers.DateTimeField(allow_null=True)


class SkipRequestSerializer(Shape):
    reason = serializers.CharField(required=False)
    note = serializers.CharField(required=False)
