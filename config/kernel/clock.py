"""Time, injectable. Services ask `now()`; queries that judge liveness use `DbNow()`, the database's clock."""

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from django.db.models import DateTimeField, Func, Value

_frozen: ContextVar[datetime | None] = ContextVar("frozen", default=None)


def now() -> datetime:
    """The current instant, aware, UTC."""
    return _frozen.get() or datetime.now(UTC)


def DbNow():  # noqa: N802 - reads like the expression that it is
    """Expression for the current instant inside a query (statement time, so it moves within a transaction)."""
    if fixed := _frozen.get():
        return Value(fixed, output_field=DateTimeField())
    return Func(function="clock_timestamp", output_field=DateTimeField())


@contextmanager
def frozen(at: datetime):
    """Hold the clock at `at` within this context (tests)."""
    token = _frozen.set(at)
    try:
        yield
    finally:
        _frozen.reset(token)


def wire(at: datetime | None) -> str | None:
    """RFC 3339, UTC, milliseconds, `Z`; None stays None."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
