"""Time inside ids: an event's id is a UUIDv7 that holds its instant to the microsecond, so an id range is a time range and a month a partition."""

import secrets
import uuid
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VARIANT = 0b10 << 62
_VERSION = 7 << 76


def _prefix(at: datetime) -> int:
    """Milliseconds, version, and the microseconds in `rand_a` (12 bits, RFC 9562 §6.2 method 3: 4,096 steps hold 1,000 values apart)."""
    millis, micros = divmod((at - _EPOCH) // timedelta(microseconds=1), 1000)
    return millis << 80 | _VERSION | (micros * 4096 // 1000) << 64


def event_id(at: datetime) -> uuid.UUID:
    """A new id of an event at `at` (aware)."""
    return uuid.UUID(int=_prefix(at) | _VARIANT | secrets.randbits(62))


def floor_id(at: datetime) -> uuid.UUID:
    """The lowest id that an event at `at` can have: `id >= floor_id(t)` is exactly `occurred_at >= t`."""
    at = max(at, _EPOCH)
    return uuid.UUID(int=_prefix(at))


def instant_of(event: uuid.UUID) -> datetime:
    """The millisecond in which an id was made."""
    return _EPOCH + timedelta(milliseconds=event.int >> 80)


def month_of(at: datetime) -> date:
    """The first day of the UTC month of `at`."""
    return at.astimezone(UTC).date().replace(day=1)


def next_month(month: date, steps: int = 1) -> date:
    """The first day of the month `steps` later (or earlier, negative)."""
    index = month.year * 12 + month.month - 1 + steps
    return date(index // 12, index % 12 + 1, 1)


def month_start(month: date) -> datetime:
    """The first instant of a month."""
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def lowest_id(month: date) -> uuid.UUID:
    """The lower bound of a month's partition (`audit_floor_id` in the database)."""
    return uuid.UUID(int=(month_start(month) - _EPOCH) // timedelta(milliseconds=1) << 80)


def parse_month(text: str) -> date:
    """`2026-11` as its first day; ValueError otherwise."""
    return datetime.strptime(text, "%Y-%m").date()
