"""A partition of the log for each UTC day: made ahead, dropped when nobody can dispute what is in it."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction

log = structlog.get_logger("telemetry")
AHEAD_DAYS = 7
# Never shorter than a bill can be disputed (seven days), and one more.
LEAST_DAYS = 8
_PREFIX = "telemetry_sample_"


def ensure(today: date) -> list[str]:
    """Partitions of today and the days ahead; the names of those that were made. What fell into the default one moves over."""
    made = []
    for step in range(AHEAD_DAYS + 1):
        day = today + timedelta(days=step)
        with transaction.atomic(), connection.cursor() as cursor:
            _wait_briefly(cursor)
            cursor.execute("SELECT to_regclass(%s) IS NULL, telemetry_ensure_day(%s)", [name_of(day), day])
            if cursor.fetchone()[0]:
                made.append(name_of(day))
    return made


def drop_old(today: date, disputed: Collection[UUID]) -> list[str]:
    """Drop days that have been kept long enough and hold nothing of a disputed session; the names of those that went."""
    oldest = today - timedelta(days=max(settings.TELEMETRY_RETENTION_DAYS, LEAST_DAYS))
    dropped = []
    for name, day in _days():
        if day >= oldest or _holds(name, disputed):
            continue
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                _wait_briefly(cursor)
                cursor.execute(f"DROP TABLE {name}")
        except OperationalError as error:
            # Somebody reads it; tomorrow is another day.
            log.warning("telemetry_partition_busy", partition=name, error=str(error).splitlines()[0])
            continue
        log.info("telemetry_partition_dropped", partition=name)
        dropped.append(name)
    _empty_default(oldest, disputed)
    return dropped


def name_of(day: date) -> str:
    return f"{_PREFIX}{day:%Y%m%d}"


def _days() -> list[tuple[str, date]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'telemetry_sample'::regclass ORDER BY 1")
        names = [name for (name,) in cursor.fetchall()]
    return [(name, datetime.strptime(name, f"{_PREFIX}%Y%m%d").date()) for name in names if not name.endswith("_default")]


def _holds(name: str, disputed: Collection[UUID]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {name} WHERE session_id = ANY(%s))", [list(disputed)])
        return cursor.fetchone()[0]


def _empty_default(oldest: date, disputed: Collection[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM telemetry_sample_default WHERE captured_at < (%s::date)::timestamp AT TIME ZONE 'UTC' AND session_id <> ALL(%s)",
            [oldest, list(disputed)],
        )


def _wait_briefly(cursor) -> None:
    """Whoever waits for the whole table keeps every writer behind it waiting, too."""
    cursor.execute("SET LOCAL lock_timeout = '3s'")
