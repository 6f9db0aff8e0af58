"""A month of the trail as a file that proves itself without a database: gzip of one JSON object a line.

    {"format": "tallyroom-audit-archive/1", "installation", "month", "fields": [names], "previousSignature": base64, "publicKeys": {keyId: base64}}
    {"position", "eventId", "digest": hex, "link": hex, "row": text}      text: the canonical row, as it was hashed; its array follows `fields`
    {"checkpoint": {"seq", "month", "position", "link", "at", "keyId", "signature"}}      stands behind the row that it ends with
    {"end": {"rows", "checkpoints"}}

Written twice it is the same file, byte for byte.
"""

import base64
import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import transaction

from audit import keys, months, sealing, verification
from audit.models import AuditCheckpoint

FORMAT = "tallyroom-audit-archive/1"
_LEVEL = 6


def file_name(month: date) -> str:
    return f"audit-{settings.INSTANCE_ID}-{month:%Y-%m}.jsonl.gz"


def sha256_of(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write(month: date, path: Path) -> int:
    """Write the month's chain, rows and checkpoints, whole or not at all; how many rows."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.tmp")
    with partial.open("wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=_LEVEL, mtime=0) as packed:
            rows = _write(month, packed)
        raw.flush()
        os.fsync(raw.fileno())
    partial.replace(path)
    return rows


def _write(month: date, packed) -> int:
    def line(facts: dict) -> None:
        packed.write(json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    with transaction.atomic():
        line(_head(month))
        checkpoints = AuditCheckpoint.objects.filter(month=month).order_by("position", "seq").iterator(chunk_size=1000)
        following, rows, signed = next(checkpoints, None), 0, 0
        for position, event_id, digest, link, canonical in verification.chained_rows(month):
            event = str(UUID(bytes=bytes(event_id)))
            row = {"position": position, "eventId": event, "digest": bytes(digest).hex(), "link": bytes(link).hex()}
            line({**row, "row": bytes(canonical).decode() if canonical is not None else None})
            rows += 1
            while following is not None and following.position <= position:
                line({"checkpoint": json.loads(sealing.anchor_line(following))})
                following, signed = next(checkpoints, None), signed + 1
        line({"end": {"rows": rows, "checkpoints": signed}})
    return rows


def _head(month: date) -> dict:
    before = verification.checkpoint_before(month)
    return {
        "format": FORMAT,
        "installation": settings.INSTANCE_ID,
        "month": f"{month:%Y-%m}",
        "fields": [name if "(" not in name else "occurred_at" for name in sealing.FIELDS],
        "previousSignature": base64.b64encode(bytes(before.signature) if before else b"").decode(),
        "publicKeys": {key_id: base64.b64encode(key.public_bytes_raw()).decode() for key_id, key in keys.public_keys().items()},
    }


def verify(path: Path, anchors: Path | None = None) -> tuple[verification.Report, list[str]]:
    """(report, ids of keys that only the file itself vouches for). Needs no database and constant memory. CannotCheck for what is no archive."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return _Check(lines, anchors).run()
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise verification.CannotCheck(f"{path.name} can't be read as an archive of the audit: {error}") from error


class _Check:
    """One pass over an archive, link by link."""

    def __init__(self, lines: Iterator[str], anchors: Path | None):
        head = json.loads(next(lines, "{}"))
        if head.get("format") != FORMAT:
            raise verification.CannotCheck(f"The file is no {FORMAT}.")
        self.lines, self.anchors = lines, anchors
        self.month, self.installation = months.parse_month(head["month"]), head["installation"]
        self.report = verification.Report(self.month)
        self.known = keys.kept_keys()
        self.enclosed = {key_id: Ed25519PublicKey.from_public_bytes(base64.b64decode(raw)) for key_id, raw in head["publicKeys"].items()}
        self.only_enclosed: set[str] = set()
        self.link = sealing.genesis(self.month, base64.b64decode(head["previousSignature"]), self.installation)
        self.position = self.signed = 0
        self.end: dict | None = None

    def run(self) -> tuple[verification.Report, list[str]]:
        marks = verification.Marks(self.report, verification.anchors_of(self.month, self.anchors))
        for text in self.lines:
            facts = json.loads(text)
            if "checkpoint" in facts:
                self._checkpoint(facts["checkpoint"])
            elif "end" in facts:
                self.end = facts["end"]
            else:
                self._row(facts)
                marks.pass_by(self.position, self.link)
        self.report.rows = self.position
        marks.end_of_anchors(self.position)
        self._closing()
        return self.report, sorted(self.only_enclosed)

    def _row(self, facts: dict) -> None:
        position, event = facts["position"], facts["eventId"]
        digest, link = bytes.fromhex(facts["digest"]), bytes.fromhex(facts["link"])
        if facts["row"] is None:
            self.report.add("row_missing", position=position, eventId=event)
        elif hashlib.sha256(facts["row"].encode()).digest() != digest or json.loads(facts["row"])[0] != event:
            self.report.add("row_changed", position=position, eventId=event)
        if position != self.position + 1:
            self.report.add("chain_broken", position=self.position + 1, reason=f"positions {self.position + 1} to {position - 1} are gone")
        elif sealing.next_link(self.link, position, UUID(event).bytes, digest) != link:
            self.report.add("chain_broken", position=position, eventId=event, reason="the link does not follow from the one before")
        self.position, self.link = position, link

    def _checkpoint(self, facts: dict) -> None:
        self.report.checkpoints += 1
        key_id, link = facts["keyId"], bytes.fromhex(facts["link"])
        key = self.known.get(key_id) or self.enclosed.get(key_id)
        if key_id not in self.known:
            self.only_enclosed.add(key_id)
        said = sealing.statement(
            seq=facts["seq"], month=self.month, position=facts["position"], link=link, at=datetime.fromisoformat(facts["at"]), key_id=key_id,
            installation=self.installation,
        )  # fmt: skip
        if not keys.verifies(key, base64.b64decode(facts["signature"]), said):
            self.report.add(
                "checkpoint_invalid", position=facts["position"], seq=facts["seq"], reason="the signature is not by a known key over these facts"
            )
        elif facts["position"] != self.position or link != self.link:
            self.report.add("checkpoint_invalid", position=facts["position"], seq=facts["seq"], reason="the chain has another link there")
        else:
            self.signed = self.position

    def _closing(self) -> None:
        """The last row is signed for, and nothing was cut off."""
        if self.signed < self.position:
            self.report.add(
                "checkpoint_invalid",
                position=self.position,
                reason=f"the chain goes on to {self.position}, the last checkpoint ends at {self.signed}",
            )
        counted = {"rows": self.report.rows, "checkpoints": self.report.checkpoints}
        if self.end != counted:
            self.report.add("chain_broken", position=self.position, reason=f"the file says {self.end}, it holds {counted}")
