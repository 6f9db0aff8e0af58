"""Wire forms of the control room's people, invites, locks and hand-overs (04 §6)."""

import json

from rest_framework import serializers

from config.kernel.access import Subsystem
from config.kernel.serializers import CleanCharField, ModelSerializer, Serializer, Switch, UtcDateTimeField, Whole
from operators.console import invites
from operators.console.models import ConsoleOperator, ControlRoomEvent, Invite
from operators.console.shapes import person
from operators.console.states import InviteKind, InviteStatus, ProductionRole, is_present


class PlainText(serializers.CharField):
    """Text as it was sent; a number is none."""

    def to_internal_value(self, data):
        if isinstance(data, (bool, int, float)):
            self.fail("invalid")
        return super().to_internal_value(data)


class SubsystemField(serializers.ChoiceField):
    """One of the six."""

    default_error_messages = {"invalid_choice": "There is no such subsystem."}

    def __init__(self, **kwargs):
        super().__init__([subsystem.value for subsystem in Subsystem], **kwargs)

    def to_internal_value(self, data):
        if not isinstance(data, str) or data not in self.choices:
            raise serializers.ValidationError(self.error_messages["invalid_choice"], code="subsystem_invalid")
        return data


def _reason() -> CleanCharField:
    return CleanCharField(max_length=200, required=False, allow_null=True, allow_blank=True)


class RegisterBody(Serializer):
    """`role` counts without an invite; `id` is a stable id of one's own choice. What is wrong with them is said once the door is open (04 §1)."""

    name = PlainText(required=False, allow_blank=True, allow_null=True, trim_whitespace=False, max_length=2000)
    role = PlainText(required=False, allow_blank=True, allow_null=True, max_length=100)
    id = PlainText(required=False, allow_null=True, allow_blank=True, trim_whitespace=False, max_length=200)
    invite_token = PlainText(required=False, allow_blank=True, allow_null=True, max_length=200)

    @classmethod
    def door(cls, data) -> str | None:
        """The invite token as it was sent, before the fields are looked at; what is no text opens nothing. None: there is none."""
        sent = data.get("inviteToken") if isinstance(data, dict) else None
        if not isinstance(sent, str):
            return None if sent is None else json.dumps(sent)
        return sent.strip() or None


class Registered(Serializer):
    """`token` this once; null when the answer is replayed."""

    id = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(ProductionRole.choices)
    token = serializers.CharField(allow_null=True)


class InviteToken(Serializer):
    invite_token = PlainText(max_length=200)


class InviteLook(Serializer):
    """What an invite link opens; `label` says for whom a personal one was made."""

    role = serializers.ChoiceField(ProductionRole.choices)
    label = serializers.CharField(allow_blank=True)
    expires_at = UtcDateTimeField()


class JoinBody(InviteToken):
    name = PlainText(allow_blank=True, trim_whitespace=False, max_length=2000)


class Joined(Serializer):
    """`guest`: this browser is let in by its cookie; false for a signed-in user."""

    id = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(ProductionRole.choices)
    guest = serializers.BooleanField()


class Reconnected(Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(ProductionRole.choices)
    locks = serializers.ListField(child=serializers.CharField())


class Heartbeat(Serializer):
    """`revived`: a silence ended; `locks` are what is still held."""

    ok = serializers.BooleanField()
    revived = serializers.BooleanField()
    locks = serializers.ListField(child=serializers.CharField())
    heartbeat_seconds = serializers.IntegerField()


class Done(Serializer):
    ok = serializers.BooleanField()


class ConsoleOperatorShape(ModelSerializer):
    """Somebody who is registered. Context: `now`, `locks` by operator's key, `director`."""

    id = serializers.CharField(source="public_id", read_only=True)
    connected = serializers.SerializerMethodField()
    last_seen_at = UtcDateTimeField(source="last_seen", read_only=True)
    locks = serializers.SerializerMethodField()
    invite_id = serializers.SerializerMethodField()

    class Meta:
        model = ConsoleOperator
        fields = ["id", "name", "role", "connected", "guest", "last_seen_at", "locks", "invite_id"]
        read_only_fields = fields

    def get_connected(self, row) -> bool:
        return is_present(row.last_seen, self.context["now"])

    def get_locks(self, row) -> list[str]:
        return self.context["held"].get(row.pk, [])

    def get_invite_id(self, row) -> str | None:
        return str(row.invite_id) if row.invite_id and self.context.get("director") else None


class MyOperator(Serializer):
    """The caller's place in the room; `operator` null: none yet."""

    operator = ConsoleOperatorShape(allow_null=True)
    locks = serializers.ListField(child=serializers.CharField())
    commands = serializers.ListField(child=serializers.CharField())
    may_register_as = serializers.ListField(child=serializers.CharField())


class SubsystemBody(Serializer):
    subsystem = SubsystemField()


class LockBody(SubsystemBody):
    reason = _reason()


class Locked(Serializer):
    ok = serializers.BooleanField()
    subsystem = serializers.CharField()
    acquired_at = UtcDateTimeField()


class Token(Serializer):
    token = serializers.CharField()


class InviteBody(Serializer):
    """A role invite is there once for its role; a personal one is random and shown once."""

    kind = serializers.ChoiceField(InviteKind.choices)
    role = serializers.ChoiceField(ProductionRole.choices)
    label = CleanCharField(max_length=80, required=False, allow_blank=True)
    expires_at = UtcDateTimeField(required=False)
    max_uses = Whole(min_value=1, max_value=1000, required=False, allow_null=True)


class InviteRotation(Serializer):
    expires_at = UtcDateTimeField(required=False)
    max_uses = Whole(min_value=1, max_value=1000, required=False, allow_null=True)


class InviteShape(ModelSerializer):
    """An invite without its token."""

    status = serializers.SerializerMethodField()

    class Meta:
        model = Invite
        fields = [
            "id", "kind", "role", "label", "status", "generation", "last_four", "expires_at", "max_uses", "uses", "revoked_at", "created_by_label",
            "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_status(self, row) -> serializers.ChoiceField(InviteStatus.choices):
        return invites.status_of(row).value


class InviteIssued(Serializer):
    invite = InviteShape()
    token = serializers.CharField(allow_null=True)


class AskBody(SubsystemBody):
    note = _reason()


class ConsolePerson(Serializer):
    id = serializers.CharField()
    name = serializers.CharField()


class HandoverShape(Serializer):
    """An ask for a lock; `from` holds it, `to` asks."""

    id = serializers.UUIDField()
    subsystem = serializers.CharField()
    note = serializers.CharField(allow_null=True)
    expires_at = UtcDateTimeField()
    outcome = serializers.CharField(allow_null=True)

    def get_fields(self):
        # `from` is no name that a class body can hold.
        return super().get_fields() | {"from": ConsolePerson(), "to": ConsolePerson()}

    def to_representation(self, row):
        return super().to_representation(
            {
                "id": row.pk,
                "subsystem": row.subsystem,
                "note": row.note,
                "expires_at": row.expires_at,
                "outcome": row.outcome or None,
                "from": person(row.holder),
                "to": person(row.asker),
            }
        )


class EventShape(ModelSerializer):
    """A change of the room, as its history keeps it."""

    by = serializers.SerializerMethodField()

    class Meta:
        model = ControlRoomEvent
        fields = ["id", "seq", "event", "at", "by", "data"]
        read_only_fields = fields

    def get_by(self, row) -> dict:
        return {"kind": row.actor_kind, "id": row.actor_id, "name": row.actor_name}


class MuteBody(Serializer):
    muted = Switch()
