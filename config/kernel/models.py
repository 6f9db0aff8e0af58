"""Tables of the kernel: stored idempotent answers, and the numbered changes that sockets replay."""

from django.db import models

from config.kernel.ids import uuid7


class IdempotencyRecord(models.Model):
    """One answered request: (scope, key) → fingerprint and the 2xx that goes out again for 24 h."""

    scope = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="idempotency_once")]
        indexes = [models.Index(fields=["created_at"])]

    def __str__(self):
        return f"{self.scope} {self.key}"


class TopicCounter(models.Model):
    """The last number given out on a topic. Its row is the last lock of every transaction that publishes."""

    topic = models.CharField(max_length=80, primary_key=True)
    seq = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self):
        return f"{self.topic} {self.seq}"


class TopicEvent(models.Model):
    """One numbered change of a topic, kept as long as it can be replayed.

    `subject_kind`, `subject_id` name the object that a reader must be allowed to see; null: every reader of the topic.
    """

    id = models.UUIDField(primary_key=True, default=uuid7)
    topic = models.CharField(max_length=80)
    seq = models.BigIntegerField()
    event = models.CharField(max_length=80)
    data = models.JSONField()
    subject_kind = models.CharField(max_length=40, null=True)
    subject_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["topic", "seq"], name="topic_event_numbered_once")]
        indexes = [models.Index(fields=["created_at"])]

    def __str__(self):
        return f"{self.topic} {self.seq} {self.event}"


class TimestampedModel(models.Model):
    """Base of editable rows: UUIDv7 id, times, and a revision that the ETag is made of. Services bump it with `touch`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        abstract = True
        default_permissions = ()
