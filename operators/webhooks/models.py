"""Endpoints of workspaces, what is to be told them, and each try to (05 §11). A delivery is its own outbox row."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from config.kernel.access import Perm
from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from operators.webhooks.states import DeliveryStatus, DisabledReason
from operators.workspaces.models import Workspace
from operators.workspaces.states import Environment


class WebhookEndpoint(TimestampedModel):
    """Where a workspace wants to hear of its things.

    types            what it asks for · api_version   bodies are as of this date
    secret, previous_secret   sealed; the previous one signs as well until `previous_secret_until`
    failing_since    since when nothing has succeeded; null while it answers
    disabled_reason  why the sender disabled it; empty when a person did, or nobody
    deleted_at       soft: its deliveries stay for their 30 days; both secrets are gone
    """

    AUDIT_FIELDS = ("url", "types", "api_version", "environment", "enabled", "disabled_reason", "deleted_at")

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="webhook_endpoints")
    environment = models.CharField(max_length=4, choices=Environment, default=Environment.LIVE)
    url = models.CharField(max_length=2048)
    types = ArrayField(models.CharField(max_length=64))
    api_version = models.CharField(max_length=10)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=8, choices=DisabledReason, blank=True)
    secret = models.BinaryField(null=True)
    previous_secret = models.BinaryField(null=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    created_by_label = models.CharField(max_length=254, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        permissions = [(Perm.WEBHOOK_MANAGE.codename, Perm.WEBHOOK_MANAGE.value)]
        indexes = [models.Index(fields=["workspace", "environment", "created_at"], condition=Q(deleted_at=None), name="webhook_of_workspace")]

    def __str__(self):
        return self.url.partition("?")[0]


class WebhookDelivery(models.Model):
    """One event for one endpoint, with the very body that is sent.

    message_id       `webhook-id`, the event's id: the same at all endpoints, kept by attempts and redeliveries
    subject_*        what it is about, as text, so that it outlives it
    tries            how many were begun · next_attempt_at   when the next is due, while pending
    redelivery_of    whose body it sends once more, null when that is forgotten; again: that it is one, which stays
    lease, lease_until   held by the one sender that is at it; lapses when that dies
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    environment = models.CharField(max_length=4, choices=Environment)
    message_id = models.CharField(max_length=64)
    type = models.CharField(max_length=64)
    subject_kind = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    body = models.TextField()
    status = models.CharField(max_length=9, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    redelivery_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    again = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "message_id"], condition=Q(again=False), name="webhook_event_once"),
            models.CheckConstraint(condition=Q(status="pending", next_attempt_at__isnull=False) | ~Q(status="pending") & Q(next_attempt_at=None), name="webhook_pending_is_due"),
            models.CheckConstraint(condition=Q(lease=None, lease_until=None) | Q(lease__isnull=False, lease_until__isnull=False), name="webhook_lease"),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="pending"), name="webhook_due"),
            models.Index(fields=["workspace", "created_at"], name="webhook_log_of_workspace"),
            models.Index(fields=["endpoint", "created_at"], name="webhook_log_of_endpoint"),
            models.Index(fields=["subject_id"], name="webhook_log_of_subject"),
            models.Index(fields=["created_at"], name="webhook_log"),
        ]

    def __str__(self):
        return f"{self.type} {self.message_id}"


class WebhookAttempt(models.Model):
    """One try: a status, or `error` (`config.kernel.outbound.sender.Reply`, and `worker_lost`)."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=32, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["id"]

    def __str__(self):
        return f"{self.status_code or self.error}"


class WebhookSequence(models.Model):
    """The last number given out to events of one subject; its row is locked by whoever emits, so that numbers have no gaps."""

    id = models.BigAutoField(primary_key=True)
    subject_kind = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    last = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["subject_kind", "subject_id"], name="webhook_sequence_once")]

    def __str__(self):
        return f"{self.subject_kind} {self.subject_id}: {self.last}"
