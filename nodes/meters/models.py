"""What stays of the meters: one row per interface and minute, in daily partitions that are dropped after a week."""

from django.db import models


class MeterRollup(models.Model):
    """Six 10 s slots of one minute of one interface.

    heard   frames (seconds) behind each slot
    slots   little-endian int16 centi-dBFS, [slot][channel][rms P10, P50, P90, peak]; -32768 = nothing heard
    """

    pk = models.CompositePrimaryKey("minute", "interface_id")
    minute = models.DateTimeField()
    interface_id = models.UUIDField()
    channel_count = models.PositiveSmallIntegerField()
    heard = models.JSONField(default=list)
    slots = models.BinaryField()

    class Meta:
        default_permissions = ()
        db_table = "meter_rollup"

    def __str__(self):
        return f"{self.interface_id} {self.minute:%Y-%m-%d %H:%M}"
