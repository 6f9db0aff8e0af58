"""What a session's log says as a whole: jumps, silence, and positions too good to be true. Pure."""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from sessions.field.geography import geod
from sessions.telemetry.states import Flag, Source, Verdict, moves, speed_limit_mps

BEACON_MS = 10_000
BEACONS = 10
SAME_POINTS = 60
# Of these nothing is believed, so they can neither cover a jump nor make one.
_UNHEARD = frozenset({Verdict.UNUSABLE_SOURCE, Verdict.INACCURATE})
COUNTABLE = frozenset({Verdict.IN_FENCE, Verdict.IMPLAUSIBLE})


class Logged(NamedTuple):
    """A stored sample, as far as the log is judged by it."""

    captured_ms: int
    lat: float
    lng: float
    accuracy_meters: float
    source: str
    verdict: str
    signed: bool = True
    digest: bytes = b""


def implausible(log: Iterable[Logged], kind: str) -> set[int]:
    """Capture times of samples farther from their predecessor than the device could have come, both accuracies granted."""
    believed = [row for row in sorted(log) if row.verdict not in _UNHEARD]
    limit = speed_limit_mps(kind)
    if len(believed) < 2:
        return set()
    before, after = believed[:-1], believed[1:]
    _, _, meters = geod().inv([r.lng for r in before], [r.lat for r in before], [r.lng for r in after], [r.lat for r in after])
    return {
        row.captured_ms
        for former, row, apart in zip(before, after, meters, strict=True)
        if (apart - former.accuracy_meters - row.accuracy_meters) * 1000 > limit * (row.captured_ms - former.captured_ms)
    }


def flags(log: Sequence[Logged], kind: str, started_ms: int, cutoff_ms: int, jumps: set[int]) -> list[Flag]:
    """What is odd between start and cutoff, in the order of `Flag`."""
    rows = sorted(log)
    found = {
        Flag.IMPLAUSIBLE_SPEED: bool(jumps),
        Flag.NO_SENSOR_NOISE: moves(kind) and _frozen(rows),
        Flag.SLOW_BEACON: _slow([row.captured_ms for row in rows if started_ms <= row.captured_ms < cutoff_ms], started_ms, cutoff_ms),
    }
    return [flag for flag in Flag if found[flag]]


def reached(log: Sequence[Logged], required: int, odd: Iterable[Flag], challenged: bool) -> int:
    """The tier that the log bears out: 1 signed and often enough · 2 every nonce answered · 3 admitted at the edge as well, where that was asked."""
    if Flag.SLOW_BEACON in odd or not any(row.signed and row.verdict in COUNTABLE for row in log):
        return 0
    if not challenged or any(row.verdict == Verdict.CHALLENGE_MISSING for row in log):
        return 1
    return 3 if required >= 3 else 2


def _frozen(rows: Sequence[Logged]) -> bool:
    gps = (row for row in rows if row.source == Source.GPS)
    return any(sum(1 for _ in same) >= SAME_POINTS for _, same in groupby(gps, key=lambda row: (row.lat, row.lng)))


def _slow(captured: list[int], started_ms: int, cutoff_ms: int) -> bool:
    """Fewer than ten in ten seconds, counted from any sample on, or silence as long."""
    if any(later - earlier > BEACON_MS for earlier, later in pairwise([started_ms, *captured, cutoff_ms])):
        return True
    for index, first in enumerate(captured):
        if first + BEACON_MS > cutoff_ms:
            break
        last = index + BEACONS - 1
        if last >= len(captured) or captured[last] >= first + BEACON_MS:
            return True
    return False
