"""Every table of the app; the classes live in their capability."""

from sessions.field.models import FieldSession, SessionEvent, SessionGroupGrant, SessionUserGrant
from sessions.media.models import MediaEvent, MediaInput, MediaTeardown, ViewerToken
from sessions.pricing.models import Corridor, PricingPolicy, Quote
from sessions.settlement.models import Account, CreditNote, Dispute, LedgerEntry, LedgerTransaction, Settlement

__all__ = [
    "Account", "Corridor", "CreditNote", "Dispute", "FieldSession", "LedgerEntry", "LedgerTransaction", "MediaEvent", "MediaInput",
    "MediaTeardown", "PricingPolicy", "Quote", "SessionEvent", "SessionGroupGrant", "SessionUserGrant", "Settlement", "ViewerToken",
]  # fmt: skip
