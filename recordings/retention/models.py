"""The manifest of what was removed. It outlives the recording, so it keeps ids and labels, no keys."""

from django.db import models
from django.db.models import Q

from config.kernel.ids import uuid7
from recordings.choices import choices
from recordings.retention.states import Cause, DisposalState


class Disposal(models.Model):
    """One file's way out; written by `retention.disposal` only.

    path         where the file lay; trash_path: where it waits; both relative to MEDIA_ROOT, empty for a recording without bytes
    moved_at     when the file was renamed into trash (null: the rename is still owed)
    unlink_after not before this instant
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    state = models.CharField(max_length=10, choices=choices(DisposalState), default=DisposalState.TRASHED)
    cause = models.CharField(max_length=10, choices=choices(Cause))
    recording_id = models.UUIDField(db_index=True)
    recording_name = models.CharField(max_length=240)
    node_id = models.UUIDField(null=True, blank=True)
    node_label = models.CharField(max_length=240, blank=True)
    file_id = models.UUIDField(null=True, blank=True)
    path = models.CharField(max_length=300, blank=True)
    trash_path = models.CharField(max_length=300, blank=True)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    copies = models.JSONField(default=list, blank=True)
    policy_id = models.UUIDField(null=True, blank=True)
    actor_kind = models.CharField(max_length=20, blank=True)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_label = models.CharField(max_length=240, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    moved_at = models.DateTimeField(null=True, blank=True)
    unlink_after = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["file_id"], condition=Q(state__in=["expiring", "trashed"]), name="disposal_one_open"),
        ]
        indexes = [models.Index(fields=["unlink_after"], condition=Q(state="trashed"), name="disposal_due")]

    def __str__(self):
        return f"{self.recording_name} {self.state}"
