"""The channels of this process: made by the controller, or found in the database when a publisher comes before it (after a restart)."""

import asyncio
import time
from pathlib import Path

import structlog
from django.conf import settings

from sessions.media.edge.channel import Channel
from sessions.media.edge.facts import Facts
from sessions.media.provider import Take

log = structlog.get_logger("media")
TICK_SECONDS = 0.25
REMEMBER_SECONDS = 0.5
STATS_SECONDS = 1.0


class Registry:
    def __init__(self, facts: Facts):
        self.facts = facts
        self.channels: dict[str, Channel] = {}
        self.by_digest: dict[bytes, Channel] = {}
        self._leaving: dict[str, asyncio.Task] = {}
        self.closing = False

    def ensure(self, ref: str, digest: bytes, session_id: str, take: Take | None) -> Channel:
        """The channel `ref`, made if it is new; one that is known goes on recording as it was told last."""
        channel = self.channels.get(ref)
        if channel is None:
            folder = Path(settings.MEDIA_ROOT) / "sessions" / session_id
            channel = Channel(ref, session_id, digest, folder, take, lambda kind, at: self.facts.tell(ref, kind, at))
            self.channels[ref] = channel
            self.by_digest[digest] = channel
        return channel

    async def drop(self, ref: str) -> bool:
        """End everything of a channel; False if there is none. Whoever repeats it waits for the same end: what "gone" promises is a closed file."""
        channel = self.channels.pop(ref, None)
        if channel is not None:
            self.by_digest.pop(channel.digest, None)
            task = self._leaving[ref] = asyncio.ensure_future(channel.close())
            task.add_done_callback(lambda done: self._leaving.pop(ref) if self._leaving.get(ref) is done else None)
        leaving = self._leaving.get(ref)
        if leaving is not None:
            # Shielded: a caller that gave up does not break it off.
            await asyncio.shield(leaving)
        return channel is not None

    def publishers(self) -> int:
        return sum(channel.publisher is not None for channel in self.channels.values())

    def viewers(self) -> int:
        return sum(len(channel.viewers) for channel in self.channels.values())

    async def run(self) -> None:
        """For ever: every channel's tick, and what must survive a crash."""
        remembered, measured, written = 0.0, 0.0, None
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for channel in list(self.channels.values()):
                try:
                    await channel.tick()
                except Exception:
                    log.exception("media_tick_failed", input=channel.ref)
            if time.monotonic() - measured >= STATS_SECONDS and self.channels:
                measured = time.monotonic()
                await self.facts.publish_stats([{"ref": ref, "session": one.session_id, **one.stats()} for ref, one in self.channels.items()])
            if time.monotonic() - remembered >= REMEMBER_SECONDS:
                remembered = time.monotonic()
                alive = {ref: at for ref, channel in self.channels.items() if (at := channel.last_packet_at()) is not None}
                if alive or written:
                    await self.facts.remember(alive)
                written = alive

    async def close(self) -> None:
        """A clean stop: everybody is sent away, recordings end whole, losses are told."""
        self.closing = True
        await asyncio.gather(*(channel.close() for channel in self.channels.values()), return_exceptions=True)
        await self.facts.drain(2)
        await self.facts.remember({})
