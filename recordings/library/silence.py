"""Where all channels are quiet: below −60 dBFS for two seconds or more. Pure, streaming."""

import numpy as np

THRESHOLD = 10 ** (-60 / 20)
LEAST_SECONDS = 2.0
LIMIT = 500


class SilentSpans:
    """Feed blocks, then ask `result()`; judged in steps of 50 ms by their loudest sample."""

    def __init__(self, rate: int):
        self._rate, self._step = rate, max(1, rate // 20)
        self._position = 0
        self._since: int | None = None
        self._spans: list[dict] = []

    def add(self, block: np.ndarray) -> None:
        """`block`: float32 (frames, channels)."""
        if not len(block):
            return
        edges = np.arange(0, len(block), self._step)
        loudest = np.maximum.reduceat(np.abs(np.asfortranarray(block)).max(axis=1), edges)
        for edge, value in zip(edges, loudest, strict=True):
            at = self._position + int(edge)
            if value < THRESHOLD:
                self._since = at if self._since is None else self._since
            else:
                self._end(at)
        self._position += len(block)

    def _end(self, at: int) -> None:
        if self._since is not None and at - self._since >= LEAST_SECONDS * self._rate and len(self._spans) < LIMIT:
            self._spans.append({"fromSeconds": round(self._since / self._rate, 2), "toSeconds": round(at / self._rate, 2)})
        self._since = None

    def result(self) -> list[dict]:
        """[{fromSeconds, toSeconds}], ≤ 500."""
        self._end(self._position)
        return self._spans
