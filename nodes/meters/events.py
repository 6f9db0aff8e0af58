"""Server-sent meter events: `event: meter`, `id:` the frame's seq, `data:` its JSON form; newest first on connect, a comment every 15 s.

Under ASGI a feed follows the hub; under WSGI, where a stream holds a thread, it polls the ring for 25 s and lets the client come back. Access is
asked again whenever anyone's changed, at the latest every 4 s.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from channels.db import database_sync_to_async

from config.kernel import broker
from config.kernel import wire as json_wire
from config.kernel.access import Actor, Perm, holds, ports
from config.kernel.errors import ApiError, FieldError
from config.kernel.ids import uuid7
from nodes.fleet import selectors
from nodes.fleet.models import Interface
from nodes.meters import hub, reading, ring, wire

NODE_LIMIT, STREAMS_PER_USER = 64, 8
COMMENT_SECONDS, CHECK_SECONDS = 15.0, 4.0
POLLED_SECONDS = 25.0
_SLOT_SECONDS = 40
_COMMENT = b": still here\n\n"


def ids_of(query, name: str) -> list[UUID]:
    """The ids of a repeated query parameter; FieldError for what is none."""
    try:
        return [UUID(text) for text in query.getlist(name)]
    except ValueError as error:
        raise FieldError(name, "invalid", f"{name} must be an id.") from error


@dataclass(frozen=True)
class Chosen:
    """What a client asked for: nodes (empty: all in reach) and 1 or 10 frames a second."""

    node_ids: tuple[UUID, ...]
    rate: int

    @classmethod
    def of(cls, query) -> "Chosen":
        node_ids = ids_of(query, "nodeId")
        if len(node_ids) > NODE_LIMIT:
            raise FieldError("nodeId", "too_many", f"At most {NODE_LIMIT} nodes.")
        rate = query.get("rate", "1")
        if rate not in {"1", "10"}:
            raise FieldError("rate", "invalid", "rate must be 1 or 10.")
        return cls(tuple(dict.fromkeys(node_ids)), int(rate))


class _Places:
    """At most eight streams of a user over all processes: a sorted set of stream ids by the time until which they count."""

    def __init__(self, actor: Actor):
        self.key = f"{broker.PREFIX}meters:streams:{actor.id}"
        self.id = str(uuid7())

    def take(self) -> None:
        """ApiError concurrency_limit_reached if eight others are open. Without a broker nothing is limited (and nothing flows)."""
        now = time.time()

        def enter(valkey):
            with valkey.pipeline() as pipe:
                pipe.zremrangebyscore(self.key, 0, now)
                pipe.zadd(self.key, {self.id: now + _SLOT_SECONDS})
                pipe.expire(self.key, _SLOT_SECONDS)
                pipe.zrank(self.key, self.id)
                pipe.zcard(self.key)
                return pipe.execute()

        answer = broker.attempt(enter)
        if answer and answer[-1] > STREAMS_PER_USER:
            self.leave()
            raise ApiError("concurrency_limit_reached", data={"scope": "user", "limit": STREAMS_PER_USER})

    def renew(self) -> None:
        broker.attempt(lambda valkey: (valkey.zadd(self.key, {self.id: time.time() + _SLOT_SECONDS}), valkey.expire(self.key, _SLOT_SECONDS)))

    def leave(self) -> None:
        broker.attempt(lambda valkey: valkey.zrem(self.key, self.id))


def open_feed(actor: Actor, chosen: Chosen) -> "Feed":
    """Authorise and take a place. ApiError not_found for a node out of reach, concurrency_limit_reached."""
    interfaces = _interfaces(actor, chosen)
    if chosen.node_ids:
        seen = set(selectors.visible_nodes(actor).filter(pk__in=chosen.node_ids).values_list("pk", flat=True))
        if seen != set(chosen.node_ids):
            raise ApiError("not_found", about=[("node", pk) for pk in chosen.node_ids if pk not in seen])
    places = _Places(actor)
    places.take()
    return Feed(actor, chosen, interfaces, places)


def _interfaces(actor: Actor, chosen: Chosen) -> dict[UUID, Interface]:
    if not holds(actor, Perm.NODE_READ):
        return {}
    rows = selectors.visible_interfaces(actor)
    rows = rows.filter(node_id__in=chosen.node_ids) if chosen.node_ids else rows.filter(node__retired_at=None)
    return {row.pk: row for row in rows}


def _event(seq: int, body: dict) -> bytes:
    return b"event: meter\nid: %d\ndata: %s\n\n" % (seq, json_wire.dumps(body))


class _Box:
    """A sink of one message: the hub puts the next one only after this one was taken. Each watch has its own, all of a stream fill one event."""

    def __init__(self, filled: asyncio.Event):
        self.message: bytes | None = None
        self.filled = filled

    def drained(self) -> bool:
        return self.message is None

    async def send(self, message: bytes) -> None:
        self.message = message
        self.filled.set()

    def take(self) -> bytes:
        message, self.message = self.message or b"", None
        return message


def frames_in(message: bytes) -> Iterator[bytes]:
    """The frames of a hub message."""
    at = 0
    while at < len(message):
        length = int.from_bytes(message[at : at + 2], "little")
        yield message[at + 2 : at + 2 + length]
        at += 2 + length


@dataclass
class Feed:
    """One stream. `live` and `polled` are the two ways to send it."""

    actor: Actor
    chosen: Chosen
    interfaces: dict[UUID, Interface]
    places: _Places
    epoch: object = field(default_factory=lambda: ports.access_epoch())

    def first(self) -> Iterator[bytes]:
        for body in reading.frames_of(list(self.interfaces.values())):
            yield _event(body["seq"], body)

    def may_go_on(self) -> bool:
        """False when everything is out of reach now; what remains in reach is followed on."""
        epoch = ports.access_epoch()
        if epoch is not None and epoch == self.epoch:
            return True
        self.epoch = epoch
        self.actor.memo.clear()
        self.interfaces = _interfaces(self.actor, self.chosen)
        return holds(self.actor, Perm.NODE_READ)

    def render(self, payload: bytes) -> bytes:
        """One frame as an event; empty if its interface is no longer in reach."""
        decoded = wire.decode(payload)
        interface = self.interfaces.get(decoded.interface_id)
        if interface is None:
            return b""
        body = wire.to_json(decoded, node_id=interface.node_id, labels=reading.labels_of(interface))
        return _event(decoded.seq, {**body, "stale": False})

    async def live(self):
        """Chunks under ASGI."""
        filled = asyncio.Event()
        watches = self._watches(filled)
        clock = asyncio.get_running_loop().time
        commented = checked = clock()
        try:
            for chunk in await database_sync_to_async(lambda: list(self.first()))() or [_COMMENT]:
                yield chunk
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(filled.wait(), CHECK_SECONDS)
                if clock() - checked >= CHECK_SECONDS:
                    checked, before = clock(), self.interfaces
                    if not await database_sync_to_async(self.may_go_on)():
                        return
                    if self.interfaces is not before:
                        _close(watches)
                        watches = self._watches(filled)
                filled.clear()
                if chunk := self.take(watches):
                    yield chunk
                if clock() - commented >= COMMENT_SECONDS:
                    commented = clock()
                    await asyncio.to_thread(self.places.renew)
                    yield _COMMENT
        finally:
            _close(watches)
            await asyncio.to_thread(self.places.leave)

    def take(self, watches: list[hub.Watch]) -> bytes:
        """What the hub put into their boxes, as events."""
        return b"".join(self.render(payload) for watch in watches for payload in frames_in(watch.sink.take()))

    def _watches(self, filled: asyncio.Event) -> list[hub.Watch]:
        by_node: dict[UUID, set[UUID]] = {}
        for row in self.interfaces.values():
            by_node.setdefault(row.node_id, set()).add(row.pk)
        return [hub.watch(node_id, ids, _Box(filled), fast=self.chosen.rate == 10) for node_id, ids in by_node.items()]

    def polled(self) -> Iterator[bytes]:
        """Chunks under WSGI: new features each second, for a while."""
        until, seen = time.monotonic() + POLLED_SECONDS, {}
        try:
            yield _COMMENT
            while time.monotonic() < until and self.may_go_on():
                for pk, latest in ring.latest(list(self.interfaces)).items():
                    if seen.get(pk) != latest.received_us and not latest.stale:
                        seen[pk] = latest.received_us
                        yield self.render(latest.payload)
                time.sleep(1.0)
        finally:
            self.places.leave()


def _close(watches: list[hub.Watch]) -> None:
    for watch in watches:
        watch.close()
