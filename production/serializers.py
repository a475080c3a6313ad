"""The shapes of the API about deployed models, as the OpenAPI document shows them."""

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from production.models import Feedback, Harvest
from production.prompts import GREATEST_SEED, HOTTEST, MOST_NEW_TOKENS, ROLES

# The stubs make the class generic, which it is not at run time.
if TYPE_CHECKING:
    Shape = serializers.Serializer[Any]
else:
    Shape = serializers.Serializer


KINDS = ", ".join(Feedback.Kind.values)


class NewDeployment(Shape):
    model = serializers.UUIDField(help_text="A language model of this workspace.")
    name = serializers.CharField(max_length=60, help_text="What answered under this name before is retired.")


class DeploymentShape(Shape):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    model = serializers.UUIDField(source="model.uid")
    state = serializers.CharField(help_text="active or retired.")
    ready_at = serializers.DateTimeField(allow_null=True, help_text="null: it cannot answer now.")
    failure = serializers.CharField(help_text="Why it cannot be served; empty when nothing is wrong.")
    created_at = serializers.DateTimeField()
    retired_at = serializers.DateTimeField(allow_null=True)


class DeploymentListShape(Shape):
    results = DeploymentShape(many=True)
    next = serializers.CharField(allow_null=True)


class MessageShape(Shape):
    role = serializers.CharField(help_text=", ".join(ROLES))
    content = serializers.CharField()


class ModelQuestion(Shape):
    """`prompt` is short for one message of the user; exactly one of the two is given."""

    deployment = serializers.CharField(help_text="Its name.")
    prompt = serializers.CharField(required=False)
    messages = MessageShape(many=True, required=False)
    max_new_tokens = serializers.IntegerField(min_value=1, max_value=MOST_NEW_TOKENS, default=128)
    temperature = serializers.FloatField(min_value=0, max_value=HOTTEST, default=1.0)
    seed = serializers.IntegerField(
        min_value=0, max_value=GREATEST_SEED, required=False, help_text="The same seed, the same answer."
    )
    subject = serializers.CharField(
        required=False, help_text="Names the person whom the text is about; only a keyed hash is kept."
    )


class GeneratedAnswer(Shape):
    output = serializers.UUIDField(source="uid", help_text="What feedback names.")
    text = serializers.CharField()
    deployment = serializers.CharField(source="deployment.name")
    model = serializers.UUIDField(source="model.uid")
    tokens = serializers.IntegerField()
    milliseconds = serializers.IntegerField()
    seed = serializers.IntegerField(source="settings.seed")
    ended = serializers.BooleanField(
        source="settings.ended", help_text="false: cut off at max_new_tokens or at the model's limit."
    )


class NewFeedback(Shape):
    output = serializers.UUIDField()
    kind = serializers.CharField(help_text=KINDS)
    value = serializers.JSONField(
        help_text='thumb: {"up": true}; score: {"score": 0 to 1}; correction: {"text": "..."}; '
        'preference: {"other": "...", "chosen": "output" or "other"}.'
    )
    comment = serializers.CharField(required=False, max_length=2000)
    identifier = serializers.CharField(
        required=False, max_length=128, help_text="Your own id: the same one again is the same feedback."
    )


class FeedbackShape(Shape):
    uid = serializers.UUIDField()
    output = serializers.UUIDField(source="output.uid")
    kind = serializers.CharField(help_text=KINDS)
    value = serializers.JSONField()
    comment = serializers.CharField()
    identifier = serializers.CharField()
    is_simulated = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class OutputShape(Shape):
    uid = serializers.UUIDField()
    deployment = serializers.UUIDField(source="deployment.uid")
    model = serializers.UUIDField(source="model.uid")
    prompt = serializers.JSONField(help_text="messages: role, content.")
    text = serializers.CharField()
    settings = serializers.JSONField()
    tokens = serializers.IntegerField()
    milliseconds = serializers.IntegerField()
    erased_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class OutputListShape(Shape):
    results = OutputShape(many=True)
    next = serializers.CharField(allow_null=True)


class HarvestShape(Shape):
    project = serializers.UUIDField(source="project.uid")
    task = serializers.UUIDField(source="task.uid")
    reason = serializers.CharField(help_text=", ".join(Harvest.Reason.values))
    probability = serializers.FloatField(help_text="With which it was chosen.")
    created_at = serializers.DateTimeField()


class WholeOutput(OutputShape):
    feedback = FeedbackShape(many=True, source="newest_feedback", help_text="The newest hundred.")
    sent_back = HarvestShape(many=True, source="sent", help_text="As which tasks annotators got it, and why.")


class HarvestRequest(Shape):
    """Without `outputs`, feedback and chance choose."""

    outputs = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000)
    deployment = serializers.UUIDField(required=False, help_text="Choose among its outputs only.")
    floor = serializers.FloatField(
        default=0.05, min_value=0, max_value=1, help_text="Share of those that nobody complained about."
    )
    limit = serializers.IntegerField(default=100, min_value=1, max_value=1000)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=GREATEST_SEED)


class HarvestJob(Shape):
    job = serializers.UUIDField(source="uid", help_text="Its result tells the number of tasks.")
