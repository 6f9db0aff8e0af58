"""Positions as they were told, and the nonces they had to answer (05 §6)."""

from django.db import models

from config.kernel.ids import uuid7
from sessions.field.models import FieldSession
from sessions.telemetry.states import Source, Verdict


class TelemetrySample(models.Model):
    """One taken sample. The table is partitioned by UTC day of `captured_at` and made by the migration; `store` writes it.

    The database's primary key is (session, captured_at); `id` is for lists and exports and has no index.
    digest      SHA-256 of the canonical bytes that were signed: tells a repeat from a contradiction
    signer      EIP-55, empty where nobody had to sign · signature: evidence, shown nowhere
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(FieldSession, on_delete=models.DO_NOTHING, db_constraint=False, related_name="samples")
    captured_at = models.DateTimeField()
    received_at = models.DateTimeField()
    lat = models.FloatField()
    lng = models.FloatField()
    accuracy_meters = models.FloatField()
    source = models.CharField(max_length=12, choices=Source)
    verdict = models.CharField(max_length=20, choices=Verdict)
    signer = models.CharField(max_length=42, blank=True)
    signature = models.BinaryField(null=True)
    challenge = models.CharField(max_length=32, blank=True)
    sensors = models.JSONField(null=True)
    digest = models.BinaryField(max_length=32)

    class Meta:
        managed = False
        db_table = "telemetry_sample"
        default_permissions = ()

    def __str__(self):
        return f"{self.verdict} of {self.session_id}"


class TelemetryChallenge(models.Model):
    """A nonce that samples of a session of tier 2 must carry from five seconds after its issue on, or a later one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(FieldSession, on_delete=models.CASCADE, related_name="challenges")
    nonce = models.CharField(max_length=32, unique=True)
    issued_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["session", "issued_at"], name="challenge_of_session")]

    def __str__(self):
        return f"challenge of {self.session_id}"
