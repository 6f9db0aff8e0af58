"""Floods: refusals that are equal within 60 s are one row at once and one at the end that says how many more there were.

Counted in Valkey, so over all processes; without it each process counts for itself.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from config.kernel import broker

WINDOW_SECONDS = 60
_KEEP_SECONDS = 3600
_DUE = broker.PREFIX + "audit:folds"
_ADMIT = """
local window = redis.call('GET', KEYS[1])
if window then redis.call('HINCRBY', window, 'n', 1) return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('HSET', ARGV[1], 'row', ARGV[3], 'n', 0)
redis.call('EXPIRE', ARGV[1], ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
return 1
"""


@dataclass
class _Fold:
    ends: float
    row: str
    count: int = 0


_local: dict[str, _Fold] = {}
_lock = threading.Lock()


def admit(key: tuple, row: str) -> bool:
    """Whether the first of its kind within the window, to be written now. `row` (JSON) is kept for the closing row of the others."""
    digest = hashlib.sha256(json.dumps(key, default=str).encode()).hexdigest()[:32]
    marker, ends = f"{broker.PREFIX}audit:fold:{digest}", time.time() + WINDOW_SECONDS
    keys_and_values = (marker, _DUE, f"{marker}:{ends}", WINDOW_SECONDS, row, ends, _KEEP_SECONDS)
    answer = broker.attempt(lambda valkey: valkey.eval(_ADMIT, 2, *keys_and_values))
    if answer is not None:
        return bool(answer)
    with _lock:
        fold = _local.get(digest)
        if fold is not None and fold.ends > time.time():
            fold.count += 1
            return False
        # One that ended with something counted still waits for `due`.
        if fold is not None and fold.count:
            _local[f"{digest}:{fold.ends}"] = fold
        _local[digest] = _Fold(ends, row)
        return True


def due(now: float | None = None) -> Iterator[tuple[str, int]]:
    """(row, how many were folded) of the windows that are over, each given to one caller."""
    # Two seconds later than the marker expires, so that nobody counts into a window that was taken.
    before = (time.time() if now is None else now) - 2
    for window in broker.attempt(lambda valkey: valkey.zrangebyscore(_DUE, 0, before), []):
        if broker.attempt(lambda valkey, window=window: valkey.zrem(_DUE, window), 0):
            row, count = broker.attempt(lambda valkey, window=window: valkey.hmget(window, "row", "n"), (None, None))
            broker.attempt(lambda valkey, window=window: valkey.delete(window))
            if row and int(count or 0):
                yield row.decode(), int(count)
    with _lock:
        over = [_local.pop(key) for key in [key for key, fold in _local.items() if fold.ends <= before]]
    yield from ((fold.row, fold.count) for fold in over if fold.count)
