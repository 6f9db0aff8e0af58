"""Every table of the app; the classes live in their capability."""

from sessions.control_room.models import CaptionLine, Production, ProductionSource, ProgramLink, ReplayChannel, ViewerRemoval
from sessions.field.models import FieldSession, SessionEvent, SessionGroupGrant, SessionUserGrant
from sessions.media.models import MediaEvent, MediaInput, MediaTeardown, ViewerToken
from sessions.metering.models import MeterRecord
from sessions.pricing.models import Corridor, PricingPolicy, Quote
from sessions.settlement.evm.models import ChainCursor, ChainLog, ChainTx
from sessions.settlement.models import Account, CreditNote, Dispute, LedgerEntry, LedgerTransaction, Settlement
from sessions.telemetry.models import TelemetryChallenge, TelemetrySample

__all__ = [
    "Account", "CaptionLine", "ChainCursor", "ChainLog", "ChainTx", "Corridor", "CreditNote", "Dispute", "FieldSession", "LedgerEntry", "LedgerTransaction", "MediaEvent", "MediaInput",
    "MediaTeardown", "MeterRecord", "PricingPolicy", "Production", "ProductionSource", "ProgramLink", "Quote", "ReplayChannel", "SessionEvent", "SessionGroupGrant", "SessionUserGrant", "Settlement",
    "TelemetryChallenge", "TelemetrySample", "ViewerRemoval", "ViewerToken",
]  # fmt: skip
