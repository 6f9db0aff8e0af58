"""The meter hub of a live process: one subscription to Valkey, the newest frames of each interface, a tick of 100 ms.

A client gets at most one message a tick, with the newest frame of each kind of the interfaces that it watches and has not seen, and only when
everything sent to it before has left this host. Frames in between are skipped, so a slow or stuck reader costs nothing but its watch.
A message is a sequence of (u16 little-endian length, frame).
"""

import asyncio
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from config.kernel import broker
from nodes.fleet import hints
from nodes.meters import ring, wire

log = structlog.get_logger("meters")
TICK_SECONDS = 0.1
RENEW_SECONDS = 10.0
_LENGTH = struct.Struct("<H")
_HEADER_BYTES = wire.HEADER.size
MAX_FRAME_BYTES = 0xFFFF


class Sink(Protocol):
    """Where a watch sends: `config.kernel.live.sink.Sink`, or an SSE queue of one."""

    def drained(self) -> bool: ...

    async def send(self, message: bytes) -> None: ...


@dataclass(slots=True)
class _Slot:
    """The newest frame of one (interface, kind); `version` counts up over all slots, so a watch knows what it has seen."""

    payload: bytes
    version: int


@dataclass(eq=False)
class Watch:
    """One client's interest in one node; `close()` ends it."""

    hub: "Hub"
    node_id: UUID
    interface_ids: frozenset[UUID]
    sink: Sink
    kinds: tuple[int, ...]
    seen: int = 0
    busy: asyncio.Task | None = field(default=None, repr=False)

    def close(self) -> None:
        self.hub.forget(self)
        if self.busy is not None:
            self.busy.cancel()

    def message(self) -> bytes:
        """What is new for this client, and remember that it has been told; empty if nothing is."""
        parts, newest = [], self.seen
        for interface_id in self.interface_ids:
            for kind in self.kinds:
                slot = self.hub.slots.get((interface_id, kind))
                if slot is not None and slot.version > self.seen:
                    parts += (_LENGTH.pack(len(slot.payload)), slot.payload)
                    newest = max(newest, slot.version)
        self.seen = newest
        return b"".join(parts)


class Hub:
    """See the module. Lives in one event loop; idle (no subscription, no tick) while nobody watches."""

    def __init__(self):
        self.slots: dict[tuple[UUID, int], _Slot] = {}
        self.watches: set[Watch] = set()
        self.version = 0
        self._wanted: dict[UUID, int] = {}
        self._tasks: list[asyncio.Task] = []

    def watch(self, node_id: UUID, interface_ids: Iterable[UUID], sink: Sink, *, fast: bool = True) -> Watch:
        """Send frames of these interfaces to `sink`; `fast` asks the node for levels each 100 ms, else features once a second."""
        kinds = (wire.FEATURES, wire.LEVELS) if fast else (wire.FEATURES,)
        watch = Watch(self, node_id, frozenset(interface_ids), sink, kinds, seen=self.version)
        self.watches.add(watch)
        for interface_id in watch.interface_ids:
            self._wanted[interface_id] = self._wanted.get(interface_id, 0) + 1
        if not self._tasks:
            self._tasks = [asyncio.create_task(work()) for work in (self._listen, self._tick, self._renew)]
        elif fast:
            asyncio.get_running_loop().run_in_executor(None, grant, [node_id])
        return watch

    def forget(self, watch: Watch) -> None:
        if watch not in self.watches:
            return
        self.watches.discard(watch)
        for interface_id in watch.interface_ids:
            self._wanted[interface_id] -= 1
            if not self._wanted[interface_id]:
                del self._wanted[interface_id]
                for kind in (wire.FEATURES, wire.LEVELS):
                    self.slots.pop((interface_id, kind), None)
        if not self.watches:
            self.stop()

    def stop(self) -> None:
        """End the subscription; the next watch starts it again."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def take(self, payload: bytes) -> None:
        """A frame from the broker: kept if anybody watches its interface, in place of the one before."""
        if not _HEADER_BYTES <= len(payload) <= MAX_FRAME_BYTES:
            return
        kind, interface_id = payload[0], UUID(bytes=bytes(payload[_HEADER_BYTES - 16 : _HEADER_BYTES]))
        if interface_id in self._wanted and kind in (wire.FEATURES, wire.LEVELS):
            self.version += 1
            self.slots[interface_id, kind] = _Slot(payload, self.version)

    def push(self) -> None:
        """One tick: start a send for each client that has drained and has something new."""
        for watch in self.watches:
            if watch.busy is None and watch.sink.drained() and (message := watch.message()):
                watch.busy = asyncio.create_task(self._send(watch, message))

    async def _send(self, watch: Watch, message: bytes) -> None:
        try:
            await watch.sink.send(message)
        except Exception as error:  # noqa: BLE001 - one client's broken connection is no other's business; its consumer closes the watch
            log.info("meter_client_lost", error=type(error).__name__)
            self.forget(watch)
        finally:
            watch.busy = None

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.push()
            due = max(due + TICK_SECONDS, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _listen(self) -> None:
        while True:
            try:
                async with broker.async_client() as valkey, valkey.pubsub() as pubsub:
                    await pubsub.subscribe(ring.CHANNEL)
                    async for message in pubsub.listen():
                        if message["type"] == "message":
                            self.take(message["data"])
            except (RedisError, OSError) as error:
                log.info("meters_reconnecting", error=type(error).__name__)
                await asyncio.sleep(1)

    async def _renew(self) -> None:
        """Watching keeps the nodes at ten frames a second, 30 s at a time."""
        while True:
            nodes = list({watch.node_id for watch in self.watches if wire.LEVELS in watch.kinds})
            await asyncio.to_thread(grant, nodes)
            await asyncio.sleep(RENEW_SECONDS)


def grant(node_ids: list[UUID]) -> None:
    """Renew the 100 ms grant of these nodes; one that had none is told at once."""
    for node_id in node_ids:
        key = hints.grant_key(node_id)
        was = broker.attempt(lambda valkey, key=key: valkey.set(key, "1", ex=hints.GRANT_SECONDS, get=True), b"1")
        if was is None:
            hints.announce(node_id)


_hubs: dict[int, Hub] = {}


def hub() -> Hub:
    """The hub of the running event loop (one per live process; tests have a loop each)."""
    key = id(asyncio.get_running_loop())
    found = _hubs.get(key)
    if found is None:
        _hubs.clear()
        found = _hubs[key] = Hub()
    return found


def watch(node_id: UUID, interface_ids: Iterable[UUID], sink: Sink, *, fast: bool = True) -> Watch:
    """`Hub.watch` of this process's hub."""
    return hub().watch(node_id, interface_ids, sink, fast=fast)
