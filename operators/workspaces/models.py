"""Tenants, who belongs to them, and their API keys (03 §5)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from config.kernel.access import Perm
from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from operators.workspaces.states import DeviceKind, Environment, MemberRole, WorkspaceRole


class Workspace(TimestampedModel):
    """The tenant. Slug, roles and wallet are fixed for good.

    wallet_address     EIP-55; one wallet may own several workspaces
    declared_offline   a supplier who takes no work; whether one is BUSY is computed, never stored
    coverage, device_kind   of its default operator: `{"center": {"lat", "lng"}, "radiusMeters"}` or null
    suspended_at       since when members and keys are refused; set and lifted in the admin
    """

    AUDIT_FIELDS = ("slug", "name", "wallet_address", "roles", "declared_offline", "coverage", "device_kind", "suspended_at")

    slug = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    wallet_address = models.CharField(max_length=42)
    roles = ArrayField(models.CharField(max_length=8, choices=WorkspaceRole))
    declared_offline = models.BooleanField(default=False)
    coverage = models.JSONField(null=True, blank=True)
    device_kind = models.CharField(max_length=6, choices=DeviceKind, default=DeviceKind.OTHER)
    suspended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["name", "id"]
        indexes = [models.Index(Lower("wallet_address"), "created_at", name="workspace_by_wallet")]
        permissions = [
            (Perm.WORKSPACE_READ.codename, Perm.WORKSPACE_READ.value),
            (Perm.WORKSPACE_MANAGE.codename, Perm.WORKSPACE_MANAGE.value),
            (Perm.KEY_MANAGE.codename, Perm.KEY_MANAGE.value),
        ]

    def __str__(self):
        return self.slug


class Member(models.Model):
    """This user has this role in this workspace."""

    AUDIT_FIELDS = ("role",)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=MemberRole)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="member_once")]

    def __str__(self):
        return f"{self.role} of {self.workspace_id}"


class ApiKeyQuerySet(models.QuerySet):
    """`live(at)`: neither expired nor revoked, or revoked with a grace period that still runs."""

    def live(self, at):
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=at), Q(revoked_at=None) | Q(grace_period_end__gt=at))


class ApiKey(models.Model):
    """A credential of one workspace: its scopes are permission strings, its environment one of two worlds.

    digest             SHA-256 of the token, which is shown once · prefix, last_four   what people recognise it by
    version            the API version it is served, unless a request names another
    last_used_at       written at most once a minute
    grace_period_end   until when a revoked key still works (a rollover); null: revoking was immediate
    """

    AUDIT_FIELDS = ("label", "environment", "scopes", "version", "expires_at", "revoked_at", "grace_period_end")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    label = models.CharField(max_length=80)
    environment = models.CharField(max_length=4, choices=Environment)
    scopes = ArrayField(models.CharField(max_length=64))
    digest = models.BinaryField(max_length=32, unique=True)
    prefix = models.CharField(max_length=16)
    last_four = models.CharField(max_length=4)
    version = models.CharField(max_length=10)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_label = models.CharField(max_length=254)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    grace_period_end = models.DateTimeField(null=True, blank=True)
    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["workspace", "created_at"], name="api_key_of_workspace")]

    def __str__(self):
        return f"{self.label} ({self.prefix}…{self.last_four})"
