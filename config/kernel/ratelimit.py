"""Token buckets in Valkey: 50 requests/s and a burst of 200 per credential, 20/s per address without one. No broker: no limit."""

from math import ceil

from django.conf import settings

from config.kernel import broker, context
from config.kernel.access import Actor, Kind
from config.kernel.errors import ApiError

# (requests per second, burst) by kind of caller; nodes replay meters and upload, so they have their own (06 §4).
_LIMITS = {Kind.NODE: (60, 600), Kind.ANONYMOUS: (20, 60)}
_DEFAULT = (50, 200)

# KEYS[1] bucket, ARGV rate, burst, cost → {allowed, tokens left × 1000, wait in ms}; the server's clock, so that processes agree.
_BUCKET = """
local now = redis.call('TIME')
local at = now[1] + now[2] / 1000000
local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 't', 'a')
local tokens = tonumber(held[1]) or burst
tokens = math.min(burst, tokens + (at - (tonumber(held[2]) or at)) * rate)
local allowed = tokens >= cost and 1 or 0
if allowed == 1 then tokens = tokens - cost end
redis.call('HSET', KEYS[1], 't', tostring(tokens), 'a', string.format('%.6f', at))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return {allowed, math.floor(tokens * 1000), allowed == 1 and 0 or math.ceil((cost - tokens) / rate * 1000)}
"""


def take(bucket: str, rate: float, burst: int, cost: int = 1) -> tuple[bool, int, float]:
    """(allowed, whole tokens left, seconds to wait) for the named bucket."""
    answer = broker.attempt(lambda valkey: valkey.eval(_BUCKET, 1, f"{broker.PREFIX}rate:{bucket}", rate, burst, cost))
    if answer is None:
        return True, burst, 0.0
    return bool(answer[0]), answer[1] // 1000, answer[2] / 1000


def demand(bucket: str, rate: float, burst: int) -> None:
    """Raise 429 `throttled` with `Retry-After` when the bucket is empty (for limits of single routes)."""
    allowed, _, wait = take(bucket, rate, burst)
    if not allowed:
        raise ApiError("throttled", headers={"Retry-After": str(max(1, ceil(wait)))})


def check(request, actor: Actor) -> None:
    """The default limit of every API request of this actor; the `RateLimit` fields go on the response."""
    if not settings.RATE_LIMIT_ENABLED:
        return
    rate, burst = _LIMITS.get(actor.kind, _DEFAULT)
    bucket = f"a:{context.current().ip}" if actor.is_anonymous else f"{actor.kind}:{actor.credential_id or actor.sign_in_id or actor.id}"
    allowed, left, wait = take(bucket, rate, burst)
    fields = {"RateLimit-Policy": f'"default";q={burst};w={ceil(burst / rate)}', "RateLimit": f'"default";r={left};t={max(1, ceil(wait))}'}
    request._request.tally_headers = fields
    if not allowed:
        raise ApiError("throttled", headers={"Retry-After": str(max(1, ceil(wait))), **fields})
