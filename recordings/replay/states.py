"""Marks and clips of a session's recording. Pure.

pending ─cluster with `out` flushed▶ cutting ▶ ready | failed
"""

from datetime import datetime, timedelta
from enum import StrEnum

SHORTEST_MS, LONGEST_MS = 500, 300_000
CLIPS_PER_SESSION = 200
# How far back a mark may lie, and how much of the future is taken for a clock that goes wrong.
FURTHEST_BACK = timedelta(seconds=600)
AHEAD = timedelta(seconds=2)
# The recorder has a cluster on disk every two seconds, so the first look for `out` comes after that.
FIRST_LOOK = timedelta(seconds=2)
# After this whatever is there is cut: the publisher is away, or nothing more comes.
LAST_LOOK = timedelta(seconds=10)
UNPINNED_LIFE = timedelta(days=7)


class ClipStatus(StrEnum):
    PENDING = "pending"
    CUTTING = "cutting"
    READY = "ready"
    FAILED = "failed"


class Failure(StrEnum):
    """Why there is no file: no picture in that time; the recording's bytes are gone; they could not be read."""

    NO_PICTURE = "no_picture"
    SOURCE_GONE = "source_gone"
    SOURCE_UNREADABLE = "source_unreadable"


OPEN = frozenset({ClipStatus.PENDING, ClipStatus.CUTTING})


def fits(in_at: datetime, out_at: datetime) -> bool:
    """Whether a clip may be as long as this."""
    return SHORTEST_MS <= milliseconds(out_at - in_at) <= LONGEST_MS


def milliseconds(span: timedelta) -> int:
    return round(span / timedelta(milliseconds=1))


def unix_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
