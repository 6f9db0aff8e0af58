"""`meters.rollup`: finished minutes of the ring into daily partitions, which are made ahead and dropped after seven days."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection

from config.kernel import broker, clock, later
from config.kernel.tasks import periodic

ring, rollups = later.module("nodes.meters.ring"), later.module("nodes.meters.rollup")
log = structlog.get_logger("meters")
KEEP_DAYS, AHEAD_DAYS = 7, 2
# A minute is folded once frames that were late by this much are in; later ones fold it again.
_GRACE_SECONDS = 5
_PREFIX = "meter_rollup_"


@periodic("meters.rollup", every=60)
def rollup() -> dict:
    """Idempotent: a minute folded twice gives the same row."""
    partitions = ensure_partitions(clock.now())
    members = broker.attempt(lambda valkey: valkey.smembers(ring.DIRTY), set())
    newest = int((clock.now().timestamp() - _GRACE_SECONDS) // 60)
    due = sorted(member.decode() for member in members if int(member.rpartition(b":")[2]) < newest)
    return {"folded": sum(_fold_one(member, partitions) for member in due)}


def _fold_one(member: str, days: set[str]) -> bool:
    interface_id, _, minute = member.partition(":")
    # Taken off first: a frame that comes in meanwhile puts it back.
    seconds = broker.attempt(
        lambda valkey: valkey.pipeline().srem(ring.DIRTY, member).hgetall(f"{ring.minute_key(UUID(interface_id), int(minute))}:s").execute()
    )
    if seconds is None:
        return False
    folded = rollups.fold({int(second): record for second, record in seconds[1].items()})
    at = datetime.fromtimestamp(int(minute) * 60, UTC)
    if folded is None or _name(at) not in days:
        return False
    _upsert(UUID(interface_id), at, folded)
    return True


def _upsert(interface_id: UUID, at: datetime, minute: "rollups.Minute") -> None:
    """The fuller row wins: after the ring has forgotten half of a minute, a late frame must not replace the whole of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO meter_rollup (minute, interface_id, channel_count, heard, slots) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (minute, interface_id) DO UPDATE SET channel_count = excluded.channel_count, heard = excluded.heard, slots = excluded.slots "
            "WHERE (SELECT sum(n::int) FROM jsonb_array_elements_text(excluded.heard) n) >= (SELECT sum(n::int) FROM jsonb_array_elements_text(meter_rollup.heard) n)",
            [at, interface_id, minute.channel_count, str(minute.heard), minute.slots],
        )


def _name(at: datetime) -> str:
    return f"{_PREFIX}{at:%Y%m%d}"


def ensure_partitions(now: datetime) -> set[str]:
    """Make the days that rows may fall into, drop those that are over; the names of what is there."""
    first = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = {_name(day): day for day in (first + timedelta(days=offset) for offset in range(-KEEP_DAYS, AHEAD_DAYS + 1))}
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'meter_rollup'::regclass")
        present = {name for (name,) in cursor.fetchall()}
        for name, day in wanted.items():
            if name not in present:
                cursor.execute(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF meter_rollup FOR VALUES FROM (%s) TO (%s)", [day, day + timedelta(days=1)]
                )
        for name in present - wanted.keys():
            if name.startswith(_PREFIX):
                log.info("meter_rollup_dropped", partition=name)
                cursor.execute(f"DROP TABLE IF EXISTS {name}")
    return set(wanted)
