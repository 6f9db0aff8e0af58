"""The meter: which seconds of a session count. Pure; every instant is an integer number of milliseconds since the epoch.

A second that the viewer did not get, or that the operator cannot prove to have spent inside the fence, is failed: no charge, no earning, no fee.
The only rounding is one floor of the clean time to whole seconds.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

VERSION = 1
SECOND_MS = 1000
# A second needs a counted sample at most this much older than its end.
FRESH_MS = 3000

MEDIA_LOST = "media_lost"
NO_FRESH_SAMPLE = "no_fresh_sample"

Window = tuple[int, int | None]
Span = tuple[int, int]


class Interval(NamedTuple):
    """A stretch that is not billed: [start_ms, end_ms)."""

    start_ms: int
    end_ms: int
    reason: str


class Meter(NamedTuple):
    """`metered = clean + failed`, in seconds; `intervals` are disjoint and ascending."""

    metered: int
    clean: int
    failed: int
    intervals: tuple[Interval, ...]


def meter(started: int, ended: int, max_seconds: int, windows: Iterable[Window], samples: Iterable[int] | None = None) -> Meter:
    """Meter a session.

    `windows` are the times without media, `(lost_at, flowing_at or None)`, in any order, overlapping or repeated. `samples` are the capture
    times of the samples that count; None means the wall-clock mode, an empty iterable means that nothing was proven.
    """
    cutoff = cutoff_of(started, ended, max_seconds)
    return total(started, cutoff, windows, [] if samples is None else unproven(started, started, cutoff, sorted(samples)))


def cutoff_of(started: int, ended: int, max_seconds: int) -> int:
    """Where metering stops: the end, or the longest duration."""
    return max(started, min(ended, started + max_seconds * SECOND_MS))


def total(started: int, cutoff: int, windows: Iterable[Window], failed_seconds: Iterable[Span]) -> Meter:
    """The meter over what is known to be lost: windows without media, and seconds that nothing vouches for."""
    lost_media, failed_seconds = union(_clipped(windows, started, cutoff)), union(failed_seconds)
    lost_ms = sum(end - start for start, end in union([*lost_media, *failed_seconds]))
    span = cutoff - started
    metered = span // SECOND_MS
    clean = (span - lost_ms) // SECOND_MS
    return Meter(metered, clean, metered - clean, _intervals(lost_media, failed_seconds))


def union(spans: Iterable[Span]) -> list[Span]:
    """The same milliseconds as disjoint, ascending, non-touching spans."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """What of `spans` lies in none of the `holes`; one pass over both."""
    holes = union(hole for hole in holes if hole[0] < hole[1])
    left: list[Span] = []
    first = 0
    for start, end in union(spans):
        while first < len(holes) and holes[first][1] <= start:
            first += 1
        here = first
        while here < len(holes) and holes[here][0] < end:
            if start < holes[here][0]:
                left.append((start, holes[here][0]))
            start = holes[here][1]
            here += 1
        if start < end:
            left.append((start, end))
    return left


def _clipped(windows: Iterable[Window], started: int, cutoff: int) -> list[Span]:
    spans = (
        (max(lost, started), cutoff if flowing is None else min(flowing, cutoff)) for lost, flowing in windows if flowing is None or flowing > lost
    )
    return [span for span in spans if span[0] < span[1]]


def unproven(started: int, since: int, cutoff: int, samples: list[int]) -> list[Span]:
    """The seconds from `since` on, a whole number of them behind `started`, that no sample vouches for. `samples` ascend; the last second may be partial."""
    failed = []
    for start in range(since, cutoff, SECOND_MS):
        end = min(start + SECOND_MS, cutoff)
        newest = bisect_right(samples, end) - 1
        if newest < 0 or samples[newest] < end - FRESH_MS:
            failed.append((start, end))
    return union(failed)


def _intervals(lost_media: list[Span], failed_seconds: list[Span]) -> tuple[Interval, ...]:
    """One reason per millisecond: without media, nobody asks where the camera stood."""
    named = [Interval(*span, MEDIA_LOST) for span in lost_media] + [Interval(*span, NO_FRESH_SAMPLE) for span in subtract(failed_seconds, lost_media)]
    return tuple(sorted(named))
