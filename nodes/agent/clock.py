"""Two clocks: durations are monotonic, moments are UTC corrected by the controller's time.

offset = serverTime − midpoint(sent, received), that of the lowest round trip among the last eight.
The agent never sets the system clock; it adds the offset to what it says and to when it starts.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from nodes.agent import durable

SKEW_RAISED_SECONDS = 5.0
SKEW_CLEARED_SECONDS = 2.0
CORRECTED_SECONDS = 30.0
KEPT_SAMPLES = 8
SAVED_CHANGE_SECONDS = 0.05


def parse_time(value: str) -> float:
    """RFC 3339 → seconds since 1970."""
    return datetime.fromisoformat(value).timestamp()


def format_time(seconds: float) -> str:
    """Seconds since 1970 → RFC 3339 UTC with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Clock:
    """Thread-safe; `wall` and `mono` are injectable."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        wall: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
    ):
        self._path = path
        self._wall = wall
        self.mono = mono
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, float]] = deque(maxlen=KEPT_SAMPLES)
        self.offset_seconds = 0.0
        self.rtt_seconds: float | None = None
        self._saved_offset = 0.0
        self.skewed = False
        if path is not None:
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            stored = durable.read_json(path) or {}
            self.offset_seconds = float(stored.get("offsetMs", 0.0)) / 1000
        except (ValueError, TypeError, OSError):
            return
        self._saved_offset = self.offset_seconds

    def utc(self) -> float:
        """Now, in seconds since 1970, corrected."""
        return self._wall() + self.offset_seconds

    def utc_at(self, mono: float) -> float:
        """The corrected UTC of a monotonic moment."""
        return self.utc() - (self.mono() - mono)

    def mono_at(self, utc: float) -> float:
        """The monotonic moment of a corrected UTC."""
        return self.mono() + (utc - self.utc())

    def now_text(self) -> str:
        return format_time(self.utc())

    def observe(self, *, sent_wall: float, rtt_seconds: float, server_time: float) -> None:
        """Take one answered request into account: `sent_wall` is this machine's uncorrected time."""
        offset = server_time - (sent_wall + rtt_seconds / 2)
        with self._lock:
            self._samples.append((rtt_seconds, offset))
            self.rtt_seconds, self.offset_seconds = min(self._samples)
            save = abs(self.offset_seconds - self._saved_offset) > SAVED_CHANGE_SECONDS
        if save and self._path is not None:
            self._saved_offset = self.offset_seconds
            durable.write_json(self._path, {"offsetMs": round(self.offset_seconds * 1000, 3)})

    def wall(self) -> float:
        """This machine's own, uncorrected time."""
        return self._wall()

    def skew_change(self) -> bool | None:
        """True when the skew alarm starts, False when it ends, None when nothing changed."""
        size = abs(self.offset_seconds)
        if not self.skewed and size > SKEW_RAISED_SECONDS:
            self.skewed = True
            return True
        if self.skewed and size <= SKEW_CLEARED_SECONDS:
            self.skewed = False
            return False
        return None

    @property
    def corrected(self) -> bool:
        return abs(self.offset_seconds) > CORRECTED_SECONDS

    def report(self) -> dict:
        """The heartbeat's `clock`."""
        return {
            "offsetMs": round(self.offset_seconds * 1000, 1),
            "rttMs": None if self.rtt_seconds is None else round(self.rtt_seconds * 1000, 1),
            "synchronized": bool(self._samples) and not self.skewed,
        }
