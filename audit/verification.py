"""Does the trail still say what it said when it was sealed? Streams a month in constant memory and names each finding.

`row_changed` · `row_missing` (chained, no row) · `row_unsealed` (older than 10 min, neither chained nor queued) · `chain_broken` (link or
position) · `checkpoint_invalid` · `anchor_mismatch` · `trigger_missing`
"""

import base64
import heapq
import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection, transaction

from audit import keys, months, schema, sealing
from audit.models import AuditArchive, AuditCheckpoint
from config.kernel import clock

UNSEALED_AFTER = timedelta(minutes=10)
FINDINGS_LIMIT = 1000
_ROWS = """
SELECT c.position, uuid_send(c.event_id), c.digest, c.link, CASE WHEN e.id IS NOT NULL THEN {what} END
FROM audit_chain c LEFT JOIN audit_event e ON e.id = c.event_id AND e.id >= %(low)s AND e.id < %(high)s
WHERE c.month = %(month)s ORDER BY c.position
"""
_UNSEALED = """
SELECT e.id FROM audit_event e
WHERE e.id >= %(low)s AND e.id < %(high)s AND e.id < %(cutoff)s
  AND NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.event_id = e.id AND c.month = %(month)s)
  AND NOT EXISTS (SELECT 1 FROM audit_pending p WHERE p.event_id = e.id)
ORDER BY e.id LIMIT %(limit)s
"""


class CannotCheck(RuntimeError):
    """The check itself was not possible (no keys, an unreadable anchors file)."""


@dataclass
class Report:
    """What a verification saw. Findings are `{finding, …}` with camelCase keys; the first 1,000 are named, `more` counts the rest."""

    month: date
    rows: int = 0
    checkpoints: int = 0
    findings: list[dict] = field(default_factory=list)
    more: int = 0

    def add(self, finding: str, **facts) -> None:
        if len(self.findings) < FINDINGS_LIMIT:
            self.findings.append({"finding": finding, "month": f"{self.month:%Y-%m}", **facts})
        else:
            self.more += 1


@dataclass(frozen=True, order=True)
class Mark:
    """A place in the chain that a checkpoint or an anchor vouches for."""

    position: int
    seq: int
    source: str
    link: bytes
    signature: bytes


