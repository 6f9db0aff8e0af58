"""The failed seconds of a session that runs, a few rows at a time.

A sample counts only if it comes within 30 s, so what lies further back is settled: it is kept by the process, and each question reads the last
minute of the log. What the bill says is `services.close`, which reads all of it.
"""

import threading
from typing import NamedTuple
from uuid import UUID

from sessions.field.models import FieldSession
from sessions.metering import core
from sessions.metering.moments import at_ms
from sessions.telemetry import store
from sessions.telemetry.states import LATE_MS
from sessions.telemetry.trust import COUNTABLE, implausible

# A sample may still be on its way into the database a little longer than it may count.
_SETTLED_MS = LATE_MS + 5_000
# Read again behind the settled part: who vouches for the next second, and the predecessors of the first samples.
_BEHIND_MS = 30_000
_KEPT = 1000


class _Settled(NamedTuple):
    """Nothing before `until` changes any more; `failed` are its failed seconds."""

    started: int
    until: int
    failed: list[core.Span]


_known: dict[UUID, _Settled] = {}
_lock = threading.Lock()


def unproven(session: FieldSession, started: int, cutoff: int) -> list[core.Span]:
    """Seconds of a telemetry session up to `cutoff` (ms) that no sample vouches for."""
    with _lock:
        known = _known.get(session.pk)
    if known is None or known.started != started or known.until > cutoff:
        known = _Settled(started, started, [])
    log = store.log_of(session.pk, at_ms(known.until - _BEHIND_MS), at_ms(cutoff))
    jumps = implausible(log, session.operator.kind)
    samples = [row.captured_ms for row in log if row.verdict in COUNTABLE and row.captured_ms not in jumps]
    whole = max(0, cutoff - _SETTLED_MS - started) // core.SECOND_MS
    until = max(known.until, started + whole * core.SECOND_MS)
    settled = core.union([*known.failed, *core.unproven(started, known.until, until, samples)])
    with _lock:
        _known.pop(session.pk, None)
        _known[session.pk] = _Settled(started, until, settled)
        while len(_known) > _KEPT:
            del _known[next(iter(_known))]
    return settled + core.unproven(started, until, cutoff, samples)
