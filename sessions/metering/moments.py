"""Instants as whole milliseconds since the epoch, as the meter counts them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def ms_of(at: datetime) -> int:
    """Rounded down."""
    return (at - _EPOCH) // _MS


def at_ms(ms: int) -> datetime:
    """The instant, UTC."""
    return _EPOCH + ms * _MS
