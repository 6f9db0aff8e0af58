"""Sites, rooms, nodes, their interfaces, channels and credentials.

`Node` has a person's columns, `NodeState` the heartbeat's: neither side can overwrite the other.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from config.kernel.access import Perm
from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from nodes.fleet.states import (
    Backend,
    ChannelRole,
    CredentialState,
    Deliver,
    InterfaceState,
    Monitor,
    ReportedStatus,
    SampleFormat,
    choices,
)
from operators.access.grants import GroupGrant, UserGrant


class Site(TimestampedModel):
    """A place with recorders. `timezone` is an IANA name."""

    AUDIT_FIELDS = ("name", "slug", "timezone", "notes")

    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    timezone = models.CharField(max_length=64, default="UTC")
    notes = models.TextField(blank=True, max_length=2000)

    class Meta:
        default_permissions = ()
        ordering = ["name"]
        permissions = [("scope_site", "this site is in reach")]

    def __str__(self):
        return self.name


class SiteUserGrant(UserGrant):
    """A user's reach of a site; written by `operators.access` only."""

    content_object = models.ForeignKey(Site, on_delete=models.CASCADE)

    class Meta(UserGrant.Meta):
        pass


class SiteGroupGrant(GroupGrant):
    """A group's reach of a site; written by `operators.access` only."""

    content_object = models.ForeignKey(Site, on_delete=models.CASCADE)

    class Meta(GroupGrant.Meta):
        pass


class Room(models.Model):
    """A room of a site, made on first use in a location; empty `building` or `floor`: not said."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="rooms")
    building = models.CharField(max_length=120, blank=True)
    floor = models.CharField(max_length=120, blank=True)
    name = models.CharField(max_length=120)

    class Meta:
        default_permissions = ()
        ordering = ["building", "floor", "name"]
        constraints = [models.UniqueConstraint(fields=["site", "building", "floor", "name"], name="room_once")]

    def __str__(self):
        return self.name


class Node(TimestampedModel):
    """A recorder machine: a person's columns.

    config_revision   raised by every change of what `GET /nodes/:id/config` answers, so that its version costs no query
    """

    AUDIT_FIELDS = ("alias", "site_id", "building", "floor", "room_id", "tags", "notes", "audio_defaults", "max_concurrent_recordings", "retired_at")

    alias = models.CharField(max_length=120)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="nodes")
    building = models.CharField(max_length=120, blank=True)
    floor = models.CharField(max_length=120, blank=True)
    room = models.ForeignKey(Room, on_delete=models.SET_NULL, null=True, blank=True, related_name="nodes")
    tags = ArrayField(models.CharField(max_length=48), default=list, blank=True)
    notes = models.TextField(blank=True, max_length=2000)
    audio_defaults = models.JSONField(default=dict, blank=True)
    max_concurrent_recordings = models.PositiveSmallIntegerField(default=1)
    retired_at = models.DateTimeField(null=True, blank=True)
    config_revision = models.PositiveIntegerField(default=1)

    class Meta:
        default_permissions = ()
        ordering = ["alias"]
        permissions = [
            ("scope_node", "this node is in reach"),
            *((perm.codename, perm.value) for perm in (Perm.NODE_READ, Perm.NODE_MANAGE, Perm.NODE_CONTROL, Perm.LISTEN_MONITOR)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["site", "alias"], name="node_alias_once_per_site"),
            models.CheckConstraint(condition=Q(max_concurrent_recordings__gte=1, max_concurrent_recordings__lte=128), name="node_capacity_1_128"),
        ]
        indexes = [GinIndex(fields=["tags"], name="node_tags"), models.Index(fields=["alias", "id"], name="node_alias_order")]

    def __str__(self):
        return self.alias

    @property
    def config_version(self) -> str:
        """What the heartbeat and the config call this configuration."""
        return f"c_{self.config_revision:x}"


class NodeUserGrant(UserGrant):
    """A user's reach of a node; written by `operators.access` only."""

    content_object = models.ForeignKey(Node, on_delete=models.CASCADE)

    class Meta(UserGrant.Meta):
        pass


class NodeGroupGrant(GroupGrant):
    """A group's reach of a node; written by `operators.access` only."""

    content_object = models.ForeignKey(Node, on_delete=models.CASCADE)

    class Meta(GroupGrant.Meta):
        pass


