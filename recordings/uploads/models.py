"""Files on their way in from a node."""

from django.db import models

from config.kernel.ids import uuid7


class IncomingFile(models.Model):
    """The intent and progress of one cache-file upload; gone once the file is in the library.

    offset       bytes that are synced and counted; the `.part` may be longer after a crash and is then cut back
    target_path  set before the rename, so that a crash between rename and commit is finished by `jobs.finish_uploads`
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job = models.ForeignKey("Job", on_delete=models.CASCADE, related_name="incoming")
    claim_epoch = models.PositiveIntegerField()
    track_index = models.PositiveIntegerField(default=1)
    track_final = models.BooleanField(default=True)
    sha256 = models.CharField(max_length=64)
    total = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    verifying = models.BooleanField(default=False)
    mime_type = models.CharField(max_length=60)
    file_name = models.CharField(max_length=255, blank=True)
    duration_seconds = models.FloatField(null=True, blank=True)
    part_path = models.CharField(max_length=300)
    target_path = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "claim_epoch", "track_index"], name="incoming_once_per_claim")]

    def __str__(self):
        return self.part_path
