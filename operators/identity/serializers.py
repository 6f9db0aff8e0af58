"""Wire forms of users, sign-ins and what goes into signing in."""

from rest_framework import serializers

from config.kernel.serializers import CleanCharField, ModelSerializer, Serializer, Switch, UtcDateTimeField
from operators.access import scopes
from operators.access.selectors import roles_of, standing_of_user
from operators.identity.models import SignIn, User
from operators.identity.names import normal_email

PASSWORD_LIMIT, EMAIL_LIMIT = 200, 254


def password_field(**kwargs) -> serializers.CharField:
    """A password on its way in: taken as it is, never shown."""
    return serializers.CharField(max_length=PASSWORD_LIMIT, trim_whitespace=False, write_only=True, style={"input_type": "password"}, **kwargs)


def fits_as_stored(email: str) -> None:
    """For `validators`: an address may grow when it is written down (NFKC), beyond what is kept of one."""
    if len(normal_email(email)) > EMAIL_LIMIT:
        raise serializers.ValidationError(f"At most {EMAIL_LIMIT} characters.", code="max_length")


class SignInBody(Serializer):
    """`cookie: true` signs a browser in and answers a CSRF token; false answers a bearer token."""

    email = serializers.CharField(max_length=EMAIL_LIMIT, validators=[fits_as_stored])
    password = password_field()
    cookie = Switch(default=False)


class PasswordBody(Serializer):
    """The own password, and the one to have from now on (12–200 characters)."""

    current_password = password_field()
    new_password = password_field(min_length=12)


class GrantShape(Serializer):
    """One thing that is in reach by a grant."""

    resource_type = serializers.CharField()
    resource_id = serializers.CharField()


class UserShape(ModelSerializer):
    """A user as administrators and they themselves see it."""

    id = serializers.UUIDField(read_only=True)
    providers = serializers.SerializerMethodField()
    roles = serializers.SerializerMethodField()
    group_ids = serializers.SerializerMethodField()
    resource_grants = serializers.SerializerMethodField()
    permissions = serializers.SerializerMethodField()
    wallets = serializers.SerializerMethodField()
    last_sign_in_at = UtcDateTimeField(source="last_login", read_only=True, allow_null=True)

    class Meta:
        model = User
        fields = [
            "id",
            "email",
            "name",
            "providers",
            "roles",
            "group_ids",
            "resource_grants",
            "permissions",
            "wallets",
            "must_change_password",
            "disabled_at",
            "created_at",
            "last_sign_in_at",
        ]
        read_only_fields = fields

    def get_providers(self, user) -> list[str]:
        held = {"local": user.has_usable_password(), "oidc": bool(user.oidc_identities.all()), "wallet": bool(user.wallets.all())}
        return [name for name, has in held.items() if has]

    def get_roles(self, user) -> list[str]:
        return roles_of(user)

    def get_group_ids(self, user) -> list[int]:
        return sorted(group.pk for group in user.groups.all())

    def get_resource_grants(self, user) -> list[dict[str, str]]:
        granted = [(kind.name, kind.grant_models[0]) for kind in scopes.every() if kind.grant_models]
        rows = [(name, pk) for name, table in granted for pk in table.objects.filter(user=user).values_list("content_object_id", flat=True)]
        rows += [(name, "*") for name in sorted(standing_of_user(user).everywhere)]
        return [{"resourceType": name, "resourceId": str(pk)} for name, pk in rows]

    def get_permissions(self, user) -> list[str]:
        return sorted(permission.value for permission in standing_of_user(user).permissions)

    def get_wallets(self, user) -> list[str]:
        return sorted(wallet.address for wallet in user.wallets.all())


class SignInShape(ModelSerializer):
    """One live sign-in; `current` is the one that asked."""

    current = serializers.SerializerMethodField()

    class Meta:
        model = SignIn
        fields = ["id", "kind", "current", "ip", "user_agent", "created_at", "last_seen_at", "expires_at"]
        read_only_fields = fields

    def get_current(self, row) -> bool:
        return str(row.pk) == self.context["request"].actor.sign_in_id


class SignedIn(Serializer):
    """What signing in answers: `token` once, or null and `csrf_token` for a cookie."""

    token = serializers.CharField(allow_null=True)
    csrf_token = serializers.CharField(required=False)
    expires_at = UtcDateTimeField()
    sign_in_id = serializers.UUIDField()
    user = UserShape()


class WorkspaceOfActor(Serializer):
    """A workspace that the caller belongs to."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField(allow_null=True)
    permissions = serializers.ListField(child=serializers.CharField())


class KeyOfActor(Serializer):
    """The API key that asks."""

    id = serializers.UUIDField()
    label = serializers.CharField()
    environment = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    version = serializers.CharField()
    expires_at = UtcDateTimeField(allow_null=True)


class OperatorOfActor(Serializer):
    """The console operator that asks."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    role = serializers.CharField()
    guest = serializers.BooleanField()


class Me(Serializer):
    """Whose credential this is and what it allows: `user`, `apiKey` or `operator`. A key's workspace has no role."""

    kind = serializers.CharField()
    user = UserShape(required=False)
    api_key = KeyOfActor(required=False)
    operator = OperatorOfActor(required=False)
    permissions = serializers.ListField(child=serializers.CharField())
    workspaces = WorkspaceOfActor(many=True)
    active_workspace_id = serializers.UUIDField(allow_null=True)


class Revoked(Serializer):
    """How many sign-ins ended."""

    revoked = serializers.IntegerField()


class PermissionShape(Serializer):
    """One entry of the catalogue."""

    permission = serializers.CharField()
    lets = CleanCharField()
    kind = serializers.CharField(allow_null=True)
    roles = serializers.ListField(child=serializers.CharField())
    workspace_roles = serializers.ListField(child=serializers.CharField())
    key = serializers.BooleanField()