class NodeState(models.Model):
    """What the heartbeat says of a node; made with the node, written by `fleet.heartbeat` only.

    process_id            the process that speaks now; `superseded` holds [{"processId", "at"}] of the ones before it, newest last, ≤ 8
    capturing_count       active jobs that the node reports in phase `capturing` (the *fact* beside what should capture)
    published_status      the status that topic `nodes` carried last; the reconciler publishes where the computed one differs
    clock                 {"offsetMs", "rttMs", "synchronized"}; disk {"freeBytes", "totalBytes", "probeError"}; runtime as reported
    """

    node = models.OneToOneField(Node, on_delete=models.CASCADE, primary_key=True, related_name="state")
    hostname = models.CharField(max_length=253, blank=True)
    agent_version = models.CharField(max_length=64, blank=True)
    agent_instance_id = models.CharField(max_length=64, blank=True)
    process_id = models.CharField(max_length=64, blank=True)
    superseded = models.JSONField(default=list)
    duplicate_seen_at = models.DateTimeField(null=True, blank=True)
    seq = models.BigIntegerField(default=0)
    ip_addresses = ArrayField(models.GenericIPAddressField(), default=list, blank=True)
    runtime = models.JSONField(default=dict)
    clock = models.JSONField(default=dict)
    disk = models.JSONField(default=dict)
    reported_status = models.CharField(max_length=12, choices=choices(ReportedStatus), default=ReportedStatus.STARTING)
    reported_config_version = models.CharField(max_length=64, blank=True)
    active_jobs = models.JSONField(default=list)
    capturing_count = models.PositiveSmallIntegerField(default=0)
    free_slots = models.PositiveSmallIntegerField(default=0)
    outbox_depth = models.PositiveIntegerField(default=0)
    rule_states = models.JSONField(default=list)
    quarantine = models.JSONField(default=list)
    extra = models.JSONField(default=dict)
    last_seen_at = models.DateTimeField(null=True, blank=True, db_index=True)
    published_status = models.CharField(max_length=12, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self):
        return self.hostname or str(self.node_id)


class Interface(TimestampedModel):
    """One audio input of a node.

    Reported: names, hardware, rates, channel_count, state, error, xruns. A person's: alias, enabled, source, rate, format, room, monitor.
    Matched again by serial number, then hardware path, then system reference: names move at boot.

    source          {"kind", "ref", "options"}, null = the reported device itself; a password in `ref` is cut out and kept in `sealed_ref`
    sample_rate     Hz, null = the node's default; likewise sample_format
    room            the node's, unless a person said another: a room's reach is what is in it; monitor empty = by backend (states.default_monitor)
    """

    AUDIT_FIELDS = ("alias", "enabled", "source", "sample_rate", "sample_format", "room_id", "monitor")

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="interfaces")
    system_name = models.CharField(max_length=255, blank=True)
    system_ref = models.CharField(max_length=512, blank=True)
    hardware_path = models.CharField(max_length=255, blank=True)
    serial_number = models.CharField(max_length=255, blank=True)
    backend = models.CharField(max_length=12, choices=choices(Backend), default=Backend.UNKNOWN)
    sample_rates = ArrayField(models.PositiveIntegerField(), default=list, blank=True)
    channel_count = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=8, choices=choices(InterfaceState), default=InterfaceState.IDLE)
    error = models.CharField(max_length=500, blank=True)
    xruns = models.BigIntegerField(default=0)
    reported_at = models.DateTimeField(null=True, blank=True)

    alias = models.CharField(max_length=120, blank=True)
    enabled = models.BooleanField(default=True)
    source = models.JSONField(null=True, blank=True)
    sealed_ref = models.BinaryField(null=True, editable=False)
    sample_rate = models.PositiveIntegerField(null=True, blank=True)
    sample_format = models.CharField(max_length=4, choices=choices(SampleFormat), blank=True)
    room = models.ForeignKey(Room, on_delete=models.SET_NULL, null=True, blank=True, related_name="interfaces")
    monitor = models.CharField(max_length=8, choices=choices(Monitor), blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["node_id", "id"]
        constraints = [models.CheckConstraint(condition=Q(channel_count__gte=1, channel_count__lte=512), name="interface_channels_1_512")]

    def __str__(self):
        return self.label

    @property
    def label(self) -> str:
        """What people call it."""
        return self.alias or self.system_name or self.system_ref


class Channel(models.Model):
    """One channel of an interface, `index` from 1. An empty role reads as expected where the effective channel map includes the channel."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    interface = models.ForeignKey(Interface, on_delete=models.CASCADE, related_name="channels")
    index = models.PositiveSmallIntegerField()
    alias = models.CharField(max_length=64, blank=True)
    role = models.CharField(max_length=8, choices=choices(ChannelRole), blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["interface_id", "index"]
        constraints = [
            models.UniqueConstraint(fields=["interface", "index"], name="channel_index_once"),
            models.CheckConstraint(condition=Q(index__gte=1, index__lte=512), name="channel_index_1_512"),
        ]

    def __str__(self):
        return self.alias or str(self.index)


class NodeCredential(models.Model):
    """A node's bearer credential: SHA-256, prefix and last four; the token itself is kept nowhere.

    state       see `states`; an `active` one with `confirmed_at` null has not been used yet and may be voided by a newer one
    deliver     of an expiring one: `node` means each heartbeat reply over it carries a fresh successor
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="credentials")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    prefix = models.CharField(max_length=16)
    last_four = models.CharField(max_length=4)
    state = models.CharField(max_length=8, choices=choices(CredentialState), default=CredentialState.ACTIVE)
    deliver = models.CharField(max_length=8, choices=choices(Deliver), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["node"], condition=Q(state=CredentialState.ACTIVE), name="node_credential_one_active"),
            models.UniqueConstraint(fields=["node"], condition=Q(state=CredentialState.EXPIRING), name="node_credential_one_expiring"),
        ]

    def __str__(self):
        return f"{self.prefix}…{self.last_four}"
