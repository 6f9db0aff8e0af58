"""The control room: who is in it, who holds which lock, and everything that was ever said about it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from config.kernel.access import Perm, Subsystem
from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from operators.console.states import HandoverOutcome, InviteKind, ProductionRole
from operators.identity.models import User

SUBSYSTEMS = [(subsystem.value, subsystem.value) for subsystem in Subsystem]


class ControlRoom(TimestampedModel):
    """One per installation, slug `main`. `seq` is the number of its last change; its row is locked by whatever changes the production.

    last_changed_by     `{kind, id, name}`
    sites, workspaces   ids that its console operators reach; null: every site, and the workspaces of the installation's owners. Without foreign
                        keys, as sites live above this app
    """

    AUDIT_FIELDS = ("name", "sites", "workspaces")

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80, default="Control room")
    seq = models.BigIntegerField(default=0)
    last_changed_by = models.JSONField(default=dict, blank=True)
    sites = ArrayField(models.UUIDField(), null=True, blank=True)
    workspaces = ArrayField(models.UUIDField(), null=True, blank=True)

    class Meta:
        default_permissions = ()
        permissions = [
            (perm.codename, lets)
            for perm, lets in (
                (Perm.CONTROL_ROOM_DIRECT, "Invites, force release, delete operators, any role"),
                (Perm.CONTROL_ROOM_OPERATE, "Register without an invite, and command"),
                (Perm.CONTROL_ROOM_READ, "State, people and locks of the control room"),
            )
        ]

    def __str__(self):
        return self.name


class Invite(TimestampedModel):
    """A way in, with a role. The token of a role invite is derived anew from `generation` (operators.console.links), so no table holds it.

    digest      of the token that works · past   digests that an old link may still carry, to say "revoked" instead of "unknown"
    """

    AUDIT_FIELDS = ("kind", "role", "label", "generation", "expires_at", "max_uses", "revoked_at")

    control_room = models.ForeignKey(ControlRoom, on_delete=models.CASCADE, related_name="invites")
    kind = models.CharField(max_length=8, choices=InviteKind)
    role = models.CharField(max_length=10, choices=ProductionRole)
    label = models.CharField(max_length=80, blank=True)
    generation = models.PositiveIntegerField(default=1)
    digest = models.BinaryField(max_length=32, unique=True)
    past = ArrayField(models.BinaryField(max_length=32), default=list, blank=True)
    last_four = models.CharField(max_length=4)
    expires_at = models.DateTimeField()
    max_uses = models.PositiveIntegerField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_by_label = models.CharField(max_length=200, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["control_room", "role"], condition=Q(kind="role", revoked_at=None), name="invite_one_per_role"),
            models.CheckConstraint(condition=Q(max_uses=None) | Q(uses__lte=models.F("max_uses")), name="invite_uses_within"),
        ]

    def __str__(self):
        return self.label or f"{self.role} ({self.kind})"


class ConsoleOperator(TimestampedModel):
    """A person in the control room: of a signed-in user, or a guest who came by an invite.

    public_id       the operator's `id` on the wire; the one id that a client may choose
    name_key        the name as it is compared · last_seen: presence is computed from it
    gone_since      set when it was published that they left; null while present as far as anybody was told
    picked_with     the permission their role was picked with; empty: by an invite
    """

    AUDIT_FIELDS = ("name", "role", "deleted_at", "delete_cause")

    control_room = models.ForeignKey(ControlRoom, on_delete=models.CASCADE, related_name="operators")
    public_id = models.CharField(max_length=64)
    name = models.CharField(max_length=128)
    name_key = models.CharField(max_length=512)
    role = models.CharField(max_length=10, choices=ProductionRole)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="console_operators")
    guest = models.BooleanField(default=False)
    invite = models.ForeignKey(Invite, null=True, blank=True, on_delete=models.SET_NULL, related_name="operators")
    picked_with = models.CharField(max_length=40, blank=True)
    digest = models.BinaryField(max_length=32, unique=True)
    last_four = models.CharField(max_length=4)
    last_seen = models.DateTimeField()
    gone_since = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    delete_cause = models.CharField(max_length=10, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["control_room", "user"], condition=Q(deleted_at=None, user__isnull=False), name="console_operator_per_user"
            ),
            models.UniqueConstraint(fields=["control_room", "public_id"], condition=Q(deleted_at=None), name="console_operator_id"),
        ]
        indexes = [
            models.Index(fields=["control_room", "name_key"]),
            models.Index(fields=["last_seen"], condition=Q(deleted_at=None), name="console_operator_seen"),
        ]

    def __str__(self):
        return self.name


class SubsystemLock(models.Model):
    """Who commands a subsystem alone. No row: it is free."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    control_room = models.ForeignKey(ControlRoom, on_delete=models.CASCADE, related_name="locks")
    subsystem = models.CharField(max_length=10, choices=SUBSYSTEMS)
    operator = models.ForeignKey(ConsoleOperator, on_delete=models.CASCADE, related_name="locks")
    acquired_at = models.DateTimeField()
    reason = models.CharField(max_length=200, null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["control_room", "subsystem"], name="subsystem_locked_once")]

    def __str__(self):
        return self.subsystem


class Handover(models.Model):
    """Somebody asks the holder for a lock; open until `outcome`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    control_room = models.ForeignKey(ControlRoom, on_delete=models.CASCADE, related_name="handovers")
    subsystem = models.CharField(max_length=10, choices=SUBSYSTEMS)
    holder = models.ForeignKey(ConsoleOperator, on_delete=models.CASCADE, related_name="asked_of_them")
    asker = models.ForeignKey(ConsoleOperator, on_delete=models.CASCADE, related_name="asked_by_them")
    note = models.CharField(max_length=200, null=True, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    outcome = models.CharField(max_length=9, choices=HandoverOutcome, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["control_room", "subsystem"], condition=Q(outcome=""), name="handover_one_open")]

    def __str__(self):
        return f"{self.subsystem} {self.outcome or 'open'}"


class ControlRoomEvent(models.Model):
    """One numbered change of the room; what sockets replay and the history shows, 90 days."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    control_room = models.ForeignKey(ControlRoom, on_delete=models.CASCADE, related_name="events")
    seq = models.BigIntegerField()
    event = models.CharField(max_length=40)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=64, null=True, blank=True)
    actor_name = models.CharField(max_length=200, blank=True)
    data = models.JSONField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["control_room", "seq"], name="control_room_event_once")]
        indexes = [models.Index(fields=["at"]), models.Index(fields=["control_room", "event", "seq"])]

    def __str__(self):
        return f"{self.seq} {self.event}"
