"""Brakes on guessing (03 §2), asked before a password is hashed: django-axes per account and address, and windows of one minute.

A browser that signed in to this account before carries a signed device cookie and is counted by it, so that a guesser cannot lock out the
room behind one address. Attempts are counted when they begin and given back when they succeed: racing guesses are bounded too.
"""

import hashlib
from contextlib import contextmanager
from math import ceil

from axes.attempts import get_cool_off_threshold
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.core import signing

from config.kernel import broker, context
from config.kernel.errors import ApiError
from config.kernel.ids import uuid7

WINDOW_SECONDS = 60
PER_ADDRESS, PER_ACCOUNT, PER_DEVICE, PASSWORD_CHANGES = 30, 20, 20, 5
DEVICE_DAYS = 180
_SALT = "tallyroom.device"

# KEYS counters, ARGV window, then a limit for each: counts all, or none and answers the seconds to wait.
_COUNT = """
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[i + 1]) then return math.max(1, redis.call('TTL', key)) end
end
for i, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then redis.call('EXPIRE', key, ARGV[1]) end
end
return 0
"""
_ONE_MORE = "if redis.call('INCR', KEYS[1]) == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end"
_GIVE_BACK = "for _, key in ipairs(KEYS) do if redis.call('EXISTS', key) == 1 then redis.call('DECR', key) end end"


def device_cookie_name() -> str:
    """Cookies ignore ports, so the name carries the instance."""
    return f"{'__Host-' if settings.HTTPS else ''}tr_d_{settings.INSTANCE_ID}"


def _account(username: str) -> str:
    return hashlib.sha256(username.encode()).hexdigest()[:32]


def device_of(request, username: str) -> str | None:
    """The id of this browser if it signed in to this account in the last 180 days."""
    try:
        value = signing.loads(request.COOKIES.get(device_cookie_name(), ""), salt=_SALT, max_age=DEVICE_DAYS * 86400)
    except signing.BadSignature:
        return None
    return value["device"] if value.get("account") == _account(username) else None


def set_device_cookie(request, response, username: str) -> None:
    """Remember on this browser that it has signed in to this account."""
    value = signing.dumps({"account": _account(username), "device": device_of(request, username) or str(uuid7())}, salt=_SALT)
    response.set_cookie(device_cookie_name(), value, max_age=DEVICE_DAYS * 86400, httponly=True, samesite="Lax", secure=settings.HTTPS, path="/")


def _count(counters: dict[str, int]) -> None:
    """Count one attempt on each (name → limit in a minute), or raise `throttled`. Without a broker axes alone holds."""
    keys = [f"{broker.PREFIX}tries:{name}" for name in counters]
    wait = broker.attempt(lambda valkey: valkey.eval(_COUNT, len(keys), *keys, WINDOW_SECONDS, *counters.values()), 0)
    if wait:
        raise ApiError("throttled", headers={"Retry-After": str(wait)})


@contextmanager
def sign_in_attempt(request, username: str):
    """One attempt: raises `sign_in_locked` or `throttled` before the body runs; what ends without an error is not counted."""
    demand_unlocked(request, username)
    device = device_of(request, username)
    if device:
        counters = {f"device:{device}": PER_DEVICE}
    else:
        counters = {f"ip:{context.client_address(request)}": PER_ADDRESS, f"account:{_account(username)}": PER_ACCOUNT}
    _count(counters)
    yield
    keys = [f"{broker.PREFIX}tries:{name}" for name in counters]
    broker.attempt(lambda valkey: valkey.eval(_GIVE_BACK, len(keys), *keys))


@contextmanager
def guesses(request, action: str, limit: int, codes: frozenset[str]):
    """Bounds what fails with one of `codes` to `limit` a minute from one address (429 throttled); nothing else is counted."""
    key = f"{broker.PREFIX}tries:{action}:{context.client_address(request)}"
    if int(broker.attempt(lambda valkey: valkey.get(key)) or 0) >= limit:
        wait = broker.attempt(lambda valkey: valkey.ttl(key), WINDOW_SECONDS)
        raise ApiError("throttled", headers={"Retry-After": str(max(1, wait))})
    try:
        yield
    except ApiError as error:
        if error.code in codes:
            broker.attempt(lambda valkey: valkey.eval(_ONE_MORE, 1, key, WINDOW_SECONDS))
        raise


def demand_unlocked(request, username: str) -> None:
    """429 `sign_in_locked` while axes holds this account for this address; the same for accounts that don't exist."""
    credentials = {"username": username}
    if AxesProxyHandler.is_allowed(request, credentials):
        return
    address = context.client_address(request)
    last = (
        AccessAttempt.objects.filter(username=username, ip_address=address, attempt_time__gt=get_cool_off_threshold(request))
        .order_by("-attempt_time")
        .first()
    )
    until = (last.attempt_time - get_cool_off_threshold(request)).total_seconds() if last else WINDOW_SECONDS
    raise ApiError("sign_in_locked", headers={"Retry-After": str(max(1, ceil(until)))})


def count_password_change(user) -> None:
    """429 beyond five tries in a minute to change the own password."""
    _count({f"password:{user.pk}": PASSWORD_CHANGES})


def count(request, action: str, limit: int) -> None:
    """One more `action` from the client's address; ApiError throttled beyond `limit` in a minute."""
    _count({f"{action}:{context.client_address(request)}": limit})


def forget(username: str) -> int:
    """Lift axes' lock of an account everywhere; the number of attempts forgotten."""
    return AxesProxyHandler.reset_attempts(username=username)


def axes_says_nothing(request, original_response=None, credentials=None):
    """AXES_LOCKOUT_CALLABLE: the product has answered already (`sign_in_failed`, then `sign_in_locked`); axes' middleware keeps that."""
    return original_response
