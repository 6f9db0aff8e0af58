"""What sessions tells the lower apps at start: kinds, ports, topics."""

from config.kernel import metrics
from config.kernel.access import Perm
from config.kernel.realtime import Topic, register_topic
from operators.access import scopes
from operators.workspaces.availability import register_busy
from sessions.control_room import wiring as control_room
from sessions.field import live
from sessions.field.availability import busy_workspaces
from sessions.field.models import FieldSession, SessionEvent, SessionGroupGrant, SessionUserGrant
from sessions.media import stats
from sessions.media.models import MediaEvent, MediaInput, MediaTeardown, ViewerToken
from sessions.metering.models import MeterRecord
from sessions.pricing.models import Corridor, PricingPolicy, Quote
from sessions.settlement import checks as _checks  # noqa: F401 - registers the system checks
from sessions.settlement.evm.models import ChainLog, ChainTx
from sessions.settlement.models import Account, CreditNote, Dispute, LedgerEntry, LedgerTransaction, Settlement
from sessions.telemetry.models import TelemetryChallenge, TelemetrySample


def connect() -> None:
    """Called once, from `ready()`; harmless to repeat."""
    scopes.register_kind(
        "session",
        FieldSession,
        ancestors={"workspace": ("consumer_workspace_id", "operator_workspace_id")},
        grant_models=(SessionUserGrant, SessionGroupGrant),
        environment="environment",
    )
    metrics.register_collector(stats.collect)
    scopes.register_kind("media_input", MediaInput, ancestors={"session": "session_id"})
    scopes.register_kind("media_event", MediaEvent, ancestors={"media_input": "input_id"})
    scopes.register_kind("viewer_token", ViewerToken, ancestors={"media_input": "input_id"})
    scopes.register_kind("media_teardown", MediaTeardown, ancestors={"media_input": "input_id"})
    scopes.register_kind("session_event", SessionEvent, ancestors={"session": "session_id"})
    scopes.register_kind("quote", Quote, ancestors={"workspace": "workspace_id"}, environment="environment")
    scopes.register_kind("pricing_policy", PricingPolicy, open=True)
    scopes.register_kind("corridor", Corridor, open=True)
    scopes.register_kind("account", Account, ancestors={"workspace": "workspace_id"})
    scopes.register_kind("wallet_event", LedgerEntry, ancestors={"workspace": "workspace_id"})
    scopes.register_kind("chain_tx", ChainTx, ancestors={"session": "session_id"})
    scopes.register_kind("chain_log", ChainLog, ancestors={"ledger_transaction": "booking_id"})
    for name, model in (("ledger_transaction", LedgerTransaction), ("settlement", Settlement), ("dispute", Dispute), ("credit_note", CreditNote)):
        scopes.register_kind(name, model, ancestors={"session": "session_id"})
    for name, model in (("meter_record", MeterRecord), ("telemetry_challenge", TelemetryChallenge), ("telemetry_sample", TelemetrySample)):
        scopes.register_kind(name, model, ancestors={"session": "session_id"})
    register_busy(busy_workspaces)
    register_topic(Topic(live.TOPIC, Perm.SESSIONS_READ, snapshot=live.snapshot, visible=live.visible))
    register_topic(Topic(live.ONE, Perm.SESSIONS_READ, snapshot=live.snapshot_of_one, visible=live.visible, tick=live.tick))
    control_room.connect()