def months_recorded() -> list[date]:
    """Months that have events, chain or checkpoints here, oldest first. Of archived ones only the checkpoints stayed: their files prove themselves."""
    archived = set(AuditArchive.objects.exclude(dropped_at=None).values_list("month", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT relid::regclass::text FROM pg_partition_tree('audit_event') WHERE isleaf")
        partitions = [months.parse_month(name[-7:].replace("_", "-")) for (name,) in cursor.fetchall()]
        cursor.execute("SELECT DISTINCT month FROM audit_checkpoint")
        checkpointed = {month for (month,) in cursor.fetchall()}
        used = [month for month in partitions if _any_row(cursor, month)]
    return sorted({*(checkpointed - archived), *used})


def _any_row(cursor, month: date) -> bool:
    bounds = {"low": months.lowest_id(month), "high": months.lowest_id(months.next_month(month)), "month": month}
    cursor.execute(
        "SELECT EXISTS (SELECT 1 FROM audit_event WHERE id >= %(low)s AND id < %(high)s) OR EXISTS (SELECT 1 FROM audit_chain WHERE month = %(month)s)",
        bounds,
    )
    return cursor.fetchone()[0]


def default_anchors() -> Path | None:
    """This installation's own anchors file, if there is one."""
    path = Path(settings.AUDIT_ANCHORS)
    return path if path.exists() else None


def verify_month(month: date, anchors: Path | None = None) -> Report:
    """Check one month against its chain, its checkpoints and `anchors`. CannotCheck without any public key where there are checkpoints."""
    report = Report(month)
    publics = keys.public_keys()
    if not publics and AuditCheckpoint.objects.exists():
        raise CannotCheck("There is no public key to check the checkpoints with.")
    for table, trigger in schema.missing_triggers():
        report.add("trigger_missing", table=table, trigger=trigger)
    with transaction.atomic():
        _check_sequence(report)
        _check_chain(report, publics, anchors)
        _check_unsealed(report)
    return report


def _check_sequence(report: Report) -> None:
    """Checkpoints are numbered without gaps over all months."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq, before FROM (SELECT seq, month, lag(seq, 1, 0) OVER (ORDER BY seq) AS before FROM audit_checkpoint) AS s WHERE seq <> before + 1 AND month = %s",
            [report.month],
        )
        for seq, before in cursor.fetchall():
            report.add("checkpoint_invalid", seq=seq, reason=f"nothing stands between {before} and {seq}")


def _stream(query: str, params: dict, size: int = 5000) -> Iterator[tuple]:
    """Rows in binary, through a server-side cursor: memory stays the same for a month of any size. While one chunk is looked at, the database
    is making the next."""
    with connection.cursor() as cursor:
        # Of a month that was never analysed the planner believes that an id range holds a few rows, and would compare each link with all of them.
        cursor.execute("SET LOCAL enable_material = off")
    with psycopg.ServerCursor(connection.connection, "audit_verify") as cursor, ThreadPoolExecutor(1) as ahead:
        cursor.execute(query, params, binary=True)
        chunk = cursor.fetchmany(size)
        while chunk:
            following = ahead.submit(cursor.fetchmany, size)
            yield from chunk
            chunk = following.result()


def chained_rows(month: date, what: str = sealing.CANONICAL) -> Iterator[tuple]:
    """(position, event id, digest, link, canonical row or None) of a month's chain, in its order; inside a transaction. `what`: another thing to
    be made of the row, such as `sealing.DIGEST`."""
    return _stream(_ROWS.format(what=what), {"low": months.lowest_id(month), "high": months.lowest_id(months.next_month(month)), "month": month})


def pending_in(month: date) -> int:
    """How many events of a month wait for their seal."""
    with connection.cursor() as cursor:
        bounds = [months.lowest_id(month), months.lowest_id(months.next_month(month))]
        cursor.execute("SELECT count(*) FROM audit_pending WHERE event_id >= %s AND event_id < %s", bounds)
        return cursor.fetchone()[0]


def _check_chain(report: Report, publics: dict, anchors: Path | None) -> None:
    month = report.month
    # Closed by hand: what a failure leaves half read holds a cursor of the database.
    with closing(_checkpoints(report, publics)) as checkpoints, closing(chained_rows(month, sealing.DIGEST)) as rows:
        marks = Marks(report, heapq.merge(checkpoints, anchors_of(month, anchors)))
        link, expected = _start(month), 1
        next_link = sealing.next_link
        for position, event_id, digest, stored, now in rows:
            if position != expected:
                report.add("chain_broken", position=expected, reason=f"positions {expected} to {position - 1} are gone")
                link = None
            if now is None:
                report.add("row_missing", position=position, eventId=str(UUID(bytes=event_id)))
            elif now != digest:
                report.add("row_changed", position=position, eventId=str(UUID(bytes=event_id)))
            # After a gap the link can't be computed; one finding says so, and the rest is checked from there.
            if link is not None and next_link(link, position, event_id, digest) != stored:
                report.add(
                    "chain_broken", position=position, eventId=str(UUID(bytes=event_id)), reason="the link does not follow from the one before"
                )
            link, expected = stored, position + 1
            if marks.due <= position:
                marks.pass_by(position, stored)
        report.rows = expected - 1
        marks.end(report.rows)
    _check_anchored(report, anchors)


class Marks:
    """Compares checkpoints and anchors, in their order, with the chain as it goes by. `due` is the next one's position."""

    def __init__(self, report: Report, marks: Iterator[Mark]):
        self.report, self.marks = report, marks
        self.signed = 0
        self._advance()

    def _advance(self) -> None:
        self.next = next(self.marks, None)
        self.due = self.next.position if self.next else math.inf

    def pass_by(self, position: int, link: bytes) -> None:
        while self.due <= position:
            mark = self.next
            if mark.source == "checkpoint":
                self.signed = mark.position
            if mark.link != (link if mark.position == position else None):
                finding = "anchor_mismatch" if mark.source == "anchor" else "checkpoint_invalid"
                self.report.add(finding, position=mark.position, seq=mark.seq, reason="the chain has another link there")
            self._advance()

    def end_of_anchors(self, last: int) -> None:
        """The chain is over at `last`, and only anchors were given: none may point beyond it."""
        while (mark := self.next) is not None:
            self.report.add("anchor_mismatch", position=mark.position, seq=mark.seq, reason=f"the chain ends at {last}")
            self._advance()

    def end(self, last: int) -> None:
        """The chain is over at `last`: nothing may point beyond it, and its last row is signed for."""
        if self.signed < last and self.next is None:
            self.report.add("checkpoint_invalid", position=last, reason=f"the chain goes on to {last}, the last checkpoint ends at {self.signed}")
        while (mark := self.next) is not None:
            if mark.source == "anchor":
                self.report.add("anchor_mismatch", position=mark.position, seq=mark.seq, reason=f"the chain ends at {last}")
            else:
                reason = f"the chain ends at {last}, its checkpoint says {mark.position}"
                self.report.add("chain_broken", position=mark.position, seq=mark.seq, reason=reason)
            self._advance()


def checkpoint_before(month: date) -> AuditCheckpoint | None:
    """The last checkpoint before those of this month."""
    first = AuditCheckpoint.objects.filter(month=month).order_by("seq").first()
    return AuditCheckpoint.objects.filter(seq__lt=first.seq).first() if first else AuditCheckpoint.objects.first()


def _start(month: date) -> bytes:
    before = checkpoint_before(month)
    return sealing.genesis(month, bytes(before.signature) if before else b"")


def _check_anchored(report: Report, anchors: Path | None) -> None:
    """A checkpoint that was anchored is still in the table, the last ones included (a gap further down shows in the numbers)."""
    anchored = max((mark.seq for mark in anchors_of(report.month, anchors)), default=0)
    if anchored and not AuditCheckpoint.objects.filter(seq=anchored, month=report.month).exists():
        report.add("anchor_mismatch", seq=anchored, reason="the anchored checkpoint is gone")


def _checkpoints(report: Report, publics: dict) -> Iterator[Mark]:
    for row in AuditCheckpoint.objects.filter(month=report.month).order_by("position", "seq").iterator(chunk_size=1000):
        report.checkpoints += 1
        facts = {"seq": row.seq, "month": row.month, "position": row.position, "link": bytes(row.link), "at": row.at, "key_id": row.key_id}
        if not keys.verifies(publics.get(row.key_id), bytes(row.signature), sealing.statement(**facts)):
            report.add("checkpoint_invalid", position=row.position, seq=row.seq, reason="the signature is not by a known key over these facts")
        yield Mark(row.position, row.seq, "checkpoint", bytes(row.link), bytes(row.signature))


def anchors_of(month: date, path: Path | None) -> Iterator[Mark]:
    if path is None:
        return
    try:
        with path.open() as lines:
            for line in lines:
                anchor = json.loads(line)
                if anchor["month"] == f"{month:%Y-%m}":
                    yield Mark(anchor["position"], anchor["seq"], "anchor", bytes.fromhex(anchor["link"]), base64.b64decode(anchor["signature"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotCheck(f"The anchors file {path.name} can't be read: {error}") from error


def _check_unsealed(report: Report, now: datetime | None = None) -> None:
    cutoff = months.floor_id((now or clock.now()) - UNSEALED_AFTER)
    bounds = {
        "low": months.lowest_id(report.month),
        "high": months.lowest_id(months.next_month(report.month)),
        "month": report.month,
        "cutoff": cutoff,
        "limit": FINDINGS_LIMIT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_UNSEALED, bounds)
        for (event_id,) in cursor.fetchall():
            report.add("row_unsealed", eventId=str(event_id))
