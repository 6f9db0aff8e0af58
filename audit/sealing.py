"""Tamper evidence, after the fact: rows that committed are chained by hash and each batch ends with a signed checkpoint.

    digest = SHA-256(canonical row)                         canonical row: the JSON array of FIELDS as the database returns it
    link   = SHA-256(previous link ‖ position ‖ event id ‖ digest)      position: 8 bytes, big-endian; event id: 16 bytes
    a month's chain starts from SHA-256("tallyroom-audit/1" ‖ installation ‖ month ‖ signature of the last checkpoint before it)

Writers never wait: they put an id into `audit_pending`, by trigger, in their own transaction; one sealer at a time takes ids out.
"""

import base64
import fcntl
import hashlib
import json
import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import psycopg
import structlog
from django.conf import settings
from django.db import connection, transaction

from audit import keys, months
from audit.models import AuditCheckpoint
from config.kernel import clock, later

httpx = later.module("httpx")

log = structlog.get_logger("audit")
BATCH = 5000
# Format 1: what the digest covers, in this order. Another list is another `format`.
FIELDS = (
    "id", "to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')", "verb", "actor_kind", "actor_id", "actor_label",
    "on_behalf_of_kind", "on_behalf_of_id", "on_behalf_of_label", "subject_kind", "subject_id", "subject_label", "scope", "workspace_ids",
    "permission", "outcome", "reason", "before", "after", "details", "correlation", "request_id", "method", "route", "status", "ip", "user_agent",
    "sign_in_id", "credential_prefix", "environment", "format",
)  # fmt: skip
# Spelled out in each query, not a function of the database: who edits a row there must not be able to edit what we compare it with.
CANONICAL = (
    "convert_to(to_json(ARRAY["
    + ", ".join(f if "(" in f else f"e.{f}::text" for f in FIELDS).replace("to_char(occurred_at", "to_char(e.occurred_at")
    + "])::text, 'UTF8')"
)
# Made where the row is: what travels is 32 bytes, not a row of a thousand.
DIGEST = f"pg_catalog.sha256({CANONICAL})"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('audit.seal', 0))"
_TAKE = """
WITH taken AS (
    DELETE FROM audit_pending WHERE event_id IN (SELECT event_id FROM audit_pending WHERE event_id > %s ORDER BY event_id LIMIT %s) RETURNING event_id
) SELECT event_id FROM taken ORDER BY event_id
"""
_FIRST = UUID(int=0)
_READ = f"SELECT e.id, {DIGEST} FROM audit_event e WHERE e.id = ANY(%s)"
# One row of the chain as binary COPY has it: five fields, each with its length.
_CHAIN_ROW = struct.Struct("!h i i i q i 16s i 32s i 32s")
_EPOCH = date(2000, 1, 1)
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TAIL = b"\xff\xff"
# The digest of a row that was gone before it could be sealed: the verification then names it as missing.
_GONE = hashlib.sha256(b"null").digest()


@dataclass(frozen=True)
class Head:
    """Where a month's chain ends."""

    position: int
    link: bytes


def next_link(previous: bytes, position: int, event_id: bytes, digest: bytes) -> bytes:
    """The link of one more row."""
    return hashlib.sha256(previous + struct.pack(">q", position) + event_id + digest).digest()


def genesis(month: date, last_signature: bytes, installation: str | None = None) -> bytes:
    """What a month's chain starts from. `installation`: another one than this (archives)."""
    return hashlib.sha256(f"tallyroom-audit/1{installation or settings.INSTANCE_ID}{month:%Y-%m}".encode() + last_signature).digest()


def statement(*, seq: int, month: date, position: int, link: bytes, at, key_id: str, installation: str | None = None) -> bytes:
    """What a checkpoint's signature covers: sorted compact JSON."""
    facts = {
        "at": at.isoformat(),
        "installation": installation or settings.INSTANCE_ID,
        "keyId": key_id,
        "link": link.hex(),
        "month": f"{month:%Y-%m}",
        "position": position,
        "seq": seq,
    }
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def seal() -> int:
    """Seal everything that has committed; how many rows. Any number of sealers may run."""
    sealed, after = 0, _FIRST
    while True:
        ids = _seal_batch(after)
        sealed += len(ids)
        if ids:
            # Going on behind the last one spares a walk over what was just taken; the round ends with a look from the start for late commits.
            after = ids[-1]
        elif after == _FIRST:
            break
        else:
            after = _FIRST
    if sealed:
        publish_anchors()
    return sealed


