"""Wire forms of workspaces, members and API keys."""

from django.conf import settings
from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.references import ScopedReference
from config.kernel.serializers import CleanCharField, ModelSerializer, Number, Serializer, UtcDateTimeField, Whole
from operators.identity.wallets.serializers import AddressField, Signed
from operators.workspaces.availability import availability_of
from operators.workspaces.keys import KEY_SCOPES
from operators.workspaces.models import ApiKey, Member, Workspace
from operators.workspaces.states import RESERVED_SLUGS, Availability, DeviceKind, Environment, MemberRole, WorkspaceRole

GRACE_SECONDS = 86400


def _name(**kwargs) -> CleanCharField:
    return CleanCharField(min_length=1, max_length=80, **kwargs)


def _without_repeats(values: list) -> list:
    if len(set(values)) != len(values):
        raise serializers.ValidationError("A value appears twice.", code="duplicate")
    return values


class PointShape(Serializer):
    """WGS84 degrees."""

    lat = Number(min_value=-90, max_value=90)
    lng = Number(min_value=-180, max_value=180)


class CoverageShape(Serializer):
    """A circle in which the workspace's default operator serves."""

    center = PointShape()
    radius_meters = Whole(min_value=10, max_value=500000)


class WorkspaceBody(Signed):
    """A new workspace and the signed `create-workspace` challenge of its wallet."""

    slug = serializers.RegexField(r"^[a-z][a-z0-9-]{1,38}[a-z0-9]\Z", trim_whitespace=False)
    name = _name()
    roles = serializers.ListField(child=serializers.ChoiceField(WorkspaceRole.choices), min_length=1, max_length=2)

    def validate_slug(self, value):
        if value in RESERVED_SLUGS:
            raise serializers.ValidationError("This word is reserved.", code="reserved")
        return value

    def validate_roles(self, value):
        return sorted(_without_repeats(value))


class WorkspacePatch(Serializer):
    """Name, and how the workspace serves. BUSY is computed, never set."""

    name = _name(required=False)
    availability_state = serializers.ChoiceField([Availability.ONLINE.value, Availability.OFFLINE.value], required=False)
    coverage = CoverageShape(required=False, allow_null=True)
    device_kind = serializers.ChoiceField(DeviceKind.choices, required=False)


class WorkspaceShape(ModelSerializer):
    """A workspace as its members, its keys and the installation see it."""

    availability_state = serializers.SerializerMethodField()
    coverage = serializers.SerializerMethodField()

    class Meta:
        model = Workspace
        fields = ["id", "slug", "name", "wallet_address", "roles", "availability_state", "coverage", "device_kind", "suspended_at", "created_at"]
        read_only_fields = fields

    def get_availability_state(self, row) -> Availability:
        known = self.context.get("availability")
        return (known if known is not None else availability_of([row]))[row.pk].value

    def get_coverage(self, row) -> CoverageShape(allow_null=True):
        return row.coverage


class MemberBody(Serializer):
    """Whom to add: a user by id, or whoever holds the wallet."""

    # Whoever is told somebody's id may add them; who there is stays with `auth:manage`.
    user_id = ScopedReference("user", Perm.AUTH_MANAGE, keep_id=True, unknown_stays=True, required=False)
    wallet_address = AddressField(required=False)
    role = serializers.ChoiceField(MemberRole.choices)

    def validate(self, attrs):
        if ("user_id" in attrs) == ("wallet_address" in attrs):
            raise serializers.ValidationError({"userId": [serializers.ErrorDetail("Give either userId or walletAddress.", code="one_of")]})
        return attrs


class RoleBody(Serializer):
    """The role to have from now on."""

    role = serializers.ChoiceField(MemberRole.choices)


class MemberShape(ModelSerializer):
    """Who belongs to a workspace, and as what."""

    user_id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)
    wallet_address = serializers.SerializerMethodField()

    class Meta:
        model = Member
        fields = ["id", "user_id", "name", "wallet_address", "role", "created_at"]
        read_only_fields = fields

    def get_wallet_address(self, row) -> str | None:
        return next((wallet.address for wallet in row.user.wallets.all()), None)


class KeyBody(Serializer):
    """A new key. `version` is the API version that it is served by default."""

    label = _name()
    environment = serializers.ChoiceField(Environment.choices)
    scopes = serializers.ListField(child=serializers.ChoiceField(KEY_SCOPES), min_length=1, max_length=len(KEY_SCOPES))
    expires_at = UtcDateTimeField(required=False, allow_null=True)
    version = serializers.ChoiceField(settings.API_VERSIONS, required=False)

    def validate_scopes(self, value):
        return _without_repeats(value)


class RevokeBody(Serializer):
    """0 ends the key at once."""

    grace_seconds = Whole(min_value=0, max_value=GRACE_SECONDS, default=0)


class KeyShape(ModelSerializer):
    """A key without its secret."""

    class Meta:
        model = ApiKey
        fields = [
            "id", "label", "environment", "scopes", "version", "prefix", "last_four", "created_by_label", "created_at", "expires_at", "last_used_at",
            "revoked_at", "grace_period_end",
        ]  # fmt: skip
        read_only_fields = fields


class MintedKey(KeyShape):
    """A new key; `token` this once, and null when the answer is replayed."""

    token = serializers.SerializerMethodField()

    class Meta(KeyShape.Meta):
        fields = [*KeyShape.Meta.fields, "token"]
        read_only_fields = fields

    def get_token(self, row) -> str | None:
        return self.context.get("token")


class SelectBody(Serializer):
    """Which workspace this sign-in acts in by default."""

    workspace_id = ScopedReference("workspace", Perm.WORKSPACE_READ, source="workspace")


class Selected(Serializer):
    """The active workspace, and what the user is in it."""

    wallet_address = serializers.CharField(allow_null=True)
    workspace_id = serializers.UUIDField()
    role = serializers.CharField()
