"""Meter frames on their way out, in their binary form: over /ws/node, else as JSON by POST, else kept on disk.

A socket confirms nothing, so features sent since the last answered ping count as unsent when it
breaks: they are stored and replayed. Levels (100 ms) are worth nothing later and are dropped.
"""

import asyncio
import json
import logging
from collections import deque

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from nodes.agent.backoff import Backoff
from nodes.agent.client import VERSION, Controller, Unreachable
from nodes.agent.config import Timing, is_loopback
from nodes.agent.hints import Hints
from nodes.agent.meterstore import MeterStore
from nodes.meters import wire

log = logging.getLogger("tallyroom.agent.uplink")

BATCH = 60
QUEUE = 600
#: A frame of this many channels or more goes alone: 256 KiB of JSON is the controller's limit.
JSON_CHANNELS = 480
HINT_BYTES = 64 * 1024


class Uplink:
    """`offer` from any thread; the rest belongs to one asyncio loop."""

    def __init__(self, controller: Controller, hints: Hints, store: MeterStore, timing: Timing):
        self._controller, self._hints, self._store = controller, hints, store
        self._timing = timing
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._unconfirmed: deque[bytes] = deque()
        self._retry_at = 0.0
        self._backoff = Backoff(timing.backoff_first_seconds, timing.backoff_last_seconds)
        self.sent = {"socket": 0, "post": 0, "stored": 0, "replayed": 0}

    @property
    def connected(self) -> bool:
        return self._socket is not None

    def offer(self, frame: bytes) -> None:
        """From a meter's thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._enqueue, frame)

    def _enqueue(self, frame: bytes) -> None:
        if len(self._queue) >= QUEUE:
            self._keep(self._queue.popleft())
        self._queue.append(frame)
        self._wake.set()

    def _keep(self, frame: bytes) -> None:
        if frame[0] == wire.FEATURES:
            self._store.append(frame)
            self.sent["stored"] += 1

    # -- sending -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send what is offered, replay what was kept, for ever."""
        self._loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._socket is not None:
                await self._send_by_socket(self._socket)
            elif self._loop.time() < self._retry_at:
                self._keep_all()
            else:
                await self._send_by_post()
            if self._store and self._loop.time() >= self._retry_at:
                await self._replay()

    def flush_to_disk(self) -> None:
        """At the end of the program: nothing heard is forgotten."""
        self._keep_all()
        self._keep_unconfirmed()

    def _keep_all(self) -> None:
        while self._queue:
            self._keep(self._queue.popleft())

    async def _send_by_socket(self, socket: ClientConnection) -> None:
        while self._queue:
            frame = self._queue.popleft()
            if frame[0] == wire.FEATURES:
                self._unconfirmed.append(frame)
            try:
                await socket.send(frame)
            except WebSocketException:
                return  # its closing stores what is unconfirmed
            self.sent["socket"] += 1

    async def _send_by_post(self) -> None:
        while self._queue:
            frames = [self._queue.popleft()]
            room = JSON_CHANNELS - _channels(frames[0])
            while self._queue and len(frames) < BATCH and _channels(self._queue[0]) <= room:
                room -= _channels(self._queue[0])
                frames.append(self._queue.popleft())
            if not await self._post(frames):
                for frame in frames:
                    self._keep(frame)
                return
            self.sent["post"] += len(frames)

    async def _post(self, frames: list[bytes]) -> bool:
        """False: the controller is away and the frames are to be kept."""
        try:
            answer = await self._controller.meter_frames([wire.to_json(wire.decode(frame), node_id=self._controller.node) for frame in frames])
        except Unreachable:
            self._pause(self._backoff.next())
            return False
        if answer.ok:
            self._backoff.reset()
            self._hints.take((answer.data or {}).get("hints"))
            return True
        if answer.status == 401 or answer.retryable:
            self._pause(self._backoff.next(answer.retry_after_seconds))
            return False
        log.info("meter frames refused: %s %s", answer.status, answer.code)
        return True

    def _pause(self, seconds: float) -> None:
        self._retry_at = self._loop.time() + seconds

    async def _replay(self) -> None:
        """60 a request; live frames go in between."""
        while not self._queue:
            frames, token = self._store.batch(BATCH)
            if token is None:
                return
            for group in _groups(frames):
                if not await self._post(group):
                    return
            self._store.accepted(token)
            self.sent["replayed"] += len(frames)

    # -- the socket ----------------------------------------------------------------------------

    async def run_socket(self) -> None:
        """Keep /ws/node open: hints come in, meters go out. Everything works without it, slower."""
        backoff = Backoff(self._timing.backoff_first_seconds, self._timing.backoff_last_seconds)
        while True:
            wait = backoff.next()
            try:
                async with self._open() as socket:
                    backoff.reset()
                    self._socket = socket
                    await self._serve(socket)
            except InvalidStatus as error:
                if error.response.status_code == 401:
                    wait = self._timing.unauthorized_seconds
            except (WebSocketException, OSError, TimeoutError) as error:
                log.info("the socket is closed: %s", error)
            finally:
                self._socket = None
                self._keep_unconfirmed()
            await asyncio.sleep(wait)

    def _open(self):
        url = self._controller.socket_url()
        host = url.split("/")[2].rsplit(":", 1)[0].strip("[]")
        return connect(
            url,
            additional_headers={
                "Authorization": f"Bearer {self._controller.token}",
                "Operator-Version": VERSION,
            },
            ssl=self._controller.tls(),
            proxy=None if is_loopback(host) else True,
            compression=None,
            open_timeout=self._timing.connect_seconds,
            ping_interval=None,
            max_size=HINT_BYTES,
        )

    async def _serve(self, socket: ClientConnection) -> None:
        pinging = asyncio.create_task(self._ping(socket))
        try:
            async for message in socket:
                if isinstance(message, str):
                    self._take_message(message)
        finally:
            pinging.cancel()

    def _take_message(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        if isinstance(message, dict) and message.get("type") == "hints":
            self._hints.take(message)

    async def _ping(self, socket: ClientConnection) -> None:
        """An answered ping confirms all that was sent before it; no answer in time: dead."""
        while True:
            await asyncio.sleep(self._timing.socket_ping_seconds)
            sent = len(self._unconfirmed)
            limit = self._timing.socket_dead_seconds - self._timing.socket_ping_seconds
            try:
                async with asyncio.timeout(max(limit, 1.0)):
                    await (await socket.ping())
            except (TimeoutError, WebSocketException):
                await socket.close(1011, "no answer to a ping")
                return
            for _ in range(min(sent, len(self._unconfirmed))):
                self._unconfirmed.popleft()

    def _keep_unconfirmed(self) -> None:
        while self._unconfirmed:
            self._store.append(self._unconfirmed.popleft())


def _groups(frames: list[bytes]) -> list[list[bytes]]:
    """Cut a batch where its JSON would pass the controller's limit."""
    groups: list[list[bytes]] = [[]]
    channels = 0
    for frame in frames:
        channels += _channels(frame)
        if groups[-1] and channels > JSON_CHANNELS:
            groups.append([])
            channels = _channels(frame)
        groups[-1].append(frame)
    return groups


def _channels(frame: bytes) -> int:
    return wire.HEADER.unpack_from(frame)[2]