def _seal_batch(after: UUID) -> list[UUID]:
    with transaction.atomic():
        # In binary, which Django's own cursors don't know: ids and digests come as they are.
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(_LOCK)
            ids = [event_id for (event_id,) in cursor.execute(_TAKE, [after, BATCH], binary=True)]
            if not ids:
                return []
            digests = dict(cursor.execute(_READ, [ids], binary=True).fetchall())
        for month, part in _by_month(ids):
            _checkpoint(month, _extend(month, part, digests))
    return ids


def _by_month(ids: list[UUID]) -> Iterator[tuple[date, list[UUID]]]:
    """Sorted ids, cut where their month changes."""
    while ids:
        month = months.month_of(months.instant_of(ids[0]))
        end = bisect_left(ids, months.lowest_id(months.next_month(month)))
        yield month, ids[:end]
        ids = ids[end:]


def _extend(month: date, ids: list[UUID], digests: dict[UUID, bytes]) -> Head:
    head = chain_head(month)
    position, link = head.position, head.link
    day, rows = (month - _EPOCH).days, bytearray(_COPY_HEAD)
    for event_id in ids:
        position, digest = position + 1, digests.get(event_id, _GONE)
        link = next_link(link, position, event_id.bytes, digest)
        rows += _CHAIN_ROW.pack(5, 4, day, 8, position, 16, event_id.bytes, 32, digest, 32, link)
    rows += _COPY_TAIL
    with connection.cursor() as cursor, cursor.copy("COPY audit_chain (month, position, event_id, digest, link) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(bytes(rows))
    return Head(position, link)


def chain_head(month: date) -> Head:
    """The end of a month's chain; of one that has not begun, its genesis at position 0."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT position, link FROM audit_chain WHERE month = %s ORDER BY position DESC LIMIT 1", [month])
        row = cursor.fetchone()
    if row:
        return Head(row[0], bytes(row[1]))
    last = AuditCheckpoint.objects.first()
    return Head(0, genesis(month, bytes(last.signature) if last else b""))


def _checkpoint(month: date, head: Head) -> None:
    key, last = keys.signing_key(), AuditCheckpoint.objects.first()
    facts = {
        "seq": last.seq + 1 if last else 1,
        "month": month,
        "position": head.position,
        "link": head.link,
        "at": clock.now(),
        "key_id": keys.key_id(key.public_key()),
    }
    signature = key.sign(statement(**facts))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_checkpoint (seq, month, position, link, at, key_id, signature) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [*facts.values(), signature],
        )


def anchor_line(checkpoint: AuditCheckpoint) -> str:
    """A checkpoint as one line of JSON, to be kept where the database's master has no access."""
    return json.dumps(
        {
            "seq": checkpoint.seq,
            "month": f"{checkpoint.month:%Y-%m}",
            "position": checkpoint.position,
            "link": bytes(checkpoint.link).hex(),
            "at": checkpoint.at.isoformat(),
            "keyId": checkpoint.key_id,
            "signature": base64.b64encode(bytes(checkpoint.signature)).decode(),
        }
    )


def publish_anchors() -> int:
    """Append the checkpoints that the anchors file lacks, and post the newest; how many. What a crash left out comes with the next call."""
    path = Path(settings.AUDIT_ANCHORS)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lines = [anchor_line(row) for row in AuditCheckpoint.objects.filter(seq__gt=_last_anchored(file)).order_by("seq")]
        file.write("".join(line + "\n" for line in lines).encode())
        file.flush()
    if lines and settings.AUDIT_ANCHOR_URL:
        _post(lines[-1])
    return len(lines)


def _last_anchored(file) -> int:
    size = file.seek(0, 2)
    file.seek(max(0, size - 4096))
    lines = file.read().splitlines()
    return json.loads(lines[-1])["seq"] if lines else 0


def _post(line: str) -> None:
    # A later anchor covers what an earlier one said, so a lost one is only late.
    try:
        httpx.post(settings.AUDIT_ANCHOR_URL, content=line, headers={"Content-Type": "application/json"}, timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        log.warning("anchor_not_sent", error=type(error).__name__)
