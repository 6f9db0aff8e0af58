"""What the append-only tables look like to Django. Migration 0001 makes them by hand, so `managed` is False: a flush can't empty them either."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from config.kernel.access import Perm
from config.kernel.ids import uuid7


class AppendOnlyError(TypeError):
    """Somebody tried to change or remove what was recorded. The database would refuse it, too."""


class AppendOnlyQuerySet(models.QuerySet):
    """Reads and nothing else; rows are written by `audit.services` and `audit.sealing`."""

    def _refuse(self, *args, **kwargs):
        raise AppendOnlyError(f"{self.model.__name__} is append-only")

    update = delete = _raw_delete = _update = bulk_update = bulk_create = create = get_or_create = update_or_create = _refuse


class AppendOnly(models.Model):
    """Base: never saved or deleted through the ORM."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        raise AppendOnlyError(f"{type(self).__name__} is append-only")

    def delete(self, *args, **kwargs):
        raise AppendOnlyError(f"{type(self).__name__} is append-only")


class Outcome(models.TextChoices):
    """How it ended (10, "The event")."""

    ALLOWED = "allowed"
    DENIED = "denied"
    FAILED = "failed"
    PARTIAL = "partial"
    SUCCEEDED = "succeeded"


class AuditEvent(AppendOnly):
    """One action on one target: who, what, where it ended, what changed.

    `scope` holds the subject and its ancestors at that time, each as `kind:id` and as `kind:*`, so that "all sites" and "this site" are the same
    array overlap. It is never on the wire. JSON columns hold camelCase keys, redacted; null means nothing.
    """

    id = models.UUIDField(primary_key=True)
    occurred_at = models.DateTimeField()
    verb = models.TextField()
    actor_kind = models.TextField()
    actor_id = models.TextField(null=True)
    actor_label = models.TextField()
    on_behalf_of_kind = models.TextField(null=True)
    on_behalf_of_id = models.TextField(null=True)
    on_behalf_of_label = models.TextField(null=True)
    subject_kind = models.TextField(null=True)
    subject_id = models.TextField(null=True)
    subject_label = models.TextField(null=True)
    scope = ArrayField(models.TextField())
    workspace_ids = ArrayField(models.UUIDField())
    permission = models.TextField(null=True)
    outcome = models.TextField()
    reason = models.TextField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    details = models.JSONField(null=True)
    correlation = models.JSONField(null=True)
    request_id = models.TextField()
    method = models.TextField()
    route = models.TextField()
    status = models.SmallIntegerField(null=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.TextField()
    sign_in_id = models.TextField(null=True)
    credential_prefix = models.TextField()
    environment = models.TextField(null=True)
    format = models.SmallIntegerField()

    class Meta:
        db_table = "audit_event"
        managed = False
        default_permissions = ()
        permissions = [(Perm.AUDIT_READ.codename, "Read the audit")]
        ordering = ["-id"]

    def __str__(self):
        return f"{self.verb} {self.outcome}"


class AuditCheckpoint(AppendOnly):
    """A signed statement: at `at`, the chain of `month` ended at `position` with `link`."""

    seq = models.BigIntegerField(primary_key=True)
    month = models.DateField()
    position = models.BigIntegerField()
    link = models.BinaryField()
    at = models.DateTimeField()
    key_id = models.TextField()
    signature = models.BinaryField()

    class Meta:
        db_table = "audit_checkpoint"
        managed = False
        default_permissions = ()
        ordering = ["-seq"]

    def __str__(self):
        return f"checkpoint {self.seq}"


class AuditArchive(models.Model):
    """A month that was written out. `dropped_at`: since when it is in the file only; null: its tables are still (or partly) there."""

    month = models.DateField(primary_key=True)
    file = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    rows = models.BigIntegerField()
    written_at = models.DateTimeField()
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_archive"
        default_permissions = ()
        ordering = ["-month"]

    def __str__(self):
        return self.file


class AuditHold(models.Model):
    """This month must stay in the database, for this reason, until the hold is released."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    month = models.DateField()
    reason = models.CharField(max_length=500)
    placed_at = models.DateTimeField()
    placed_by = models.CharField(max_length=254)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.CharField(max_length=254, blank=True)

    class Meta:
        db_table = "audit_hold"
        default_permissions = ()
        ordering = ["-placed_at"]
        constraints = [models.UniqueConstraint(fields=["month"], condition=models.Q(released_at=None), name="audit_hold_in_force_once")]

    def __str__(self):
        return f"{self.month:%Y-%m}"
