"""Words of money: accounts, bookings, what a wallet shows of them, and how far a settlement is. Pure.

NOT_READY (no row: the session is not over) ─▶ NONE       nothing to pay: gross 0, TEST, cancelled, expired before it was LIVE
                                            ─▶ PENDING ─▶ SUBMITTED (a transaction is on the chain) ─▶ CONFIRMED | FAILED
SUBMITTED ─▶ SUBMITTED (its receipt vanished) · FAILED ─▶ PENDING (retry)          the ledger is CONFIRMED at once
"""

from django.db.models import TextChoices


class AccountKind(TextChoices):
    """Of a workspace: available, held. Of the installation: fees, and external, the contra of all that comes in or goes out."""

    AVAILABLE = "available"
    HELD = "held"
    FEES = "fees"
    EXTERNAL = "external"


OF_WORKSPACES = (AccountKind.AVAILABLE, AccountKind.HELD)


class BookingKind(TextChoices):
    """What a ledger transaction is."""

    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    HOLD = "HOLD"
    RELEASE = "RELEASE"
    SETTLE = "SETTLE"
    CREDIT_NOTE = "CREDIT_NOTE"
    APPROVAL = "APPROVAL"


class WalletEventKind(TextChoices):
    """What a wallet says of one change of its available balance. EARN: the operator's side of a SETTLE. APPROVAL moves nothing."""

    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    HOLD = "HOLD"
    RELEASE = "RELEASE"
    SETTLE = "SETTLE"
    EARN = "EARN"
    CREDIT_NOTE = "CREDIT_NOTE"
    APPROVAL = "APPROVAL"


class SettlementState(TextChoices):
    """See the module. NOT_READY is never stored."""

    NOT_READY = "NOT_READY"
    NONE = "NONE"
    PENDING = "PENDING"
    SUBMITTED = "SUBMITTED"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"


class DisputeState(TextChoices):
    """OPEN until it is rejected, or upheld by a credit note."""

    OPEN = "OPEN"
    REJECTED = "REJECTED"
    UPHELD = "UPHELD"


class FundedBy(TextChoices):
    """Who pays a credit note: each side its part of the split, or the platform all of it."""

    OPERATOR = "operator"
    PLATFORM = "platform"


# Settlements that money still has to move for.
UNDER_WAY = frozenset({SettlementState.PENDING, SettlementState.SUBMITTED})
