"""The shapes of the API about people: what comes in is checked by them, what goes out is documented."""

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from accounts.models import AuditEvent, Role
from accounts.tokens import DEFAULT_DAYS, LONGEST_NAME, MOST_DAYS

# The stubs make the class generic, which it is not at run time.
if TYPE_CHECKING:
    Shape = serializers.Serializer[Any]
else:
    Shape = serializers.Serializer


class PersonSerializer(Shape):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.EmailField()


class WorkspaceSerializer(Shape):
    uid = serializers.UUIDField()
    slug = serializers.SlugField()
    name = serializers.CharField()


class MeSerializer(Shape):
    person = PersonSerializer()
    workspace = WorkspaceSerializer()
    membership = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices)
    pseudonym = serializers.CharField()


class TokenRequestSerializer(Shape):
    name = serializers.CharField(max_length=LONGEST_NAME)
    days = serializers.IntegerField(min_value=1, max_value=MOST_DAYS, default=DEFAULT_DAYS)


class TokenSerializer(Shape):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_on = serializers.DateField(allow_null=True)


class TokenCreatedSerializer(TokenSerializer):
    token = serializers.CharField(help_text="The secret. It is shown this once.")


class MemberSerializer(Shape):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices)
    pseudonym = serializers.CharField()
    is_active = serializers.BooleanField()
    is_simulated = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class AuditEventSerializer(Shape):
    uid = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=AuditEvent.Kind.choices)
    at = serializers.DateTimeField()
    member = serializers.UUIDField(allow_null=True)
    object_kind = serializers.CharField()
    object_uid = serializers.UUIDField(allow_null=True)
    detail = serializers.JSONField()
    address = serializers.IPAddressField(allow_null=True)
    request_id = serializers.CharField()


class _ListSerializer(Shape):
    next = serializers.CharField(allow_null=True, help_text="The cursor for `before`; null on the last page.")


class TokenListSerializer(_ListSerializer):
    results = TokenSerializer(many=True)


class MemberListSerializer(_ListSerializer):
    results = MemberSerializer(many=True)


class AuditListSerializer(_ListSerializer):
    results = AuditEventSerializer(many=True)
