"""How many watch by the program link, over all processes: each says every ten seconds that it is still there."""

import time

from config.kernel import broker

LIMIT = 100
STAY_SECONDS, SAY_EVERY_SECONDS = 30, 10
_KEY = broker.PREFIX + "program:viewers"
_ENTER = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZSCORE', KEYS[1], ARGV[3]) or redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[4]) then
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
  redis.call('EXPIRE', KEYS[1], 120)
  return 1
end
return 0
"""
_here: set[str] = set()


def enter(viewer: str) -> bool:
    """Whether there is room for this viewer, who stays for thirty seconds and says so again. Without a broker each process counts its own."""
    now = time.time()
    let_in = broker.attempt(lambda valkey: valkey.eval(_ENTER, 1, _KEY, now, now + STAY_SECONDS, viewer, LIMIT))
    if let_in is None:
        let_in = viewer in _here or len(_here) < LIMIT
    if let_in:
        _here.add(viewer)
    return bool(let_in)


def leave(viewer: str) -> None:
    _here.discard(viewer)
    broker.attempt(lambda valkey: valkey.zrem(_KEY, viewer))
