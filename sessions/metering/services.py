"""Metering a session: at its end for good, before that as it stands."""

import hashlib
from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction

from sessions.field.models import FieldSession
from sessions.field.states import Mode
from sessions.metering import core, running
from sessions.metering.models import MeterRecord
from sessions.metering.moments import at_ms, ms_of
from sessions.metering.split import split
from sessions.telemetry import services as telemetry
from sessions.telemetry import store
from sessions.telemetry.trust import COUNTABLE, Logged, implausible

_SHOWN = ("version", "mode", "started_at", "cutoff_at", "metered_seconds", "clean_seconds", "failed_seconds", "samples")


@transaction.atomic
def close(session: FieldSession, ended_at: datetime) -> MeterRecord:
    """Meter a LIVE session for good. In the transaction that ends it, its row held FOR UPDATE: what is not in the log by then is not in the bill.

    Writes the record, the verdict `implausible`, and `trust_reached` and `trust_flags` of the session's row (on the instance as well).
    """
    record, log, jumps = _measure(session, ended_at)
    if jumps:
        store.mark_implausible(session.pk, [at_ms(ms) for ms in jumps])
    telemetry.conclude(session, log, jumps, record.cutoff_at)
    record.save(force_insert=True)
    return record


def provisional(session: FieldSession, now: datetime) -> MeterRecord:
    """The seconds that `close` would find now, unsaved, without log and hash; all zero before the session is LIVE.

    Asked each second of a LIVE session, so it reads no more than it must.
    """
    record = MeterRecord(session=session, version=core.VERSION, mode=session.mode, metered_seconds=0, clean_seconds=0, failed_seconds=0)
    if session.started_at is None:
        return record
    started_ms = ms_of(session.started_at)
    cutoff_ms = core.cutoff_of(started_ms, ms_of(now), session.max_duration_seconds)
    failed = running.unproven(session, started_ms, cutoff_ms) if session.mode == Mode.TELEMETRY else []
    found = core.total(started_ms, cutoff_ms, _windows(session), failed)
    record.started_at, record.cutoff_at = session.started_at, at_ms(cutoff_ms)
    record.metered_seconds, record.clean_seconds, record.failed_seconds = found.metered, found.clean, found.failed
    return record


def reading(session: FieldSession, now: datetime) -> dict:
    """What the meter says now, as `MeterShape` shows it: the record of a session that is over, else provisional."""
    stored = MeterRecord.objects.filter(session_id=session.pk).first()
    tier, flags = session.trust_reached, session.trust_flags
    record = stored
    if stored is None and session.started_at is not None:
        record, log, jumps = _measure(session, now)
        tier, found = telemetry.judged(session, log, jumps, record.cutoff_at)
        flags = sorted({*flags, *found})
    record = record or provisional(session, now)
    due = split(record.clean_seconds, session.rate_micro, session.fee_bps)
    return {
        "session_id": session.pk,
        "final": session.meter_final,
        **{name: getattr(record, name) for name in _SHOWN},
        "input_hash": record.input_hash or None,
        "failed_intervals": [{"from_": at_ms(row["from"]), "to": at_ms(row["to"]), "reason": row["reason"]} for row in record.intervals],
        "rate_per_second_micro_usdc": session.rate_micro,
        "charged_micro_usdc": due.gross,
        "operator_earned_micro_usdc": due.operator,
        "fee_micro_usdc": due.fee,
        "trust": {"required": session.required_trust_tier, "reached": tier, "flags": flags},
    }


def measured(session: FieldSession, ended_at: datetime) -> MeterRecord:
    """The record that `close` would write, unsaved: to compare, and to look at while LIVE."""
    return _measure(session, ended_at)[0]


def _measure(session: FieldSession, ended_at: datetime) -> tuple[MeterRecord, list[Logged], set[int]]:
    """(unsaved record, log, capture times of jumps)."""
    started_ms, ended_ms = ms_of(session.started_at), ms_of(ended_at)
    cutoff_ms = core.cutoff_of(started_ms, ended_ms, session.max_duration_seconds)
    windows = _windows(session)
    log = _log(session, cutoff_ms)
    jumps = implausible(log, session.operator.kind) if log else set()
    samples = None
    if session.mode == Mode.TELEMETRY:
        samples = [row.captured_ms for row in log if row.verdict in COUNTABLE and row.captured_ms not in jumps]
    result = core.meter(started_ms, ended_ms, session.max_duration_seconds, windows, samples)
    verdicts = Counter("implausible" if row.captured_ms in jumps and row.verdict in COUNTABLE else row.verdict for row in log)
    record = MeterRecord(
        session=session,
        version=core.VERSION,
        input_hash=_hash(session, started_ms, ended_ms, windows, log),
        mode=session.mode,
        started_at=session.started_at,
        cutoff_at=at_ms(cutoff_ms),
        metered_seconds=result.metered,
        clean_seconds=result.clean,
        failed_seconds=result.failed,
        windows=[list(window) for window in windows],
        intervals=[{"from": start, "to": end, "reason": reason} for start, end, reason in result.intervals],
        samples=dict(sorted(verdicts.items())),
    )
    return record, log, jumps


def _windows(session: FieldSession) -> list[core.Window]:
    from sessions.media import windows

    return [(ms_of(lost), None if flowing is None else ms_of(flowing)) for lost, flowing in windows.of(session)]


def _log(session: FieldSession, cutoff_ms: int) -> list[Logged]:
    """From the assignment on: the last sample before the start may vouch for the first seconds. Later than the cutoff nothing counts."""
    first = session.assigned_at - timedelta(milliseconds=1)
    return store.log_of(session.pk, first, at_ms(cutoff_ms))


def _hash(session: FieldSession, started_ms: int, ended_ms: int, windows: list[core.Window], log: list[Logged]) -> str:
    """SHA-256 over the meter's input. `implausible` is a result, so a sample goes in as it was stored first."""
    digest = hashlib.sha256()
    head = (core.VERSION, session.mode, started_ms, ended_ms, session.max_duration_seconds, session.operator.kind, sorted(map(str, windows)))
    digest.update(repr(head).encode())
    for row in log:
        verdict = "in_fence" if row.verdict in COUNTABLE else row.verdict
        digest.update(f"{row.captured_ms} {verdict} ".encode() + row.digest)
    return digest.hexdigest()
