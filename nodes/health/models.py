"""Health events and what nodes reported of them."""

from django.db import models
from django.db.models import Q

from config.kernel.access import Perm
from config.kernel.ids import uuid7
from nodes.fleet.models import Interface, Node, Site
from nodes.fleet.states import choices
from nodes.health.states import Condition, EventStatus, Severity, Source


class HealthEvent(models.Model):
    """One thing that is wrong, from its first firing to its end; the same thing again is the same row (`fingerprint`).

    severity_rank     0 info, 1 warning, 2 critical: what sorts and what may only rise
    cleared_at        since when the source says it is over; resolved 60 s later
    cycles            times (ISO) of the last reopenings by the source, ≤ 20, for flap detection
    subject           for things outside the fleet: kind, id and label as text; recordings and schedules are id + label, never keys
    inhibited_by      the event that explains this one: recorded and shown, no notice
    notes             [{"at", "by", "action", "text"}], newest last, ≤ 200
    """

    AUDIT_FIELDS = ("type", "severity", "status", "condition", "count", "flap_count")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    type = models.CharField(max_length=80)
    severity = models.CharField(max_length=8, choices=choices(Severity))
    severity_rank = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=12, choices=choices(EventStatus), default=EventStatus.OPEN)
    condition = models.CharField(max_length=8, choices=choices(Condition), default=Condition.FIRING)
    source = models.CharField(max_length=10, choices=choices(Source))
    message = models.CharField(max_length=500)
    details = models.JSONField(default=dict)
    site = models.ForeignKey(Site, on_delete=models.SET_NULL, null=True, related_name="+")
    node = models.ForeignKey(Node, on_delete=models.CASCADE, null=True, related_name="health_events")
    interface = models.ForeignKey(Interface, on_delete=models.CASCADE, null=True, related_name="health_events")
    channel_index = models.PositiveSmallIntegerField(null=True)
    recording_id = models.UUIDField(null=True)
    recording_label = models.CharField(max_length=200, blank=True)
    schedule_id = models.UUIDField(null=True)
    schedule_label = models.CharField(max_length=200, blank=True)
    subject_kind = models.CharField(max_length=40, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    subject_label = models.CharField(max_length=200, blank=True)
    fingerprint = models.CharField(max_length=64)
    count = models.PositiveIntegerField(default=1)
    flap_count = models.PositiveIntegerField(default=0)
    flapping = models.BooleanField(default=False)
    cycles = models.JSONField(default=list)
    late = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    suppressed_at = models.DateTimeField(null=True)
    suppressed_by = models.CharField(max_length=200, blank=True)
    suppressed_until = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=200, blank=True)
    notes = models.JSONField(default=list)
    inhibited_by = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="inhibits")

    class Meta:
        default_permissions = ()
        ordering = ["-opened_at"]
        permissions = [(perm.codename, perm.value) for perm in (Perm.HEALTH_READ, Perm.HEALTH_ACKNOWLEDGE)]
        constraints = [
            models.UniqueConstraint(fields=["fingerprint"], condition=~Q(status=EventStatus.RESOLVED), name="health_event_unresolved_once")
        ]
        indexes = [
            models.Index(fields=["opened_at", "id"], name="health_opened"),
            models.Index(fields=["last_seen_at", "id"], name="health_seen"),
            models.Index(fields=["severity_rank", "id"], name="health_severity"),
            models.Index(fields=["fingerprint", "resolved_at"], name="health_fingerprint"),
            models.Index(fields=["node", "severity_rank"], condition=Q(status__in=["open", "acknowledged"]), name="health_colouring"),
            models.Index(fields=["cleared_at"], condition=Q(condition="cleared") & ~Q(status="resolved"), name="health_clearing"),
        ]

    def __str__(self):
        return f"{self.type} {self.severity}"


class HealthReport(models.Model):
    """One report of a node by its own id, so that a repeated POST finds the event it made."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="health_reports")
    report_id = models.UUIDField()
    event = models.ForeignKey(HealthEvent, on_delete=models.CASCADE, related_name="reports")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["node", "report_id"], name="health_report_once")]
        indexes = [models.Index(fields=["created_at"], name="health_report_age")]

    def __str__(self):
        return str(self.report_id)
