"""Running SHA-256 of files on their way in, kept by this process only: another process reads the bytes back."""

import hashlib
import threading
from collections import OrderedDict

LIMIT = 256


class RunningHashes:
    """id of an incoming file → (offset, hash of the bytes before it). Bounded; safe for threads."""

    def __init__(self, limit: int = LIMIT):
        self._known: OrderedDict = OrderedDict()
        self._lock = threading.Lock()
        self._limit = limit

    def at(self, key, offset: int):
        """A copy of the hash over exactly `offset` bytes, or None. Before the first byte that is the empty hash."""
        if offset == 0:
            return hashlib.sha256()
        with self._lock:
            known = self._known.get(key)
            return known[1].copy() if known and known[0] == offset else None

    def keep(self, key, offset: int, running) -> None:
        """Remember `running` (None forgets)."""
        with self._lock:
            self._known.pop(key, None)
            if running is not None:
                self._known[key] = (offset, running)
                while len(self._known) > self._limit:
                    self._known.popitem(last=False)


running_hashes = RunningHashes()
