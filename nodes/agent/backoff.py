"""Waiting longer each time, with full jitter, for ever; a server's Retry-After is obeyed."""

import random


class Backoff:
    """`next()` is the seconds to wait after another failure; `reset()` after a success."""

    def __init__(self, first_seconds: float, last_seconds: float):
        self._first, self._last = first_seconds, last_seconds
        self._ceiling = first_seconds

    def next(self, retry_after_seconds: float | None = None) -> float:
        # Full jitter spreads a fleet that lost its controller at one moment; the floor keeps one
        # unlucky node from hammering.
        wait = random.uniform(self._first / 4, self._ceiling)
        self._ceiling = min(self._ceiling * 2, self._last)
        return max(wait, min(retry_after_seconds or 0.0, self._last))

    def reset(self) -> None:
        self._ceiling = self._first
