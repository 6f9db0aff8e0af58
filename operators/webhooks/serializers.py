"""Wire forms of webhook endpoints and deliveries."""

import json

from django.conf import settings
from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.names import FreeForm
from config.kernel.outbound.guard import URL_LIMIT
from config.kernel.references import ScopedReference
from config.kernel.serializers import CleanCharField, ModelSerializer, Serializer, Switch
from operators.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from operators.webhooks.states import event_type
from operators.workspaces.states import Environment

TYPES = 64


class TypesField(serializers.ListField):
    """Event types, each once."""

    def __init__(self, **kwargs):
        super().__init__(child=CleanCharField(max_length=64), min_length=1, max_length=TYPES, **kwargs)

    def run_child_validation(self, data):
        value = super().run_child_validation(data)
        # Which there are is known once every app has said so, hence no ChoiceField.
        for index, name in enumerate(value):
            if event_type(name) is None:
                raise serializers.ValidationError({index: [serializers.ErrorDetail(f"{name} is no event type.", code="invalid_choice")]})
        if len(set(value)) != len(value):
            raise serializers.ValidationError("A value appears twice.", code="duplicate")
        return value


class _Settings(Serializer):
    """What can be set at any time."""

    url = CleanCharField(max_length=URL_LIMIT)
    types = TypesField()
    api_version = serializers.ChoiceField(settings.API_VERSIONS, required=False)
    enabled = Switch(required=False)


class EndpointBody(_Settings):
    """A new endpoint. `workspaceId`: default the key's, or the active one of the sign-in; `environment`: the key's, else LIVE."""

    workspace_id = ScopedReference("workspace", Perm.WEBHOOK_MANAGE, source="workspace", required=False)
    environment = serializers.ChoiceField(Environment.choices, required=False)


class EndpointPatch(_Settings):
    """What is to change."""


class EndpointShape(ModelSerializer):
    """An endpoint without its secret."""

    workspace_id = serializers.UUIDField(read_only=True)
    disabled_reason = serializers.SerializerMethodField()
    previous_secret_until = serializers.SerializerMethodField()

    class Meta:
        model = WebhookEndpoint
        fields = [
            "id", "workspace_id", "environment", "url", "types", "api_version", "enabled", "disabled_reason", "failing_since", "previous_secret_until",
            "created_by_label", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_disabled_reason(self, row) -> serializers.ChoiceField(["gone", "failing"], allow_null=True):
        return row.disabled_reason or None

    def get_previous_secret_until(self, row) -> serializers.DateTimeField(allow_null=True):
        return row.previous_secret_until


class EndpointWithSecret(EndpointShape):
    """After making it or rotating: `secret` this once, and null when the answer is replayed."""

    secret = serializers.SerializerMethodField()

    class Meta(EndpointShape.Meta):
        fields = [*EndpointShape.Meta.fields, "secret"]
        read_only_fields = fields

    def get_secret(self, row) -> str | None:
        return self.context.get("secret")


class SubjectShape(Serializer):
    """What an event is about."""

    kind = serializers.CharField()
    id = serializers.CharField()


class AttemptShape(ModelSerializer):
    """One try: a status of the receiver, or an error; a refused redirect has both."""

    error = serializers.SerializerMethodField()

    class Meta:
        model = WebhookAttempt
        fields = ["at", "status_code", "duration_ms", "error"]
        read_only_fields = fields

    def get_error(self, row) -> str | None:
        return row.error or None


class DeliveryShape(ModelSerializer):
    """One event for one endpoint, with the body as it is sent. `webhookId` is the header's."""

    endpoint_id = serializers.UUIDField(read_only=True)
    workspace_id = serializers.UUIDField(read_only=True)
    webhook_id = serializers.CharField(source="message_id", read_only=True)
    subject = serializers.SerializerMethodField()
    attempts = AttemptShape(many=True, read_only=True)
    redelivery_of = serializers.UUIDField(source="redelivery_of_id", read_only=True, allow_null=True)
    body = serializers.SerializerMethodField()

    class Meta:
        model = WebhookDelivery
        fields = [
            "id", "endpoint_id", "workspace_id", "environment", "webhook_id", "type", "subject", "status", "attempts", "next_attempt_at", "redelivery_of",
            "body", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_subject(self, row) -> SubjectShape:
        return {"kind": row.subject_kind, "id": row.subject_id}

    def get_body(self, row) -> dict:
        return FreeForm(json.loads(row.body))
