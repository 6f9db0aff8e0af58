"""The states of a field session and what moves it. Pure; `sessions.field.services` is the only writer (05 §3).

    –                    create      ▶ REQUESTED     rate, feeBps and hold stamped; quote consumed; hold reserved
    REQUESTED            assign      ▶ ASSIGNED      accept or dispatch, while now < deadline_at
    ASSIGNED             (start)       ASSIGNED      media input minted, while now < deadline_at; a repeat returns the same URLs
    ASSIGNED             go_live     ▶ LIVE          first media flowing, its time < deadline_at
    REQUESTED, ASSIGNED  cancel      ▶ CANCELLED     consumer; the operator's side and cancel-all from ASSIGNED only; hold released, teardown queued
    REQUESTED, ASSIGNED  deadline    ▶ EXPIRED       now ≥ deadline_at; hold released, no meter, no charge
    LIVE                 end         ▶ ENDED         either side, or media lost for too long; meter, settlement, teardown
    LIVE                 max_duration▶ EXPIRED       now ≥ started_at + max_duration_seconds; metered and settled at that instant
    ENDED EXPIRED CANCELLED            terminal: nothing leaves them

`started` below: ASSIGNED and the media input has its URLs.
"""

from enum import StrEnum

from django.db.models import TextChoices


class SessionState(TextChoices):
    """Where a session is."""

    REQUESTED = "REQUESTED"
    ASSIGNED = "ASSIGNED"
    LIVE = "LIVE"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class EndReason(TextChoices):
    """Why it is over; `installation`: by a role of the installation, for neither side."""

    CONSUMER = "consumer"
    OPERATOR = "operator"
    INSTALLATION = "installation"
    ABANDONED = "abandoned"
    DEADLINE = "deadline"
    MAX_DURATION = "max_duration"
    HOLD_FAILED = "hold_failed"


class Mode(TextChoices):
    """What a billed second needs: media (wall_clock), or a fresh sample inside the fence as well."""

    WALL_CLOCK = "wall_clock"
    TELEMETRY = "telemetry"


class Tally(TextChoices):
    """Whether the control room shows this source."""

    OFF = "off"
    PREVIEW = "preview"
    PROGRAM = "program"


class Side(StrEnum):
    """For whom someone acts on a session. `installation`: by a user role, for neither."""

    CONSUMER = "consumer"
    OPERATOR = "operator"
    INSTALLATION = "installation"


class SessionEventType(TextChoices):
    """What the history says; the same words go out as webhooks."""

    REQUESTED = "session.requested"
    ASSIGNED = "session.assigned"
    LIVE = "session.live"
    MEDIA_LOST = "session.media_lost"
    MEDIA_RESUMED = "session.media_resumed"
    ENDED = "session.ended"
    CANCELLED = "session.cancelled"
    EXPIRED = "session.expired"
    SETTLEMENT_CONFIRMED = "settlement.confirmed"
    SETTLEMENT_FAILED = "settlement.failed"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_CLOSED = "dispute.closed"
    CREDIT_NOTE_ISSUED = "credit_note.issued"


S = SessionState
OPEN = frozenset({S.REQUESTED, S.ASSIGNED, S.LIVE})
# States in which an operator is taken.
SERVING = frozenset({S.ASSIGNED, S.LIVE})
TERMINAL = frozenset({S.ENDED, S.CANCELLED, S.EXPIRED})

# event → (states it may leave, state it leads to)
MOVES: dict[str, tuple[frozenset[SessionState], SessionState]] = {
    "assign": (frozenset({S.REQUESTED}), S.ASSIGNED),
    "go_live": (frozenset({S.ASSIGNED}), S.LIVE),
    "cancel": (frozenset({S.REQUESTED, S.ASSIGNED}), S.CANCELLED),
    "deadline": (frozenset({S.REQUESTED, S.ASSIGNED}), S.EXPIRED),
    "end": (frozenset({S.LIVE}), S.ENDED),
    "max_duration": (frozenset({S.LIVE}), S.EXPIRED),
}

# call → states in which it is possible (05 §3's second table); what it answers elsewhere is `invalid_state`, for tokens `not_started`.
POSSIBLE: dict[str, frozenset[SessionState]] = {
    "candidates": frozenset({S.REQUESTED}),
    "dispatch": frozenset({S.REQUESTED}),
    "accept": frozenset({S.REQUESTED}),
    "start": frozenset({S.ASSIGNED}),
    "producer_token": SERVING,
    "viewer_token": SERVING,
    "telemetry": SERVING,
    "frame": frozenset({S.LIVE}),
    "end": frozenset({S.LIVE}),
    "provenance": frozenset({S.LIVE}),
    "cancel": frozenset({S.REQUESTED, S.ASSIGNED}),
    "dispute": TERMINAL,
    "void": TERMINAL,
}


def allows(call: str, state: str) -> bool:
    """Whether `call` is possible in `state`, as far as the state goes."""
    return state in POSSIBLE[call]


def refusal(call: str, state: str) -> dict:
    """The `data` of 409 `invalid_state`: `{state, allowed}`."""
    return {"state": str(state), "allowed": sorted(possible.value for possible in POSSIBLE[call])}
