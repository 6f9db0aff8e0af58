"""What the installation asks for a second, where it asks more or less, and the quotes that it gave (05 §8)."""

from django.db import models
from django.db.models import F, Q

from config.kernel.access import Perm
from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from operators.workspaces.models import Workspace
from operators.workspaces.states import Environment
from sessions.field.models import FieldSession, Micro
from sessions.pricing.states import BASIS, CORRIDOR_BPS


class PricingPolicy(models.Model):
    """One version of the price; the highest is in force, the others stay for the record.

    base_rate_micro   µUSDC per second before the factors; 0 is free: nothing held, nothing settled
    fee_bps           the platform's part of what a session costs
    dynamic           whether supply and demand move the rate
    """

    AUDIT_FIELDS = ("version", "base_rate_micro", "fee_bps", "dynamic", "note")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.PositiveIntegerField(unique=True)
    base_rate_micro = Micro(default=1000)
    fee_bps = models.PositiveIntegerField(default=1500)
    dynamic = models.BooleanField(default=False)
    note = models.CharField(max_length=200, blank=True)
    created_by_label = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        permissions = [(Perm.PRICING_READ.codename, Perm.PRICING_READ.value)]
        verbose_name_plural = "pricing policies"
        ordering = ["-version"]
        constraints = [models.CheckConstraint(condition=Q(base_rate_micro__gte=0, fee_bps__lte=BASIS), name="pricing_policy_ranges")]

    def __str__(self):
        return f"version {self.version}"


class Corridor(TimestampedModel):
    """A polygon (GeoJSON, WGS84) in which the rate is multiplied; of several around a point the highest priority counts."""

    AUDIT_FIELDS = ("name", "polygon", "factor_bps", "priority", "enabled")

    name = models.CharField(max_length=80, unique=True)
    polygon = models.JSONField()
    factor_bps = models.PositiveIntegerField()
    priority = models.IntegerField(default=0)
    enabled = models.BooleanField(default=True)

    class Meta:
        default_permissions = ()
        ordering = ["-priority", "name"]
        constraints = [models.CheckConstraint(condition=Q(factor_bps__range=CORRIDOR_BPS), name="corridor_factor_range")]

    def __str__(self):
        return self.name


class Quote(models.Model):
    """A rate promised to one workspace for one session at a place, for a short time. `used_by`: the session that took it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, null=True, blank=True, related_name="quotes")
    environment = models.CharField(max_length=4, choices=Environment)
    lat = models.FloatField()
    lng = models.FloatField()
    duration_seconds = models.PositiveIntegerField()
    base_rate_micro = Micro()
    supply_bps = models.PositiveIntegerField()
    demand_bps = models.PositiveIntegerField()
    corridor_bps = models.PositiveIntegerField()
    rate_micro = Micro()
    fee_bps = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_by = models.OneToOneField(FieldSession, on_delete=models.PROTECT, null=True, blank=True, related_name="used_quote")

    class Meta:
        default_permissions = ()
        indexes = [models.Index(F("expires_at"), condition=Q(used_by=None), name="quote_unused")]

    def __str__(self):
        return str(self.pk)
