"""What the meter must hear, told to the control plane in order: signed, repeated until it is taken, and remembered over a crash.

While media flows, the time of the last packet is kept in Valkey twice a second; a process that was killed finds it at its next start
and tells when the media was lost. What cannot be told at all is found by the poll (`media.reconcile`).
"""

import asyncio
import json
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime

import aiohttp
import structlog
from django.conf import settings
from redis.exceptions import RedisError

from config.kernel import broker, clock
from config.kernel.ids import uuid7
from sessions.media import stats, tokens

log = structlog.get_logger("media.facts")
_KEPT = 5000
_ALIVE = broker.PREFIX + "media:alive:"
_RETRY_SECONDS = (0.1, 0.3, 1, 2, 5)


class Facts:
    """`tell` queues a fact; `run` delivers; `remember` and `recall` are the memory over a crash. `server` names this process."""

    def __init__(self, server: str):
        self._waiting: deque[bytes] = deque(maxlen=_KEPT)
        self._news = asyncio.Event()
        self._valkey = broker.async_client()
        self._key, self._name = _ALIVE + server, server
        self._url = f"{settings.MEDIA_EVENTS_URL}/api/v1/video/events/{tokens.events_path()}"

    def tell(self, ref: str, kind: str, at: float, event_id: str | None = None) -> None:
        """`at` is Unix seconds."""
        moment = clock.wire(datetime.fromtimestamp(at, UTC))
        self._waiting.append(json.dumps({"id": event_id or str(uuid7()), "ref": ref, "kind": kind, "at": moment}).encode())
        self._news.set()

    async def run(self) -> None:
        """For ever; cancelled at the end."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            while True:
                await self._news.wait()
                self._news.clear()
                await self._deliver(http)

    async def _deliver(self, http: aiohttp.ClientSession) -> None:
        attempt = 0
        while self._waiting:
            if await self._post(http, self._waiting[0]):
                self._waiting.popleft()
                attempt = 0
                continue
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1

    async def _post(self, http: aiohttp.ClientSession, body: bytes) -> bool:
        headers = {"Content-Type": "application/json", "Tallyroom-Media-Signature": tokens.events_signature(body)}
        try:
            async with http.post(self._url, data=body, headers=headers) as reply:
                if reply.status == 204:
                    return True
                # A refusal will not change; an error may.
                log.warning("media_event_refused", status=reply.status)
                return 400 <= reply.status < 500 and reply.status != 429
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def drain(self, seconds: float) -> None:
        """Wait until everything is told, at most `seconds`."""
        until = time.monotonic() + seconds
        while self._waiting and time.monotonic() < until:
            await asyncio.sleep(0.02)

    async def remember(self, alive: dict[str, float]) -> None:
        """Keep {ref: Unix seconds of the last packet} of what flows now."""
        with suppress(RedisError, OSError):
            if alive:
                await self._valkey.set(self._key, json.dumps(alive), ex=7 * 24 * 3600)
            else:
                await self._valkey.delete(self._key)

    async def publish_stats(self, rows: list[dict]) -> None:
        """Leave what is measured where the console and `/metrics` find it."""
        with suppress(RedisError, OSError):
            await self._valkey.hset(stats.KEY, self._name, json.dumps({"at": time.time(), "rows": rows}))

    async def recall(self) -> None:
        """Tell what was lost when this process was last killed."""
        with suppress(RedisError, OSError, ValueError):
            for ref, at in json.loads(await self._valkey.get(self._key) or b"{}").items():
                self.tell(ref, "lost", at, event_id=f"crash:{ref}:{round(at * 1000)}")
            await self._valkey.delete(self._key)

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self._valkey.aclose()
