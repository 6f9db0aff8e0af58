"""What the audit may say of sessions: `<area>.<thing>.<past>`."""

SESSION_REQUESTED = "session.requested"
SESSION_ASSIGNED = "session.assigned"
SESSION_STARTED = "session.started"
SESSION_LIVE = "session.live"
SESSION_ENDED = "session.ended"
SESSION_CANCELLED = "session.cancelled"
SESSION_EXPIRED = "session.expired"
SESSIONS_EXPORTED = "session.exported"
TELEMETRY_EXPORTED = "session.telemetry.exported"
PROVENANCE_CHECKED = "session.provenance.checked"

VERBS = (
    SESSION_REQUESTED, SESSION_ASSIGNED, SESSION_STARTED, SESSION_LIVE, SESSION_ENDED, SESSION_CANCELLED, SESSION_EXPIRED, SESSIONS_EXPORTED,
    TELEMETRY_EXPORTED, PROVENANCE_CHECKED,
)  # fmt: skip
