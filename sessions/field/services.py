"""The verbs of a field session; the only writers of its state (05 §3). Others call them here.

Each takes `actor` and, where it matters, the `side` for which they act; who may is asked before (`parties`, the routes).
"""

from sessions.field.assigning import CANDIDATES, accept, candidates, demand_requested, dispatch, fleet_refusal
from sessions.field.ending import (
    cancel,
    cancel_all,
    end,
    expire_due,
    expire_if_due,
    flag,
    go_live,
    gone_live,
    hold_failed,
    leaving_live,
    media_lost,
    media_resumed,
    set_tallies,
    set_tally,
    state_now,
)
from sessions.field.locking import locked
from sessions.field.requesting import create
from sessions.field.showing import publish_access, viewer_access
from sessions.field.starting import start
from sessions.field.transitions import note

__all__ = [
    "CANDIDATES", "accept", "cancel", "cancel_all", "candidates", "create", "demand_requested", "dispatch", "end", "expire_due", "expire_if_due", "flag", "fleet_refusal", "go_live", "gone_live", "hold_failed",
    "leaving_live", "locked", "media_lost", "media_resumed", "note", "publish_access", "set_tallies", "set_tally", "start", "state_now", "viewer_access",
]  # fmt: skip
