"""Wire forms of access policies and of explained decisions."""

from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.references import AnyReference
from config.kernel.serializers import CleanCharField, Serializer, Switch
from operators.access import scopes
from operators.access.models import EVERYTHING, Effect, SubjectType

LIMIT = 500


class PolicyBody(Serializer):
    """One rule. `id` and `stale` may come along as they were read; they are not looked at."""

    id = serializers.UUIDField(required=False)
    effect = serializers.ChoiceField(Effect.choices)
    subject_type = serializers.ChoiceField(SubjectType.choices)
    subject_id = AnyReference(Perm.AUTH_MANAGE, kind_from="subject_type", unknown_stays=True, required=False, allow_null=True)
    permissions = serializers.ListField(child=serializers.CharField(max_length=64), min_length=1, max_length=len(Perm) + 1)
    resource_type = serializers.CharField(max_length=40)
    resource_id = AnyReference(Perm.AUTH_MANAGE, kind_from="resource_type", everything=True, unknown_stays=True)
    reason = CleanCharField(max_length=500, required=False, allow_blank=True, multiline=True)
    stale = Switch(required=False)

    def validate_permissions(self, value):
        known = {EVERYTHING, *(permission.value for permission in Perm)}
        if unknown := [text for text in value if text not in known]:
            raise serializers.ValidationError(f"{unknown[0][:64]} is no permission.", code="invalid_choice")
        return [EVERYTHING] if EVERYTHING in value else sorted(set(value))

    def validate_resource_type(self, value):
        kind = scopes.named(value)
        if kind is None or not kind.policies:
            raise serializers.ValidationError("Policies apply to no such kind.", code="invalid_choice")
        return value

    def validate(self, attrs):
        for_everyone = attrs["subject_type"] == SubjectType.EVERYONE
        if for_everyone == (attrs.get("subject_id") is not None):
            message = "A rule about everyone names nobody." if for_everyone else "Say whom the rule is about."
            raise serializers.ValidationError({"subjectId": [serializers.ErrorDetail(message, code="invalid" if for_everyone else "required")]})
        return attrs


class PoliciesBody(Serializer):
    """PATCH /auth/access-policies: all of them, in place of all there are."""

    policies = PolicyBody(many=True, max_length=LIMIT)


class PolicyShape(Serializer):
    """A rule as it is in force. `stale`: what it names is gone."""

    id = serializers.UUIDField()
    effect = serializers.ChoiceField(Effect.choices)
    subject_type = serializers.ChoiceField(SubjectType.choices)
    subject_id = serializers.SerializerMethodField()
    permissions = serializers.ListField(child=serializers.CharField())
    resource_type = serializers.CharField()
    resource_id = serializers.CharField()
    reason = serializers.CharField()
    stale = serializers.BooleanField()

    def get_subject_id(self, row) -> str | None:
        return row.subject_id or None


class PoliciesShape(Serializer):
    """Every policy."""

    policies = PolicyShape(many=True)


class StepShape(Serializer):
    """One path of the decision: `denies`, `allows`, or `none` (it says nothing)."""

    step = serializers.CharField()
    outcome = serializers.CharField()
    via = serializers.CharField(allow_null=True)
    says = serializers.CharField()


class ExplainedShape(Serializer):
    """A decision and how it came about."""

    allowed = serializers.BooleanField()
    rule = serializers.CharField()
    via = serializers.CharField(allow_null=True)
    steps = StepShape(many=True)
