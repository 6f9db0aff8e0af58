"""One subscription per live process: hears of new topic events and of access changes, and wakes the sockets that care."""

import asyncio
from contextlib import suppress

import structlog
from channels.db import database_sync_to_async
from redis.exceptions import RedisError

from config.kernel import broker, realtime
from config.kernel.access import ports
from config.kernel.live.per_loop import per_loop

log = structlog.get_logger("live")
_EPOCH_SECONDS = 0.5
_POLL_SECONDS = 5.0
_POLL_WITHOUT_BROKER_SECONDS = 1.0


class Feed:
    """Newest known number per topic, and the conditions that sockets wait on. Lives in one event loop."""

    def __init__(self):
        self.latest: dict[str, int] = {}
        self.watchers: dict[str, set[asyncio.Event]] = {}
        self.epoch: int | None = None
        # Set, and replaced by a fresh one, whenever anyone's access has changed: sockets wait on it instead of each asking in turn.
        self.moved = asyncio.Event()
        self.connected = False
        self._tasks: list[asyncio.Task] = []

    def start(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._poll()), asyncio.create_task(self._watch_epoch())]

    def watch(self, topic: str, wake: asyncio.Event) -> None:
        self.start()
        self.watchers.setdefault(topic, set()).add(wake)

    def unwatch(self, topic: str, wake: asyncio.Event) -> None:
        waiting = self.watchers.get(topic, set())
        waiting.discard(wake)
        if not waiting:
            self.watchers.pop(topic, None)
            self.latest.pop(topic, None)

    def _announce(self, topic: str, seq: int) -> None:
        if topic in self.watchers and seq > self.latest.get(topic, 0):
            self.latest[topic] = seq
            for wake in self.watchers[topic]:
                wake.set()

    async def _listen(self) -> None:
        while True:
            try:
                async with broker.async_client() as valkey, valkey.pubsub() as pubsub:
                    await pubsub.subscribe(realtime.CHANNEL)
                    self.connected = True
                    async for message in pubsub.listen():
                        if message["type"] == "message":
                            topic, _, seq = message["data"].decode().rpartition(" ")
                            self._announce(topic, int(seq))
            except (RedisError, OSError, ValueError) as error:
                self.connected = False
                log.info("feed_reconnecting", error=type(error).__name__)
                await asyncio.sleep(1)

    async def _poll(self) -> None:
        """A lost nudge costs seconds, never an event; without a broker this is the way that events come."""
        while True:
            await asyncio.sleep(_POLL_SECONDS if self.connected else _POLL_WITHOUT_BROKER_SECONDS)
            if self.watchers:
                # The database may be away: the sockets stay open and the next round tries again.
                with suppress(Exception):
                    for topic, seq in await counters(list(self.watchers)):
                        self._announce(topic, seq)

    async def _watch_epoch(self) -> None:
        while True:
            before, self.epoch = self.epoch, await asyncio.to_thread(_epoch)
            if before != self.epoch:
                self.moved.set()
                self.moved = asyncio.Event()
            await asyncio.sleep(_EPOCH_SECONDS)


def _epoch() -> int | None:
    try:
        return ports.access_epoch()
    except (RedisError, OSError):
        return None


@database_sync_to_async
def counters(topics: list[str]) -> list[tuple[str, int]]:
    """(topic, last number) of those that have one; one query for each log they are kept in."""
    by_log: dict[realtime.Log, list[str]] = {}
    for name in topics:
        by_log.setdefault(realtime.topic_for(name)[0].log, []).append(name)
    return [found for log, names in by_log.items() for found in log.latest(names).items()]


# `feed()`: the one of this process.
feed = per_loop(Feed)
