"""States of a health event, pure.

open ─acknowledge▶ acknowledged      open | acknowledged ─suppress▶ suppressed
open | acknowledged | suppressed ─resolve (person, or the source clears)▶ resolved ─reopen, or it fires again▶ open
suppressed ─suppressedUntil▶ open    acknowledged ─severity rises▶ open
"""

from enum import StrEnum


class Severity(StrEnum):
    """It never falls while an event is unresolved."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class EventStatus(StrEnum):
    """See the module."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SUPPRESSED = "suppressed"
    RESOLVED = "resolved"


class Condition(StrEnum):
    """What the source last said: it fires, it cleared, or nothing for five minutes."""

    FIRING = "firing"
    CLEARED = "cleared"
    STALE = "stale"


class Source(StrEnum):
    """Who speaks of it."""

    CONTROLLER = "controller"
    NODE = "node"
    USER = "user"


#: Statuses that colour a node: the worst of these decides.
COLOURING = (EventStatus.OPEN, EventStatus.ACKNOWLEDGED)
