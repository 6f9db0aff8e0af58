"""One topic on one socket: snapshot, replay, numbered changes, asked again at every push."""

import asyncio
from contextlib import suppress

from channels.db import database_sync_to_async

from config.kernel import clock, versions
from config.kernel.access import Actor, require
from config.kernel.errors import ApiError
from config.kernel.instant import one_instant
from config.kernel.live.feed import feed
from config.kernel.live.sink import Sink
from config.kernel.models import TopicEvent
from config.kernel.realtime import Topic

TICK_SECONDS = 1.0


def _snapshot(topic: Topic, name: str, argument: str | None, actor: Actor) -> tuple[int, dict]:
    """(seq, data) of one instant: publishers hold the counter's row until they commit, so number and rows belong together."""
    with one_instant():
        seq = topic.log.last(name)
        require(actor, topic.permission)
        return seq, topic.snapshot(actor, argument)


def _visible(topic: Topic, actor: Actor, events: list[TopicEvent]) -> list[TopicEvent]:
    require(actor, topic.permission)
    subjects = {(event.subject_kind, event.subject_id) for event in events if event.subject_kind}
    allowed = topic.visible(actor, list(subjects)) if subjects else set()
    return [event for event in events if event.subject_kind is None or (event.subject_kind, event.subject_id) in allowed]


_BATCH = 500
_ALIVE_EVERY_SECONDS = 10


class Subscription:
    """Pumps one topic to one socket until `close()`; `consumer` offers `actor`, `version`, `send_json(dict)` and `base_send`."""

    def __init__(self, consumer, name: str, topic: Topic, argument: str | None):
        self.consumer, self.name, self.topic, self.argument = consumer, name, topic, argument
        self.seq = self.shown = 0
        self.wake = asyncio.Event()
        self.task: asyncio.Task | None = None
        self.ticking: asyncio.Task | None = None
        self.life: asyncio.Task | None = None
        self.handle = None

    async def open(self, after: int | None) -> None:
        """Authorise, answer with replay or snapshot, then follow. ApiError if the actor may not."""
        if not self.topic.numbered:
            await self.show_snapshot()
            self.handle = await self.topic.attach(self.consumer.actor, self.argument, Sink(self.consumer))
            return
        feed().watch(self.name, self.wake)
        try:
            if after is None or not await self._replay(after):
                await self.show_snapshot()
        except BaseException:
            feed().unwatch(self.name, self.wake)
            raise
        self.task = asyncio.create_task(self._pump())
        if self.topic.tick is not None:
            self.ticking = asyncio.create_task(self._tick())
        if self.topic.alive is not None:
            self.life = asyncio.create_task(self._live_on())

    async def _live_on(self) -> None:
        """Say every 10 s that somebody follows. The server's pings end a socket whose other side is gone."""
        while True:
            # The database may be away; the next round comes.
            with suppress(Exception):
                await database_sync_to_async(self.topic.alive)(self.consumer.actor)
            await asyncio.sleep(_ALIVE_EVERY_SECONDS)

    async def show_snapshot(self) -> None:
        seq, data = await database_sync_to_async(_snapshot)(self.topic, self.name, self.argument, self.consumer.actor)
        self.seq = self.shown = seq
        data = versions.lower(self.name.partition(":")[0], self.consumer.version, data)
        await self.consumer.send_json({"type": "snapshot", "topic": self.name, "seq": seq, "at": clock.wire(clock.now()), "data": data})

    async def refresh(self) -> None:
        """After a change of access: what may still be seen, anew; ApiError if nothing may."""
        await self.show_snapshot()
        if self.handle is not None:
            self.handle.close()
            self.handle = await self.topic.attach(self.consumer.actor, self.argument, Sink(self.consumer))

    async def _replay(self, after: int) -> bool:
        """True if everything behind `after` was still held and has been sent."""
        log = self.topic.log
        latest = await database_sync_to_async(log.last)(self.name)
        if after > latest or latest - after > log.replay:
            return False
        held = await database_sync_to_async(log.after)(self.name, after, log.replay)
        if len(held) < latest - after:
            return False
        self.seq = self.shown = after
        await self._send(held)
        return True

    async def _pump(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            try:
                while held := await database_sync_to_async(self.topic.log.after)(self.name, self.seq, _BATCH):
                    await self._send(held)
            except ApiError as error:
                await self.consumer.drop(self.name, error)
                return
            except Exception as error:  # noqa: BLE001 - the database went away: the next nudge or poll tries again from the same number
                self.consumer.log.info("push_delayed", topic=self.name, error=type(error).__name__)
                await asyncio.sleep(1)
                self.wake.set()

    async def _tick(self) -> None:
        """What changes each second and is kept nowhere: under the number of the last event, so that nobody takes it for one that can be replayed."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                told = await database_sync_to_async(self.topic.tick)(self.consumer.actor, self.argument)
            except ApiError:
                continue  # the next push, or the watch over access, ends the subscription
            except Exception as error:  # noqa: BLE001 - the database is away: the next second tries again
                self.consumer.log.info("tick_delayed", topic=self.name, error=type(error).__name__)
                continue
            if told is not None:
                numbers = {"seq": self.shown, "prevSeq": self.shown}
                message = {"type": "event", "topic": self.name, **numbers, "event": "tick", "at": clock.wire(clock.now()), "data": told}
                await self.consumer.send_json(message)

    async def _send(self, events: list[TopicEvent]) -> None:
        for event in await database_sync_to_async(_visible)(self.topic, self.consumer.actor, events):
            lowered = versions.lower_event(self.name.partition(":")[0], self.consumer.version, event.event, event.data)
            if lowered is not None:
                message = {
                    "type": self.topic.log.frame,
                    "topic": self.name,
                    "seq": event.seq,
                    "prevSeq": self.shown,
                    "event": lowered[0],
                    "at": clock.wire(event.created_at),
                }
                if (who := getattr(event, "by", None)) is not None:
                    message["by"] = who
                await self.consumer.send_json({**message, "data": lowered[1]})
                self.shown = event.seq
        self.seq = max([self.seq, *[event.seq for event in events]])

    def close(self) -> None:
        feed().unwatch(self.name, self.wake)
        for task in (self.task, self.ticking, self.life):
            if task is not None:
                task.cancel()
        if self.handle is not None:
            self.handle.close()
