"""Device operators: the assets of a supplier that can publish from a known place, and the keys that sign for them (05 §1)."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from config.kernel.access import Perm
from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from operators.workspaces.models import Workspace
from operators.workspaces.states import DeviceKind, Environment


class DeviceOperator(TimestampedModel):
    """One asset of a SUPPLIER workspace. Whether it is ONLINE, BUSY or OFFLINE is computed (`sessions.field.availability`), never stored.

    home            where it stands while nothing fresher is known · coverage_*: where it serves; without a center, around its home
    is_default      stands for the workspace itself, made on first need, one per environment; kind and coverage follow the workspace
    last_point_*    the last place told with an accuracy of 100 m or better, and when it was taken in (`last_point_at`)
    last_sequence   of the heartbeat; only a higher one counts
    idle_since      its last release, else since when it is enabled: dispatch takes the longest idle first
    deleted_at      soft: history keeps it
    """

    AUDIT_FIELDS = (
        "label", "kind", "home_lat", "home_lng", "coverage_lat", "coverage_lng", "coverage_radius_meters", "enabled", "metadata", "deleted_at",
    )  # fmt: skip

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="device_operators")
    environment = models.CharField(max_length=4, choices=Environment, default=Environment.LIVE)
    label = models.CharField(max_length=80)
    kind = models.CharField(max_length=6, choices=DeviceKind, default=DeviceKind.OTHER)
    home_lat = models.FloatField(null=True, blank=True)
    home_lng = models.FloatField(null=True, blank=True)
    coverage_lat = models.FloatField(null=True, blank=True)
    coverage_lng = models.FloatField(null=True, blank=True)
    coverage_radius_meters = models.PositiveIntegerField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    metadata = models.JSONField(default=dict, blank=True)
    is_default = models.BooleanField(default=False)
    last_point_lat = models.FloatField(null=True, blank=True)
    last_point_lng = models.FloatField(null=True, blank=True)
    last_point_at = models.DateTimeField(null=True, blank=True)
    last_accuracy_meters = models.FloatField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    last_sequence = models.BigIntegerField(null=True, blank=True)
    speed_mps = models.FloatField(null=True, blank=True)
    battery_percent = models.FloatField(null=True, blank=True)
    idle_since = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        permissions = [(perm.codename, perm.value) for perm in (Perm.OPERATORS_READ, Perm.OPERATORS_WRITE)]
        constraints = [
            models.UniqueConstraint("workspace", Lower("label"), condition=Q(deleted_at=None), name="device_label_once"),
            models.UniqueConstraint("workspace", "environment", condition=Q(is_default=True, deleted_at=None), name="device_default_once"),
            models.CheckConstraint(
                condition=Q(home_lat=None, home_lng=None)
                | Q(home_lat__isnull=False, home_lng__isnull=False, home_lat__range=(-90, 90), home_lng__range=(-180, 180)),
                name="device_home_whole",
            ),
            models.CheckConstraint(
                condition=Q(coverage_lat=None, coverage_lng=None)
                | Q(coverage_lat__isnull=False, coverage_lng__isnull=False, coverage_lat__range=(-90, 90), coverage_lng__range=(-180, 180)),
                name="device_coverage_whole",
            ),
            models.CheckConstraint(
                condition=Q(coverage_radius_meters=None, coverage_lat=None)
                | (
                    Q(coverage_radius_meters__isnull=False, coverage_radius_meters__range=(10, 500000))
                    & (Q(coverage_lat__isnull=False) | Q(home_lat__isnull=False))
                ),
                name="device_coverage_centered",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "environment"], condition=Q(deleted_at=None), name="device_of_workspace"),
            models.Index(F("last_seen_at").desc(), "environment", condition=Q(deleted_at=None, enabled=True), name="device_seen"),
        ]

    def __str__(self):
        return self.label


class DeviceKey(models.Model):
    """An address whose signatures count for an operator. A revoked one never returns to it."""

    AUDIT_FIELDS = ("address", "revoked_at")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    operator = models.ForeignKey(DeviceOperator, on_delete=models.CASCADE, related_name="keys")
    address = models.CharField(max_length=42)
    issued_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint("operator", Lower("address"), name="device_key_once")]

    def __str__(self):
        return self.address
