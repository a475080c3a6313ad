"""The shapes of the API about sources, documents and cleanings, as the OpenAPI document shows them."""

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from corpus.models import Source
from corpus.sources import LAWFUL_BASES

# The stubs make the class generic, which it is not at run time.
if TYPE_CHECKING:
    Shape = serializers.Serializer[Any]
else:
    Shape = serializers.Serializer


class SourceRequest(Shape):
    name = serializers.CharField(max_length=120)
    licence = serializers.CharField(max_length=120, help_text="An SPDX expression.")
    origin = serializers.CharField(max_length=500)
    lawful_basis = serializers.ChoiceField(choices=sorted(LAWFUL_BASES))
    collector = serializers.CharField(max_length=120)
    holder = serializers.CharField(max_length=200, required=False)
    consent_reference = serializers.CharField(
        max_length=200, required=False, help_text="Required for consent."
    )
    collected_on = serializers.DateField(required=False, allow_null=True)
    retention_until = serializers.DateField(required=False, allow_null=True)
    personal_data = serializers.ChoiceField(choices=Source.PersonalData.choices, default="mask")
    filters = serializers.DictField(
        child=serializers.FloatField(), required=False, help_text="Thresholds of the quality filter."
    )


class SourceFields(Shape):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    licence = serializers.CharField()
    origin = serializers.CharField()
    lawful_basis = serializers.CharField()
    collector = serializers.CharField()
    holder = serializers.CharField()
    consent_reference = serializers.CharField()
    collected_on = serializers.DateField(allow_null=True)
    retention_until = serializers.DateField(allow_null=True)
    personal_data = serializers.CharField()
    filters = serializers.DictField(child=serializers.FloatField())
    created_at = serializers.DateTimeField()


class SourceSummary(SourceFields):
    documents = serializers.DictField(child=serializers.IntegerField(), help_text="By state.")


class SourceList(Shape):
    results = SourceSummary(many=True)
    next = serializers.CharField(allow_null=True)


class DocumentSummary(Shape):
    uid = serializers.UUIDField()
    external_id = serializers.CharField()
    lang = serializers.CharField()
    characters = serializers.IntegerField()
    sha256 = serializers.CharField()
    findings = serializers.DictField(child=serializers.IntegerField())
    state = serializers.CharField(help_text="kept, removed or erased.")
    removal = serializers.JSONField(allow_null=True)
    created_at = serializers.DateTimeField()


class DocumentList(Shape):
    results = DocumentSummary(many=True)
    next = serializers.CharField(allow_null=True)


class UploadSummary(Shape):
    uid = serializers.UUIDField()
    state = serializers.CharField(help_text="queued, done or failed.")
    documents = serializers.IntegerField()


class CleaningRequest(Shape):
    steps = serializers.ListField(child=serializers.CharField(), required=False)
    near_threshold = serializers.FloatField(required=False, min_value=0.5, max_value=1)
    quality = serializers.DictField(child=serializers.FloatField(), required=False)


class CleaningSummary(Shape):
    uid = serializers.UUIDField()
    # Without the type it would hide the attribute of the base class.
    source: Any = serializers.UUIDField(source="source.uid")
    state = serializers.CharField(
        help_text="previewing, preview (waits for confirmation), applying, applied, restored or failed."
    )
    settings = serializers.JSONField()
    report = serializers.JSONField(help_text="Counts, reasons and samples by step; empty until it is there.")
    created_at = serializers.DateTimeField()
    applied_at = serializers.DateTimeField(allow_null=True)
    restored_at = serializers.DateTimeField(allow_null=True)


class CleaningList(Shape):
    results = CleaningSummary(many=True)
    next = serializers.CharField(allow_null=True)


class FreezeRequest(Shape):
    sources = serializers.ListField(child=serializers.UUIDField())
    name = serializers.CharField(max_length=120)
    kind = serializers.CharField(default="corpus", help_text="corpus (texts) or prompts.")
    heldout_share = serializers.FloatField(min_value=0, max_value=0.9, default=0.1)
    note = serializers.CharField(max_length=500, required=False)


class Frozen(Shape):
    dataset_version = serializers.UUIDField(allow_null=True)
    job = serializers.UUIDField(allow_null=True, help_text="Of the job that freezes what is large.")
