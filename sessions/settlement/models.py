"""The books (double entry, append-only), what each session's settlement came to, disputes and credit notes (05 §9, §10, §13).

Triggers of the migration hold what a constraint can't: the entries of a transaction sum to zero at its commit, and neither transactions nor
entries are ever changed or deleted.
"""

from django.db import models
from django.db.models import F, Q

from config.kernel.access import Perm
from config.kernel.ids import uuid7
from config.kernel.models import TimestampedModel
from operators.workspaces.models import Workspace
from sessions.field.models import FieldSession, Micro
from sessions.settlement.states import OF_WORKSPACES, AccountKind, BookingKind, DisputeState, FundedBy, SettlementState, WalletEventKind


class Account(models.Model):
    """One balance. `entries` counts its entries, so that they are numbered without gaps; both change only with an entry, under the row's lock."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, null=True, blank=True, related_name="accounts")
    kind = models.CharField(max_length=9, choices=AccountKind)
    balance = Micro(default=0)
    entries = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        permissions = [(perm.codename, perm.value) for perm in (Perm.WALLET_READ, Perm.WALLET_ADJUST, Perm.SETTLEMENT_VOID)]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "kind"], condition=Q(workspace__isnull=False), name="account_of_workspace_once"),
            models.UniqueConstraint(fields=["kind"], condition=Q(workspace=None), name="account_of_installation_once"),
            models.CheckConstraint(condition=Q(balance__gte=0) | Q(kind=AccountKind.EXTERNAL), name="account_not_negative"),
            models.CheckConstraint(
                condition=Q(workspace__isnull=False, kind__in=OF_WORKSPACES) | (Q(workspace=None) & ~Q(kind__in=OF_WORKSPACES)),
                name="account_kind_fits_owner",
            ),
        ]

    def __str__(self):
        return f"{self.kind} of {self.workspace_id or 'the installation'}"


class LedgerTransaction(models.Model):
    """One booking, never changed. Its entries sum to zero.

    reference    of a deposit or withdrawal, or of a chain's log: each books once
    tx_hash      where the chain moved the money
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=11, choices=BookingKind)
    session = models.ForeignKey(FieldSession, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger_transactions")
    reference = models.CharField(max_length=120, null=True, blank=True, unique=True)
    tx_hash = models.CharField(max_length=66, blank=True)
    actor_label = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["session"], condition=Q(kind=BookingKind.HOLD), name="ledger_one_hold"),
            models.UniqueConstraint(fields=["session"], condition=Q(kind__in=[BookingKind.SETTLE, BookingKind.RELEASE]), name="ledger_one_outcome"),
            models.CheckConstraint(
                condition=~Q(kind__in=[BookingKind.HOLD, BookingKind.SETTLE, BookingKind.RELEASE, BookingKind.CREDIT_NOTE])
                | Q(session__isnull=False),
                name="ledger_of_a_session",
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="ledger_by_time")]

    def __str__(self):
        return f"{self.kind} {self.pk}"


class LedgerEntry(models.Model):
    """One line of a booking, never changed. `amount` is signed µUSDC; zero where an event says that nothing was left over.

    number         the entry's place in its account, without gaps
    balance_after  of the account
    event          on available accounts: what the wallet calls it; empty elsewhere
    workspace, session, tx_hash   as of account and transaction, here for the wallet's lists
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    transaction = models.ForeignKey(LedgerTransaction, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lines")
    number = models.PositiveBigIntegerField()
    amount = Micro()
    balance_after = Micro()
    event = models.CharField(max_length=11, choices=WalletEventKind, blank=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger_entries")
    session = models.ForeignKey(FieldSession, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger_entries")
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account", "number"], name="entry_numbered_once")]
        indexes = [
            models.Index(F("workspace"), F("created_at").desc(), F("id").desc(), condition=~Q(event=""), name="entry_of_wallet"),
            models.Index(fields=["session"], condition=Q(session__isnull=False), name="entry_of_session"),
        ]

    def __str__(self):
        return f"{self.amount} on {self.account_id}"


class Settlement(TimestampedModel):
    """What a session that is over came to, and how far the money is. One per session; the amounts never change.

    amounts      of the meter and the split (also of TEST, where no money moves)
    tx_hash      from SUBMITTED on, where a chain settles
    failure      why it is FAILED, for people
    """

    AUDIT_FIELDS = ("state", "gross_micro", "operator_micro", "fee_micro", "tx_hash", "confirmed_at", "failure")

    session = models.OneToOneField(FieldSession, on_delete=models.PROTECT, related_name="settlement")
    provider = models.CharField(max_length=10)
    state = models.CharField(max_length=9, choices=[choice for choice in SettlementState.choices if choice[0] != SettlementState.NOT_READY])
    gross_micro = Micro(default=0)
    operator_micro = Micro(default=0)
    fee_micro = Micro(default=0)
    tx_hash = models.CharField(max_length=66, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=300, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(gross_micro=F("operator_micro") + F("fee_micro"), operator_micro__gte=0, fee_micro__gte=0), name="settlement_adds_up"
            ),
            models.CheckConstraint(
                condition=Q(state=SettlementState.CONFIRMED, confirmed_at__isnull=False)
                | (~Q(state=SettlementState.CONFIRMED) & Q(confirmed_at=None)),
                name="settlement_confirmed_has_time",
            ),
        ]
        indexes = [models.Index(fields=["state", "created_at"], name="settlement_by_state")]

    def __str__(self):
        return f"{self.state} {self.session_id}"


class Dispute(TimestampedModel):
    """A consumer's objection to a bill, once per session. `answer`: why it was rejected, or the credit note's reason."""

    AUDIT_FIELDS = ("state", "reason", "answer", "closed_at")

    session = models.OneToOneField(FieldSession, on_delete=models.PROTECT, related_name="dispute")
    state = models.CharField(max_length=8, choices=DisputeState, default=DisputeState.OPEN)
    reason = models.TextField()
    opened_by_label = models.CharField(max_length=254, blank=True)
    answer = models.TextField(blank=True)
    closed_by_label = models.CharField(max_length=254, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(state=DisputeState.OPEN, closed_at=None) | (~Q(state=DisputeState.OPEN) & Q(closed_at__isnull=False)),
                name="dispute_closed_has_time",
            )
        ]

    def __str__(self):
        return f"{self.state} {self.session_id}"


class CreditNote(models.Model):
    """What a consumer got back of one bill, once per session; the bill itself stays as it was.

    gross, operator, fee   of the voided seconds: split(clean) − split(clean − seconds)
    funded_by              operator: each side gives its part; platform: the fees account gives all
    confirmed_at           when the money had moved: at once in the ledger, with its transaction on a chain
    """

    AUDIT_FIELDS = ("seconds", "gross_micro", "operator_micro", "fee_micro", "funded_by", "reason", "confirmed_at")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.OneToOneField(FieldSession, on_delete=models.PROTECT, related_name="credit_note")
    seconds = models.PositiveIntegerField()
    gross_micro = Micro()
    operator_micro = Micro()
    fee_micro = Micro()
    funded_by = models.CharField(max_length=8, choices=FundedBy, default=FundedBy.OPERATOR)
    reason = models.TextField()
    issued_by_label = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField()
    tx_hash = models.CharField(max_length=66, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(gross_micro=F("operator_micro") + F("fee_micro"), gross_micro__gte=0, operator_micro__gte=0, fee_micro__gte=0),
                name="credit_note_adds_up",
            )
        ]

    def __str__(self):
        return f"{self.gross_micro} of {self.session_id}"
