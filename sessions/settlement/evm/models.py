"""What is to be sent to the chain, and what was read from it (05 §9, §13)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, TextChoices

from config.kernel.ids import uuid7
from sessions.field.models import FieldSession, Micro
from sessions.settlement.models import LedgerTransaction


class Purpose(TextChoices):
    """The contract's call."""

    HOLD = "hold"
    SETTLE = "settle"
    RELEASE = "release"
    REFUND = "refund"


class TxState(TextChoices):
    """QUEUED ▶ SIGNED (nonce, bytes and hash are committed) ▶ SUBMITTED ▶ CONFIRMED | REVERTED; a vanished receipt leads back to SUBMITTED."""

    QUEUED = "QUEUED"
    SIGNED = "SIGNED"
    SUBMITTED = "SUBMITTED"
    CONFIRMED = "CONFIRMED"
    REVERTED = "REVERTED"


OPEN = (TxState.QUEUED, TxState.SIGNED, TxState.SUBMITTED)
IN_FLIGHT = (TxState.SIGNED, TxState.SUBMITTED)


class ChainTx(models.Model):
    """One call of the contract, sent once however often a process dies.

    args         of the call, numbers as decimal strings
    raw          the signed bytes of the newest hash, sent again as they are after a crash
    hashes       of every replacement, oldest first; any of them may win. Not of a try that was reverted: its receipt says nothing of the next
    tx_hash      the one that was mined, else the newest
    fees         wei per gas
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    sender = models.CharField(max_length=42)
    session = models.ForeignKey(FieldSession, on_delete=models.PROTECT, related_name="chain_txs")
    purpose = models.CharField(max_length=7, choices=Purpose)
    args = models.JSONField()
    state = models.CharField(max_length=9, choices=TxState, default=TxState.QUEUED)
    nonce = models.BigIntegerField(null=True, blank=True)
    raw = models.TextField(blank=True)
    hashes = ArrayField(models.CharField(max_length=66), default=list, blank=True)
    tx_hash = models.CharField(max_length=66, blank=True)
    max_fee = models.BigIntegerField(default=0)
    priority_fee = models.BigIntegerField(default=0)
    block_number = models.BigIntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["chain_id", "sender", "nonce"], name="chain_tx_nonce_once"),
            models.UniqueConstraint(fields=["session", "purpose"], name="chain_tx_purpose_once"),
            models.CheckConstraint(condition=~Q(state=TxState.SIGNED) | (~Q(raw="") & Q(nonce__isnull=False)), name="chain_tx_signed_has_bytes"),
        ]
        indexes = [models.Index(F("state"), F("created_at"), condition=Q(state__in=OPEN), name="chain_tx_open")]

    def __str__(self):
        return f"{self.purpose} of {self.session_id}"


class ChainLog(models.Model):
    """One log of the contract or its token that changes a wallet, each once. `booking` is null while no workspace has the wallet.

    log_index   its place among the logs of its own transaction, which a reorganisation of blocks does not change
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.BigIntegerField()
    tx_hash = models.CharField(max_length=66)
    log_index = models.PositiveIntegerField()
    event = models.CharField(max_length=20)
    address = models.CharField(max_length=42)
    amount = Micro()
    block_number = models.BigIntegerField()
    booking = models.OneToOneField(LedgerTransaction, on_delete=models.PROTECT, null=True, blank=True, related_name="chain_log")
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["chain_id", "tx_hash", "log_index"], name="chain_log_once")]
        indexes = [models.Index(F("created_at"), condition=Q(booking=None), name="chain_log_to_book")]

    def __str__(self):
        return f"{self.event} {self.tx_hash}"


class ChainCursor(models.Model):
    """How far a contract was read. `nonce_floor`: nonces below it were used by others, and somebody
    said that this is all right, or by calls that were reverted and have gone out once more."""

    chain_id = models.BigIntegerField()
    escrow = models.CharField(max_length=42)
    block_number = models.BigIntegerField()
    nonce_floor = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["chain_id", "escrow"], name="chain_cursor_once")]

    def __str__(self):
        return f"{self.escrow} at {self.block_number}"
