"""Wire forms of the administration of users and groups. Users look as in `/auth/me`."""

from django.contrib.auth.models import Group
from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.references import AnyReference, NumberedReference, ScopedReference
from config.kernel.serializers import CleanCharField, ModelSerializer, Serializer, Switch
from operators.access import holdings
from operators.access.models import EVERYTHING, Role
from operators.identity.people import selectors
from operators.identity.serializers import EMAIL_LIMIT, GrantShape, UserShape, fits_as_stored, password_field


class GrantBody(Serializer):
    """One thing to be in reach: of a granted kind, by its id, or "*" for all of them."""

    resource_type = serializers.CharField(max_length=40)
    resource_id = AnyReference(Perm.AUTH_MANAGE, kind_from="resource_type", everything=True)

    def validate_resource_type(self, value):
        known = sorted(kind.name for kind in holdings.granted_kinds())
        if value not in known:
            raise serializers.ValidationError(f"Grants are given on: {', '.join(known)}.", code="invalid_choice")
        return value


def grants_in(body: dict) -> set[holdings.Grant] | None:
    """The grants of a validated body; None where it says nothing of them."""
    if "resource_grants" not in body:
        return None
    return {
        (item["resource_type"], EVERYTHING if item["resource_id"] == EVERYTHING else str(item["resource_id"].pk)) for item in body["resource_grants"]
    }


def _roles(**kwargs) -> serializers.ListField:
    return serializers.ListField(child=serializers.ChoiceField(Role.choices), max_length=len(Role), **kwargs)


def _groups() -> serializers.ListField:
    return serializers.ListField(child=NumberedReference("group", Perm.AUTH_MANAGE), max_length=200, required=False, source="groups")


def _grants() -> GrantBody:
    return GrantBody(many=True, required=False, max_length=holdings.LIMIT)


class NewUser(Serializer):
    """POST /auth/users."""

    email = serializers.EmailField(max_length=EMAIL_LIMIT, validators=[fits_as_stored])
    name = CleanCharField(min_length=1, max_length=120)
    password = password_field(min_length=12)
    roles = _roles(min_length=1)
    group_ids = _groups()
    resource_grants = _grants()


class AccessBody(Serializer):
    """PATCH /auth/users/:id/access: each list replaces what there is."""

    roles = _roles(required=False)
    group_ids = _groups()
    resource_grants = _grants()


class ResetBody(Serializer):
    """PATCH /auth/users/:id/password: a password, or `generate: true` for one that is shown once."""

    password = password_field(min_length=12, required=False)
    generate = Switch(required=False)

    def validate(self, attrs):
        if ("password" in attrs) == bool(attrs.get("generate")):
            raise serializers.ValidationError("Send a password, or generate: true; exactly one of them.", code="exactly_one")
        return attrs


class StatusBody(Serializer):
    """PATCH /auth/users/:id/status."""

    disabled = Switch()
    reason = CleanCharField(max_length=500, required=False, allow_blank=True, multiline=True)


class PersonShape(UserShape):
    """`UserShape`, read from what was prefetched; the context holds `grants`."""

    def get_roles(self, user) -> list[str]:
        return selectors.sorted_roles(user.role_rows.all())

    def get_resource_grants(self, user) -> list[dict[str, str]]:
        return self.context["grants"].of(user)

    def get_permissions(self, user) -> list[str]:
        return selectors.permissions(user)


class UserLinks(Serializer):
    """Where the rest about a user is."""

    self = serializers.CharField()
    access = serializers.CharField()
    password = serializers.CharField()
    status = serializers.CharField()
    sign_ins = serializers.CharField()
    audit = serializers.CharField()


class UserDetail(Serializer):
    """GET /auth/users/:id."""

    user = PersonShape()
    actions = serializers.DictField()
    links = UserLinks()


class ResetShape(Serializer):
    """`password` only in the answer that generated it."""

    user = PersonShape()
    password = serializers.CharField(required=False)


class GroupBody(Serializer):
    """POST and PATCH of a group; each list replaces what there is."""

    name = CleanCharField(min_length=1, max_length=150)
    roles = _roles(required=False)
    member_ids = serializers.ListField(child=ScopedReference("user", Perm.AUTH_MANAGE), required=False, max_length=10_000, source="members")
    resource_grants = _grants()


class GroupShape(ModelSerializer):
    """A group, its roles, who is in it and what is granted to it."""

    roles = serializers.SerializerMethodField()
    member_ids = serializers.SerializerMethodField()
    resource_grants = serializers.SerializerMethodField()

    class Meta:
        model = Group
        fields = ["id", "name", "roles", "member_ids", "resource_grants"]
        read_only_fields = fields

    def get_roles(self, row) -> list[str]:
        return selectors.sorted_roles(row.role_rows.all())

    def get_member_ids(self, row) -> list[str]:
        return sorted(str(user.pk) for user in row.user_set.all())

    def get_resource_grants(self, row) -> GrantShape(many=True):
        return self.context["grants"].of(row)
