"""Connections to Valkey. A missing broker degrades (limits, live hints); it never fails a request by itself."""

import time
from functools import lru_cache

import redis
import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

PREFIX = "tr:"
_down_until = 0.0


@lru_cache(1)
def client() -> redis.Redis:
    """The process's synchronous client (bytes in, bytes out), with short timeouts."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2, health_check_interval=30)


def async_client() -> redis.asyncio.Redis:
    """A client for one event loop; idle subscriptions live for ever (no socket timeout)."""
    return redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=None, health_check_interval=30)


def attempt(call, default=None):
    """`call(client())`, or `default` when the broker is away; after a failure it is left alone for a second."""
    global _down_until
    if time.monotonic() < _down_until:
        return default
    try:
        return call(client())
    except (RedisError, OSError):
        _down_until = time.monotonic() + 1
        return default
