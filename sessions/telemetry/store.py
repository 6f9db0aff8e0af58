"""Writing and reading samples in bulk, where the ORM would be in the way."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from config.kernel.ids import uuid7
from sessions.metering.moments import ms_of
from sessions.telemetry.samples import Sample
from sessions.telemetry.trust import Logged

_COLUMNS = (
    "id, session_id, captured_at, received_at, lat, lng, accuracy_meters, source, verdict, signer, signature, challenge, sensors, digest"
)  # fmt: skip
_ONCE = "ON CONFLICT (session_id, captured_at) DO NOTHING"


class Judged(NamedTuple):
    """A sample with its verdict, ready to be stored."""

    sample: Sample
    verdict: str


def put(session_id: UUID, received_at: datetime, judged: Sequence[Judged]) -> None:
    """Store samples whose times are all new; inside the session's ingest lock. One by INSERT, more by COPY into a temporary table."""
    rows = [_row(session_id, received_at, each) for each in judged]
    with connection.cursor() as cursor:
        if len(rows) == 1:
            places = ", ".join(["%s"] * len(rows[0]))
            cursor.execute(f"INSERT INTO telemetry_sample ({_COLUMNS}) VALUES ({places}) {_ONCE}", rows[0])
            return
        # Kept by the connection and emptied at each commit: a table made anew for each batch would churn the catalogue.
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS telemetry_batch (LIKE telemetry_sample) ON COMMIT DELETE ROWS")
        cursor.execute("DELETE FROM telemetry_batch")
        with cursor.copy(f"COPY telemetry_batch ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(f"INSERT INTO telemetry_sample ({_COLUMNS}) SELECT {_COLUMNS} FROM telemetry_batch {_ONCE}")


def _row(session_id: UUID, received_at: datetime, judged: Judged) -> tuple:
    sample = judged.sample
    signature = bytes.fromhex(sample.signature.removeprefix("0x")) if sample.signature else None
    sensors = None if sample.sensors is None else orjson.dumps(sample.sensors).decode()
    return (
        uuid7(), session_id, sample.captured_at, received_at, sample.point.lat, sample.point.lng, sample.accuracy_meters, sample.source,
        str(judged.verdict), sample.signer or "", signature, sample.challenge, sensors, sample.digest,
    )  # fmt: skip


def known(session_id: UUID, captured: Sequence[datetime]) -> dict[int, tuple[bytes, str]]:
    """What is stored of these times: {captured ms: (digest, verdict)}."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT captured_at, digest, verdict FROM telemetry_sample "
            "WHERE session_id = %s AND captured_at = ANY(%s) AND captured_at BETWEEN %s AND %s",
            [session_id, list(captured), min(captured), max(captured)],
        )  # fmt: skip
        return {ms_of(at): (bytes(digest), verdict) for at, digest, verdict in cursor.fetchall()}


def per_second(session_id: UUID, first: datetime, last: datetime) -> dict[int, int]:
    """How many are stored of each captured second between two instants: {epoch second: count}."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor(extract(epoch FROM captured_at))::bigint, count(*) FROM telemetry_sample "
            "WHERE session_id = %s AND captured_at >= date_trunc('second', %s) AND captured_at < date_trunc('second', %s) + interval '1 second' "
            "GROUP BY 1",
            [session_id, first, last],
        )
        return dict(cursor.fetchall())


def log_of(session_id: UUID, first: datetime, last: datetime) -> list[Logged]:
    """The log of a session between two instants, both included, by capture time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (extract(epoch FROM captured_at) * 1000)::bigint, lat, lng, accuracy_meters, source, verdict, signature IS NOT NULL, digest "
            "FROM telemetry_sample WHERE session_id = %s AND captured_at BETWEEN %s AND %s ORDER BY captured_at",
            [session_id, first, last],
        )
        return list(map(Logged._make, cursor.fetchall()))


def mark_implausible(session_id: UUID, captured: Sequence[datetime]) -> None:
    """The meter's own verdict over samples that were in the fence."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE telemetry_sample SET verdict = 'implausible' WHERE session_id = %s AND verdict = 'in_fence' "
            "AND captured_at = ANY(%s) AND captured_at BETWEEN %s AND %s",
            [session_id, list(captured), min(captured), max(captured)],
        )  # fmt: skip


def ingest_lock(session_id: UUID) -> None:
    """One ingest of a session at a time, to the end of the transaction: density and nonces have one answer. After the session's row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 5))", [f"telemetry:{session_id}"])
