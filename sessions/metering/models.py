"""What the meter found: kept for ever, though the samples behind it go."""

from django.db import models
from django.db.models import F, Q

from config.kernel.ids import uuid7
from sessions.field.models import FieldSession
from sessions.field.states import Mode


class MeterRecord(models.Model):
    """The bill's reasoning, written once, when the session ends.

    version      of the meter's rules (`core.VERSION`) · input_hash: SHA-256 of all that went in, so that a recalculation can be compared
    cutoff_at    what was metered ends here: the end, or the longest duration
    windows      `[[lost_ms, flowing_ms or null]]` · intervals: `[{"from", "to", "reason"}]`, ms since the epoch, disjoint, ascending
    samples      `{verdict: count}` of the log
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.OneToOneField(FieldSession, on_delete=models.PROTECT, related_name="meter")
    version = models.PositiveSmallIntegerField()
    input_hash = models.CharField(max_length=64)
    mode = models.CharField(max_length=10, choices=Mode)
    started_at = models.DateTimeField()
    cutoff_at = models.DateTimeField()
    metered_seconds = models.PositiveIntegerField()
    clean_seconds = models.PositiveIntegerField()
    failed_seconds = models.PositiveIntegerField()
    windows = models.JSONField(default=list)
    intervals = models.JSONField(default=list)
    samples = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(metered_seconds=F("clean_seconds") + F("failed_seconds")), name="meter_adds_up"),
        ]

    def __str__(self):
        return f"{self.clean_seconds}/{self.failed_seconds} of {self.session_id}"

    @property
    def metered(self) -> int:
        """Seconds, as `core.Meter` calls them; `clean` and `failed` likewise."""
        return self.metered_seconds

    @property
    def clean(self) -> int:
        return self.clean_seconds

    @property
    def failed(self) -> int:
        return self.failed_seconds
