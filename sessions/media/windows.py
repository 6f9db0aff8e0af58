"""When there was no media: a pure function of all events, in whatever order and however often they came (05 §5)."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sessions.media.states import EventKind

Window = tuple[datetime, datetime | None]


class Fact(NamedTuple):
    """One event: the provider's time, when we received it, what it says, and the provider's id for it."""

    at: datetime
    received_at: datetime
    kind: str
    id: str


def windows(facts: Iterable[Fact]) -> list[Window]:
    """`[(lost_at, flowing_at or None)]`, ascending, disjoint.

    Sorted by (time capped at receipt, lost before flowing, id): `lost` opens a window, `flowing` closes it, repeats say nothing new. A
    provider's clock that runs ahead can so never place a fact after we heard of it.
    """
    found: list[Window] = []
    lost_at: datetime | None = None
    for fact in sorted(set(facts), key=_order):
        at = moment(fact)
        if fact.kind == EventKind.FLOWING:
            if lost_at is not None:
                found.append((lost_at, at))
                lost_at = None
        elif lost_at is None:
            lost_at = at
    if lost_at is not None:
        found.append((lost_at, None))
    return found


def moment(fact: Fact) -> datetime:
    """The fact's time: the provider's, capped at receipt."""
    return min(fact.at, fact.received_at)


def _order(fact: Fact):
    return moment(fact), fact.kind != EventKind.LOST, fact.id


def first_flowing(facts: Iterable[Fact]) -> datetime | None:
    """When media flowed for the first time, None before that."""
    return min((moment(fact) for fact in facts if fact.kind == EventKind.FLOWING), default=None)


def of(session, *, before: datetime | None = None) -> list[Window]:
    """The windows of a session from its stored events; `before`: only of those received by then (a bill is not changed by what came later)."""
    return windows(facts_of(session, before=before))


def facts_of(session, *, before: datetime | None = None) -> list[Fact]:
    """A session's stored events as facts."""
    from sessions.media.models import MediaEvent

    rows = MediaEvent.objects.filter(input__session_id=session.pk, late=False)
    if before is not None:
        rows = rows.filter(received_at__lte=before)
    return [Fact(row.at, row.received_at, row.kind, row.event_id) for row in rows.only("at", "received_at", "kind", "event_id")]
