"""What every node socket of a live process shares: one connection that writes the ring, one subscription to the nodes' news."""

import asyncio
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from config.kernel import broker
from nodes.fleet import hints
from nodes.meters import owned, ring, wire

log = structlog.get_logger("node-socket")
_NEWS_HELD = 16


def known(node_id: UUID) -> frozenset[UUID]:
    """Interfaces that are remembered as the node's, without asking the database."""
    found = owned.remembered(node_id)
    return found if found is not None else frozenset()


class Writer:
    """Writes frames to the ring in the order in which they come. Lives in one event loop."""

    def __init__(self):
        self._valkey = broker.async_client()

    async def store(self, payload: bytes, header: wire.Header) -> bool:
        """One pipeline; False while the broker is away (the agent replays what the socket could not confirm)."""
        try:
            async with self._valkey.pipeline(transaction=False) as pipe:
                ring.write(pipe, payload, header, ring.now_us())
                await pipe.execute()
            return True
        except (RedisError, OSError) as error:
            log.info("frame_not_stored", error=type(error).__name__)
            return False


class News:
    """Words about nodes (`hints`, `credential`, `socket <id>`) for the sockets of this process."""

    def __init__(self):
        self._queues: dict[UUID, set[asyncio.Queue]] = {}
        self._task: asyncio.Task | None = None

    def follow(self, node_id: UUID) -> asyncio.Queue:
        """A queue of words about the node; bounded, because any word leads to a look at everything."""
        queue: asyncio.Queue = asyncio.Queue(_NEWS_HELD)
        self._queues.setdefault(node_id, set()).add(queue)
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        return queue

    def leave(self, node_id: UUID, queue: asyncio.Queue) -> None:
        waiting = self._queues.get(node_id, set())
        waiting.discard(queue)
        if not waiting:
            self._queues.pop(node_id, None)
        if not self._queues and self._task is not None:
            self._task.cancel()
            self._task = None

    def tell(self, node_id: UUID, word: str) -> None:
        for queue in self._queues.get(node_id, ()):
            if not queue.full():
                queue.put_nowait(word)

    async def _listen(self) -> None:
        while True:
            try:
                async with broker.async_client() as valkey, valkey.pubsub() as pubsub:
                    await pubsub.subscribe(hints.CHANNEL)
                    async for message in pubsub.listen():
                        if message["type"] == "message":
                            node_id, _, word = message["data"].decode().partition(" ")
                            self.tell(UUID(node_id), word)
            except (RedisError, OSError, ValueError) as error:
                log.info("news_reconnecting", error=type(error).__name__)
                await asyncio.sleep(1)


_shared: dict[int, tuple[Writer, News]] = {}


def _of_this_loop() -> tuple[Writer, News]:
    key = id(asyncio.get_running_loop())
    if key not in _shared:
        _shared.clear()
        _shared[key] = (Writer(), News())
    return _shared[key]


def writer() -> Writer:
    """The writer of the running event loop."""
    return _of_this_loop()[0]


def news() -> News:
    """The news of the running event loop."""
    return _of_this_loop()[1]
