"""Wire shapes of the audit. `scope` and `workspaceIds` decide who reads a row and are on no wire."""

from urllib.parse import urlencode

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit import selectors
from audit.models import AuditEvent
from config.kernel.names import FreeForm
from config.kernel.serializers import FreeFormField, ModelSerializer, Serializer, UtcDateTimeField


class PartySerializer(Serializer):
    """An actor or a subject at that time."""

    kind = serializers.CharField()
    id = serializers.CharField(allow_null=True)
    label = serializers.CharField(allow_blank=True)


def party(row: AuditEvent, role: str) -> dict | None:
    """`{kind, id, label}` of `actor`, `on_behalf_of` or `subject`; None if there is none."""
    kind = getattr(row, f"{role}_kind")
    return {"kind": kind, "id": getattr(row, f"{role}_id"), "label": getattr(row, f"{role}_label") or ""} if kind else None


class AuditEventSerializer(ModelSerializer):
    """An event as in lists."""

    actor = serializers.SerializerMethodField()
    on_behalf_of = serializers.SerializerMethodField()
    subject = serializers.SerializerMethodField()
    correlation = FreeFormField(read_only=True)
    ip = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = AuditEvent
        fields = [
            "id", "occurred_at", "verb", "actor", "on_behalf_of", "subject", "permission", "outcome", "reason", "correlation", "request_id", "method",
            "route", "status", "ip", "user_agent", "sign_in_id", "credential_prefix", "environment",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(PartySerializer)
    def get_actor(self, row):
        return party(row, "actor")

    @extend_schema_field(PartySerializer(allow_null=True))
    def get_on_behalf_of(self, row):
        return party(row, "on_behalf_of")

    @extend_schema_field(PartySerializer(allow_null=True))
    def get_subject(self, row):
        return party(row, "subject")


class SealSerializer(Serializer):
    """Where the chain holds an event."""

    month = serializers.CharField()
    position = serializers.IntegerField()
    digest = serializers.CharField()


class AuditEventDetailSerializer(AuditEventSerializer):
    """An event whole: what changed, and whether it is sealed."""

    before = serializers.SerializerMethodField()
    after = serializers.SerializerMethodField()
    details = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()
    seal = serializers.SerializerMethodField()

    class Meta(AuditEventSerializer.Meta):
        fields = [*AuditEventSerializer.Meta.fields, "before", "after", "details", "links", "seal", "format"]
        read_only_fields = fields

    def get_before(self, row) -> dict | None:
        return _free(row.before)

    def get_after(self, row) -> dict | None:
        return _free(row.after)

    def get_details(self, row) -> dict | None:
        return _free(row.details)

    def get_links(self, row) -> dict[str, str]:
        listing = reverse("audit-events")
        links = {"self": reverse("audit-event", args=[row.pk]), "request": f"{listing}?{urlencode({'requestId': row.request_id})}"}
        if row.actor_id:
            links["actor"] = f"{listing}?{urlencode({'actorKind': row.actor_kind, 'actorId': row.actor_id})}"
        if row.subject_id:
            links["subject"] = f"{listing}?{urlencode({'subjectKind': row.subject_kind, 'subjectId': row.subject_id})}"
        return links

    @extend_schema_field(SealSerializer(allow_null=True))
    def get_seal(self, row):
        return selectors.seal_of(row)


def _free(part: dict | None):
    return FreeForm(part) if part is not None else None


class CheckpointSerializer(Serializer):
    """The last signed statement about the chain."""

    seq = serializers.IntegerField()
    month = serializers.CharField()
    position = serializers.IntegerField()
    link = serializers.CharField()
    at = UtcDateTimeField()
    key_id = serializers.CharField()


class VerificationSerializer(Serializer):
    """What the last nightly verification found."""

    at = UtcDateTimeField()
    month = serializers.CharField()
    findings = serializers.ListField(child=serializers.DictField())


class PublicKeySerializer(Serializer):
    """A key that signed or signs here; raw Ed25519, base64."""

    key_id = serializers.CharField()
    public_key = serializers.CharField()


class IntegritySerializer(Serializer):
    """How far the trail is sealed and when it was last verified."""

    sealed_through = UtcDateTimeField(allow_null=True)
    pending = serializers.IntegerField()
    last_checkpoint = CheckpointSerializer(allow_null=True)
    last_verification = VerificationSerializer(allow_null=True)
    public_keys = PublicKeySerializer(many=True)


class FacetValueSerializer(Serializer):
    """A value and how many events have it."""

    value = serializers.CharField()
    count = serializers.IntegerField()


class FacetsSerializer(Serializer):
    """≤ 50 values for each field."""

    verb = FacetValueSerializer(many=True)
    area = FacetValueSerializer(many=True)
    actor_kind = FacetValueSerializer(many=True)
    subject_kind = FacetValueSerializer(many=True)
    permission = FacetValueSerializer(many=True)
    outcome = FacetValueSerializer(many=True)
    reason = FacetValueSerializer(many=True)
