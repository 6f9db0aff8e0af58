"""Transactions that wait for a row at most 3 s (then 503 `busy`), and the database's clock."""

from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Value

from config.kernel import clock

LOCK_SECONDS = 3


@contextmanager
def patient(seconds: int | None = LOCK_SECONDS):
    """`atomic()` in which a row lock is awaited for `seconds`; None: for as long as it takes (claims)."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{seconds or 0}s"])
        yield


def frozen_now() -> datetime | None:
    """The instant at which a test holds the clock, else None: for statements that ask the database's clock themselves."""
    instant = clock.DbNow()
    return instant.value if isinstance(instant, Value) else None


def db_now() -> datetime:
    """The database's present, so that leases of several hosts agree; the frozen instant in tests."""
    if (instant := frozen_now()) is not None:
        return instant
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
