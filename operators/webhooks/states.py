"""Words of webhooks: what is told, how a delivery stands, when it is tried again. Pure.

    pending ──2xx──▶ succeeded
       │  ╰─ tries used up, or 410 ─▶ failed
       ╰──── its endpoint was disabled or deleted ─▶ discarded

Nothing leaves an end; redelivery makes a new delivery.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import models


class DeliveryStatus(models.TextChoices):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DISCARDED = "discarded"


class DisabledReason(models.TextChoices):
    """Why the sender disabled an endpoint: it answered 410, or failed for five days."""

    GONE = "gone"
    FAILING = "failing"


# Seconds from one try to the next; the first goes at once.
DELAYS_SECONDS = (0, 5, 300, 1800, 7200, 18000, 36000, 36000)
TRIES = len(DELAYS_SECONDS)
JITTER = 0.1
FAILING_AFTER = timedelta(days=5)
LEASE = timedelta(seconds=30)
OLD_SECRET_LIVES = timedelta(hours=24)
KEPT = timedelta(days=30)
ENDPOINTS = 10
TEST_TYPE = "webhook.test"


def wait_after(tries: int, roll: Callable[[], float] = random.random) -> timedelta | None:
    """How long to wait after this many tries have failed, ±10 %; None: there is no further one. `roll()` is in [0, 1)."""
    if tries >= TRIES:
        return None
    return timedelta(seconds=DELAYS_SECONDS[tries] * (1 + JITTER * (2 * roll() - 1)))


@dataclass(frozen=True)
class EventType:
    """Something that endpoints may ask to be told.

    resource      what version changes of its data are declared for (`config.kernel.versions`)
    redeliverable False for calls whose answer mattered at the time
    shape         (version, whole body) → what is sent at that version, for types whose older bodies were built otherwise
    """

    name: str
    resource: str
    redeliverable: bool = True
    shape: Callable[[str, dict], dict] = staticmethod(lambda _version, body: body)


_types: dict[str, EventType] = {}


def register_type(name: str, *, resource: str, **facts) -> None:
    """The app that emits a type may register it in its `ready()`; registering a name again replaces it."""
    _types[name] = EventType(name, resource, **facts)


def event_type(name: str) -> EventType | None:
    return _types.get(name)


def known_types() -> list[str]:
    """What endpoints may ask for, by name."""
    return sorted(_types)


for _name in (
    "session.requested",
    "session.assigned",
    "session.live",
    "session.media_lost",
    "session.media_resumed",
    "session.ended",
    "session.cancelled",
    "session.expired",
    "settlement.confirmed",
    "settlement.failed",
    "dispute.opened",
    "dispute.closed",
    "credit_note.issued",
):
    register_type(_name, resource="sessions")
