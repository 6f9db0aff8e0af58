"""Field sessions, their history, and who has one in reach (05 §2, §13)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from config.kernel.access import Perm
from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from operators.access.grants import GroupGrant, UserGrant
from operators.workspaces.devices.models import DeviceOperator
from operators.workspaces.models import Workspace
from operators.workspaces.states import DeviceKind, Environment
from sessions.field.states import EndReason, Mode, SessionEventType, SessionState, Tally

S = SessionState
_TERMINAL = [S.ENDED, S.CANCELLED, S.EXPIRED]


class Micro(models.DecimalField):
    """Whole µUSDC, numeric(38,0); `int(value)` is exact."""

    def __init__(self, *args, **kwargs):
        kwargs |= {"max_digits": 38, "decimal_places": 0}
        super().__init__(*args, **kwargs)

    def from_db_value(self, value, expression, connection):
        return None if value is None else int(value)

    def to_python(self, value):
        value = super().to_python(value)
        return None if value is None else int(value)


class FieldSession(TimestampedModel):
    """One request of a consumer for live video from a place, from the request to the bill. `state` is written by `services` only.

    wanted_workspace   the one supplier that the consumer asks; null: every supplier of the environment may accept
    operator_workspace, operator   who serves it: together, from ASSIGNED on
    deadline_at        fixed at create: until when it must be LIVE
    lat, lng, geofence_*   WGS84 degrees; exactly one fence: a radius in meters or a GeoJSON polygon
    rate_micro, fee_bps, hold_micro   stamped at create, never changed; µUSDC per second, basis points, µUSDC
    *_seconds, *_micro, meter_final   zero until the meter has run
    trust_reached, trust_flags, provenance   written by telemetry: `{"state", "unaltered", "certificateSha256"?, "checkedAt"?}`
    media_lost_at      since when no media flows, while LIVE
    event_sequence     the number of the last event of its history
    """

    AUDIT_FIELDS = (
        "state", "end_reason", "operator_workspace_id", "operator_id", "assigned_at", "started_at", "ended_at", "metered_seconds", "clean_seconds",
        "failed_seconds", "gross_micro", "operator_micro", "fee_micro", "meter_final",
    )  # fmt: skip

    environment = models.CharField(max_length=4, choices=Environment)
    state = models.CharField(max_length=9, choices=SessionState, default=S.REQUESTED)
    end_reason = models.CharField(max_length=12, choices=EndReason, blank=True)
    consumer_workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="requested_sessions")
    wanted_workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    operator_workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, null=True, blank=True, related_name="served_sessions")
    operator = models.ForeignKey(DeviceOperator, on_delete=models.PROTECT, null=True, blank=True, related_name="sessions")
    created_by_label = models.CharField(max_length=254, blank=True)
    lat = models.FloatField()
    lng = models.FloatField()
    geofence_radius_meters = models.PositiveIntegerField(null=True, blank=True)
    geofence_polygon = models.JSONField(null=True, blank=True)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.WALL_CLOCK)
    max_duration_seconds = models.PositiveIntegerField()
    wait_timeout_seconds = models.PositiveIntegerField(null=True, blank=True)
    kinds = ArrayField(models.CharField(max_length=6, choices=DeviceKind), default=list, blank=True)
    label = models.CharField(max_length=80, blank=True)
    record = models.BooleanField(default=True)
    external_ref = models.CharField(max_length=120, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    quote_id = models.UUIDField(null=True, blank=True, unique=True)
    max_rate_micro = Micro(null=True, blank=True)
    rate_micro = Micro()
    fee_bps = models.PositiveIntegerField()
    hold_micro = Micro(default=0)
    required_trust_tier = models.PositiveSmallIntegerField(default=0)
    trust_reached = models.PositiveSmallIntegerField(default=0)
    trust_flags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    provenance = models.JSONField(default=dict, blank=True)
    deadline_at = models.DateTimeField()
    assigned_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    media_lost_at = models.DateTimeField(null=True, blank=True)
    metered_seconds = models.PositiveIntegerField(default=0)
    clean_seconds = models.PositiveIntegerField(default=0)
    failed_seconds = models.PositiveIntegerField(default=0)
    gross_micro = Micro(default=0)
    operator_micro = Micro(default=0)
    fee_micro = Micro(default=0)
    meter_final = models.BooleanField(default=False)
    tally = models.CharField(max_length=7, choices=Tally, default=Tally.OFF)
    tally_since = models.DateTimeField(null=True, blank=True)
    event_sequence = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        permissions = [
            ("scope_session", "Field session is in reach"),
            *((perm.codename, perm.value) for perm in (Perm.SESSIONS_READ, Perm.SESSIONS_CREATE, Perm.SESSIONS_OPERATE)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["operator"], condition=Q(state__in=[S.ASSIGNED, S.LIVE]), name="session_one_open_per_operator"),
            models.CheckConstraint(
                condition=~Q(state__in=[S.ASSIGNED, S.LIVE, S.ENDED])
                | Q(operator__isnull=False, operator_workspace__isnull=False, assigned_at__isnull=False),
                name="session_served_has_operator",
            ),
            models.CheckConstraint(condition=~Q(state=S.REQUESTED) | Q(operator=None, operator_workspace=None), name="session_requested_has_none"),
            models.CheckConstraint(condition=~Q(state__in=[S.LIVE, S.ENDED]) | Q(started_at__isnull=False), name="session_live_has_started"),
            models.CheckConstraint(
                condition=~Q(state__in=[S.REQUESTED, S.ASSIGNED, S.CANCELLED]) | Q(started_at=None), name="session_cancelled_never_started"
            ),
            models.CheckConstraint(
                condition=Q(state__in=_TERMINAL, ended_at__isnull=False) | (~Q(state__in=_TERMINAL) & Q(ended_at=None)),
                name="session_terminal_has_ended",
            ),
            models.CheckConstraint(
                condition=Q(geofence_radius_meters__isnull=False, geofence_radius_meters__range=(5, 50000), geofence_polygon__isnull=True)
                | Q(geofence_radius_meters=None, geofence_polygon__isnull=False),
                name="session_one_fence",
            ),
            models.CheckConstraint(
                condition=Q(
                    lat__range=(-90, 90),
                    lng__range=(-180, 180),
                    max_duration_seconds__range=(10, 86400),
                    required_trust_tier__lte=3,
                    fee_bps__lte=10000,
                    rate_micro__gte=0,
                    hold_micro__gte=0,
                )
                & (Q(wait_timeout_seconds=None) | Q(wait_timeout_seconds__range=(5, 3600))),
                name="session_ranges",
            ),  # fmt: skip
            models.CheckConstraint(
                condition=Q(metered_seconds=F("clean_seconds") + F("failed_seconds"), metered_seconds__lte=F("max_duration_seconds")),
                name="session_metered_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(gross_micro=F("operator_micro") + F("fee_micro"), operator_micro__gte=0, fee_micro__gte=0)
                & (Q(environment=Environment.TEST) | Q(gross_micro__lte=F("hold_micro"))),
                name="session_money_adds_up",
            ),
        ]
        indexes = [
            models.Index(F("created_at").desc(), F("id").desc(), name="session_newest"),
            models.Index("consumer_workspace", F("created_at").desc(), name="session_of_consumer"),
            models.Index("operator_workspace", F("created_at").desc(), name="session_of_supplier"),
            models.Index("environment", "lat", "lng", condition=Q(state=S.REQUESTED), name="session_open_requests"),
            models.Index("deadline_at", condition=Q(state__in=[S.REQUESTED, S.ASSIGNED]), name="session_deadline"),
            models.Index("state", condition=Q(state__in=[S.ASSIGNED, S.LIVE]), name="session_serving"),
        ]

    def __str__(self):
        return self.label or str(self.pk)


class SessionUserGrant(UserGrant):
    """A user's reach of a session; written by `operators.access` only."""

    content_object = models.ForeignKey(FieldSession, on_delete=models.CASCADE)

    class Meta(UserGrant.Meta):
        pass


class SessionGroupGrant(GroupGrant):
    """A group's reach of a session; written by `operators.access` only."""

    content_object = models.ForeignKey(FieldSession, on_delete=models.CASCADE)

    class Meta(GroupGrant.Meta):
        pass


class SessionEvent(models.Model):
    """One thing that happened to a session, numbered without gaps; the number is that of its webhooks.

    from_state, to_state   where a move led; empty for what moved nothing · data: particulars, without secrets
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(FieldSession, on_delete=models.CASCADE, related_name="events")
    sequence = models.PositiveIntegerField()
    type = models.CharField(max_length=24, choices=SessionEventType)
    from_state = models.CharField(max_length=9, blank=True)
    to_state = models.CharField(max_length=9, blank=True)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_label = models.CharField(max_length=254, blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["session", "sequence"]
        constraints = [models.UniqueConstraint(fields=["session", "sequence"], name="session_event_numbered_once")]

    def __str__(self):
        return f"{self.sequence} {self.type}"
