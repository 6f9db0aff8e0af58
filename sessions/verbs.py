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
DEPOSIT_BOOKED = "wallet.deposit.booked"
WITHDRAWAL_BOOKED = "wallet.withdrawal.booked"
WALLET_EVENTS_EXPORTED = "wallet.event.exported"
EARNINGS_EXPORTED = "wallet.earnings.exported"
SETTLEMENT_RETRIED = "settlement.retried"
DISPUTE_OPENED = "dispute.opened"
DISPUTE_REJECTED = "dispute.rejected"
DISPUTE_UPHELD = "dispute.upheld"
CREDIT_NOTE_ISSUED = "credit_note.issued"
PRICING_CHANGED = "pricing.policy.changed"
CORRIDOR_CREATED = "pricing.corridor.created"
CORRIDOR_EDITED = "pricing.corridor.edited"
CORRIDOR_DELETED = "pricing.corridor.deleted"
OPERATOR_CREATED = "device_operator.created"
OPERATOR_UPDATED = "device_operator.updated"
OPERATOR_DELETED = "device_operator.deleted"
OPERATORS_EXPORTED = "device_operator.exported"
DEVICE_KEY_REGISTERED = "device_operator.key.registered"
DEVICE_KEY_REVOKED = "device_operator.key.revoked"
PREVIEW_SET = "control_room.preview.set"
PROGRAM_CUT = "control_room.program.cut"
PROGRAM_TAKEN = "control_room.program.taken"
PROGRAM_FELL_BACK = "control_room.program.fell_back"
MIX_CHANGED = "control_room.mix.changed"
LOWER_THIRD_CHANGED = "control_room.lower_third.changed"
LOWER_THIRD_SHOWN = "control_room.lower_third.shown"
LOWER_THIRD_HIDDEN = "control_room.lower_third.hidden"
SLATE_CHANGED = "control_room.slate.changed"
CAPTION_POSTED = "control_room.caption.posted"
CAPTIONS_CLEARED = "control_room.captions.cleared"
REPLAY_PLAYED = "control_room.replay.played"
REPLAY_PAUSED = "control_room.replay.paused"
REPLAY_STOPPED = "control_room.replay.stopped"
PROGRAM_LINK_ROTATED = "control_room.program_link.rotated"
PROGRAM_LINK_CLOSED = "control_room.program_link.closed"
PROGRAM_LINK_SHOWN = "control_room.program_link.shown"

VERBS = (
    SESSION_REQUESTED, SESSION_ASSIGNED, SESSION_STARTED, SESSION_LIVE, SESSION_ENDED, SESSION_CANCELLED, SESSION_EXPIRED, SESSIONS_EXPORTED,
    OPERATOR_CREATED, OPERATOR_UPDATED, OPERATOR_DELETED, OPERATORS_EXPORTED, DEVICE_KEY_REGISTERED, DEVICE_KEY_REVOKED,
    TELEMETRY_EXPORTED, PROVENANCE_CHECKED,
    DEPOSIT_BOOKED, WITHDRAWAL_BOOKED, WALLET_EVENTS_EXPORTED, EARNINGS_EXPORTED, SETTLEMENT_RETRIED, DISPUTE_OPENED, DISPUTE_REJECTED,
    DISPUTE_UPHELD, CREDIT_NOTE_ISSUED, PRICING_CHANGED, CORRIDOR_CREATED, CORRIDOR_EDITED, CORRIDOR_DELETED,
    PREVIEW_SET, PROGRAM_CUT, PROGRAM_TAKEN, PROGRAM_FELL_BACK, MIX_CHANGED, LOWER_THIRD_CHANGED, LOWER_THIRD_SHOWN, LOWER_THIRD_HIDDEN, SLATE_CHANGED,
    CAPTION_POSTED, CAPTIONS_CLEARED, REPLAY_PLAYED, REPLAY_PAUSED, REPLAY_STOPPED, PROGRAM_LINK_ROTATED, PROGRAM_LINK_CLOSED, PROGRAM_LINK_SHOWN,
)  # fmt: skip
