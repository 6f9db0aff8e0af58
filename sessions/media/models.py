"""Media inputs of sessions, what providers report of them, viewer tokens, and what must still be deleted at a provider (05 §5, §13)."""

from django.db import models
from django.db.models import Q

from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from operators.workspaces.models import Workspace
from sessions.field.models import FieldSession
from sessions.media.states import EventKind, Flow, InputState


def _choices(enum) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in enum]


class MediaInput(TimestampedModel):
    """Where a session's media goes in; one per session. Its id is the name at the provider and the `videoBackendRef` of the API.

    ref              the provider's own id, never shown
    server           control address of the embedded process that serves it; empty elsewhere
    publish_digest   SHA-256 of the publish token; null where the provider has secrets of its own
    whip_sealed, whep_sealed   the provider's URLs, encrypted: whoever knows them may publish or watch
    minting_at       when its making began; after 15 s another start takes over
    recording_id     the recording into which its media is recorded, null: into none; recording_until: when that ends by itself
    recording_settled   the provider was heard to do so
    flow, flow_at, inbound_bytes   what the last poll saw; flowing_seen_at: the last one that saw media flow
    """

    session = models.OneToOneField(FieldSession, on_delete=models.PROTECT, related_name="media_input")
    provider = models.CharField(max_length=20)
    state = models.CharField(max_length=8, choices=_choices(InputState), default=InputState.MINTING)
    ref = models.CharField(max_length=120, blank=True)
    server = models.CharField(max_length=200, blank=True)
    publish_digest = models.BinaryField(max_length=32, null=True, unique=True)
    whip_sealed = models.TextField(blank=True)
    whep_sealed = models.TextField(blank=True)
    minting_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)
    recording_id = models.UUIDField(null=True, blank=True)
    recording_until = models.DateTimeField(null=True, blank=True)
    recording_settled = models.BooleanField(default=True)
    flow = models.CharField(max_length=10, choices=_choices(Flow), default=Flow.IDLE)
    flow_at = models.DateTimeField(null=True, blank=True)
    inbound_bytes = models.BigIntegerField(default=0)
    flowing_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["provider", "ref"], condition=~Q(ref=""), name="media_input_ref_once"),
            models.CheckConstraint(condition=~Q(state="READY") | (~Q(ref="") & ~Q(ready_at=None)), name="media_input_ready_has_ref"),
            models.CheckConstraint(
                condition=Q(state="GONE", gone_at__isnull=False) | (~Q(state="GONE") & Q(gone_at=None)), name="media_input_gone_has_time"
            ),
        ]
        indexes = [models.Index(fields=["state"], condition=~Q(state="GONE"), name="media_input_open")]

    def __str__(self):
        return str(self.pk)


class MediaEvent(models.Model):
    """One fact of a provider, stored as it came before anything is done with it; each (provider, event id) once.

    at           the provider's time, as told; received_at: ours, which caps it
    input        null while the ref is not known (yet)
    applied_at   null until the session has heard of it; late: it came after the bill, which it does not change
    raw          the body, or what the poll saw
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=120)
    input = models.ForeignKey(MediaInput, on_delete=models.CASCADE, null=True, blank=True, related_name="events")
    ref = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=_choices(EventKind))
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)
    late = models.BooleanField(default=False)
    raw = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["received_at", "id"]
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="media_event_once")]
        indexes = [
            models.Index(fields=["input", "at"], name="media_event_of_input"),
            models.Index(fields=["received_at"], condition=Q(applied_at=None), name="media_event_to_apply"),
        ]

    def __str__(self):
        return f"{self.kind} {self.at}"


class ViewerToken(models.Model):
    """A viewer's permission to connect to one input until `expires_at`; only its SHA-256 is kept.

    workspace   whose twenty it counts among; null: a program link's viewer
    group       what is kicked together: `workspace:<id>` or `program`; `SENT_AWAY` once it was, so that its URL says "gone" and not "unknown"
    """

    SENT_AWAY = "sent away"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    input = models.ForeignKey(MediaInput, on_delete=models.CASCADE, related_name="viewer_tokens")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    group = models.CharField(max_length=60)
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["input", "workspace", "expires_at"], name="viewer_token_live")]

    def __str__(self):
        return f"{self.group} until {self.expires_at}"


class MediaTeardown(models.Model):
    """Outbox: an input that must go at its provider. Tried until it is absent.

    tries    failed attempts so far; next_at: when to try again; done_at: absent at the provider
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    input = models.OneToOneField(MediaInput, on_delete=models.CASCADE, related_name="teardown")
    created_at = models.DateTimeField()
    next_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["next_at"], condition=Q(done_at=None), name="media_teardown_due")]

    def __str__(self):
        return f"{self.input_id} after {self.tries} tries"
