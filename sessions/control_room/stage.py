"""What program shows, read once for all viewers of a live process, and told to them at each change of the room."""

import asyncio

import structlog
from channels.db import database_sync_to_async

from config.kernel.live.feed import feed
from config.kernel.live.per_loop import per_loop
from operators.console import room
from sessions.control_room import program_view

log = structlog.get_logger("program")
# A nudge that was lost costs this much.
_LOOK_EVERY_SECONDS = 2.0


class Stage:
    """Lives in one event loop; reads only while somebody watches. `shown` is what was read last."""

    def __init__(self):
        self.shown: program_view.Shown | None = None
        self._viewers: set[asyncio.Event] = set()
        self._task: asyncio.Task | None = None

    def follow(self, changed: asyncio.Event) -> None:
        """`changed` is set whenever there is something new to show, and at least every two seconds."""
        self._viewers.add(changed)
        if self.shown is not None:
            changed.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read_on())

    def leave(self, changed: asyncio.Event) -> None:
        self._viewers.discard(changed)
        if not self._viewers and self._task is not None:
            self._task.cancel()
            self._task = self.shown = None

    async def _read_on(self) -> None:
        wake = asyncio.Event()
        feed().watch(room.TOPIC, wake)
        try:
            while True:
                try:
                    self.shown = await database_sync_to_async(program_view.read)()
                except Exception as error:  # noqa: BLE001 - the database is away: viewers keep what they see, and it is asked again
                    log.info("program_delayed", error=type(error).__name__)
                for changed in self._viewers:
                    changed.set()
                try:
                    await asyncio.wait_for(wake.wait(), _LOOK_EVERY_SECONDS)
                except TimeoutError:
                    continue
                wake.clear()
        finally:
            feed().unwatch(room.TOPIC, wake)


# `stage()`: the one of this process.
stage = per_loop(Stage)
