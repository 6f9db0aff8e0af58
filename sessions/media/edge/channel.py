"""One media input: its publisher, its viewers, what is recorded of it, and what the meter is told."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from sessions.media.edge import codecs, tap
from sessions.media.edge.assembler import Frame
from sessions.media.edge.publisher import Publisher
from sessions.media.edge.recorder import Recorder
from sessions.media.edge.viewer import Viewer
from sessions.media.provider import Take
from sessions.media.states import Flow

log = structlog.get_logger("media.channel")
LOST_AFTER_SECONDS = 2.0
KEYFRAME_SECONDS = 5.0
FRAME_MAX_AGE_SECONDS = 1.0


@dataclass
class Rates:
    """Of the last second or so."""

    at: float = field(default_factory=time.monotonic)
    octets: int = 0
    frames: int = 0
    bitrate_kbps: int = 0
    fps: float = 0.0


class Channel:
    """`tell(kind, at)` reports `flowing` and `lost` with Unix seconds. `take` is what to record, None: nothing; in a folder of its own in
    `folder`."""

    def __init__(self, ref: str, session_id: str, digest: bytes, folder: Path, take: Take | None, tell: Callable[[str, float], None]):
        self.ref, self.session_id, self.digest, self.folder, self.take = ref, session_id, digest, folder, take
        self.publisher: Publisher | None = None
        self.viewers: dict[str, Viewer] = {}
        self.flow = Flow.IDLE
        self.since = time.time()
        self.created_at = time.time()
        self.keyframe: tuple[str, bytes, float] | None = None
        self.width = self.height = 0
        self._tell = tell
        self._recorder: Recorder | None = None
        self._packer = tap.Packer()
        self._began = time.monotonic()
        self._base: dict[str, int] = {}
        self._holding = True
        self._checking = False
        self._parameters = b""
        self._last_keyframe = 0.0
        self._frames = 0
        self._octets_before = 0
        self._counts = {"packets_lost": 0, "nacks": 0, "plis": 0}
        self._rates = Rates()
        self._new_keyframe = asyncio.Event()
        self._turn = asyncio.Lock()

    # --- publishers ---

    async def publish(self, resource: str, offer: str) -> tuple[Publisher, str]:
        """A new publisher takes the place of whoever is there, dead or alive, once its offer is known to be good."""
        made = Publisher(resource, self._video, self._audio)
        try:
            answer = await made.answer(offer)
        except Exception:
            await made.close()
            raise
        async with self._turn:
            await self._end_publisher()
            self.publisher, self._base, self._holding = made, {}, True
            if self.flow is Flow.IDLE:
                self._turn_to(Flow.CONNECTING, time.time())
        return made, answer

    async def unpublish(self, publisher: Publisher) -> None:
        """This publisher is gone; nothing happens if another has taken its place."""
        async with self._turn:
            if self.publisher is publisher:
                await self._end_publisher()

    async def _end_publisher(self) -> None:
        old, self.publisher = self.publisher, None
        if old is None:
            return
        self._lose(old)
        self._octets_before += old.octets
        counts = self._counts_of(old)
        self._counts = {name: value + counts[name] for name, value in self._counts.items()}
        recorder, self._recorder = self._recorder, None
        if self.flow is Flow.CONNECTING:
            self._turn_to(Flow.IDLE, time.time())
        await old.close()
        if recorder is not None:
            await recorder.close()

    def _lose(self, publisher: Publisher) -> None:
        if self.flow is Flow.FLOWING:
            age = time.monotonic() - publisher.last_packet if publisher.last_packet is not None else 0
            self._turn_to(Flow.LOST, time.time() - age)

    def _turn_to(self, flow: Flow, at: float) -> None:
        self.flow, self.since = flow, at
        if flow is Flow.LOST:
            # Whoever waits for a picture waits in vain.
            self._new_keyframe.set()
        if flow in (Flow.FLOWING, Flow.LOST):
            self._tell(flow.value, at)

    # --- frames ---

    def _video(self, publisher: Publisher, codec: str, frame: Frame) -> None:
        if publisher is not self.publisher:
            return
        now = time.time()
        keyframe = codecs.is_keyframe(codec, frame.data)
        ticks = publisher.lines["video"].at(frame.timestamp)
        self._frames += 1
        if frame.after_loss:
            self._hold()
            publisher.want_keyframe()
        if keyframe:
            self._holding = False
            self._seen(publisher, codec, frame.data, now)
        if self._holding:
            return
        if self.viewers:
            payloads, timestamp = self._packer.pack(codec, frame.data), self._timestamp("video", ticks)
            for viewer in list(self.viewers.values()):
                if viewer.codec == codec:
                    viewer.video(payloads, timestamp, keyframe)
        if self._records(now):
            self._recorder_of(publisher).video(codec, frame.data, ticks, keyframe, now)

    def _audio(self, publisher: Publisher, frame: Frame) -> None:
        if publisher is not self.publisher:
            return
        ticks = publisher.lines["audio"].at(frame.timestamp)
        if self.viewers:
            payloads, timestamp = [frame.data], self._timestamp("audio", ticks)
            for viewer in list(self.viewers.values()):
                viewer.audio(payloads, timestamp)
        if self._records(now := time.time()):
            self._recorder_of(publisher).audio(frame.data, ticks, now)

    def _timestamp(self, kind: str, ticks: int) -> int:
        """The viewers' RTP timestamp: it goes on where a publisher takes over from another."""
        if kind not in self._base:
            self._base[kind] = round((time.monotonic() - self._began) * tap.CLOCK_RATE[kind]) - ticks
        return self._base[kind] + ticks

    def _hold(self) -> None:
        self._holding = True
        for viewer in self.viewers.values():
            viewer.hold()
        if self._recorder is not None:
            self._recorder.hold()

    def _seen(self, publisher: Publisher, codec: str, data: bytes, at: float) -> None:
        """A keyframe has come. The first one, and the first after a loss, must decode before the meter hears of it."""
        self._last_keyframe = time.monotonic()
        self.keyframe = (codec, data, at)
        if codec == "vp8":
            self.width, self.height = codecs.vp8_size(data)
        self._new_keyframe.set()
        parameters = codecs.parameters(data) if codec == "h264" else b""
        changed, self._parameters = parameters != self._parameters, parameters
        if (self.flow is not Flow.FLOWING or changed) and not self._checking:
            self._checking = True
            task = asyncio.ensure_future(self._check(publisher, codec, data, at))
            task.add_done_callback(lambda _: setattr(self, "_checking", False))

    async def _check(self, publisher: Publisher, codec: str, data: bytes, at: float) -> None:
        picture = await asyncio.get_running_loop().run_in_executor(None, codecs.decode, codec, data)
        if picture is None:
            publisher.want_keyframe()
            return
        if publisher is not self.publisher:
            return
        self.width, self.height = picture.width, picture.height
        if self.flow is not Flow.FLOWING:
            # Never before the loss that it ends.
            self._turn_to(Flow.FLOWING, max(at, self.since) if self.flow is Flow.LOST else at)

    # --- recording ---

    async def record(self, take: Take | None) -> None:
        """Record into this from the next keyframe on, and into nothing else. When it returns, whatever was recorded before is on disk, also
        for whoever repeats it meanwhile."""
        other = (take and take.recording) != (self.take and self.take.recording)
        self.take = take
        if other and take is not None:
            self.want_keyframe()
        await self._end_recorder(if_any=other)

    def _records(self, now: float) -> bool:
        return self.take is not None and (self.take.until is None or now < self.take.until.timestamp())

    async def _end_recorder(self, if_any: bool = True) -> None:
        """Its last segment is closed when it returns, as is that of any that was ending before. Frames go to another one at once."""
        recorder = None
        if if_any:
            recorder, self._recorder = self._recorder, None
        async with self._turn:
            if recorder is not None:
                await recorder.close()

    def _recorder_of(self, publisher: Publisher) -> Recorder:
        if self._recorder is None:
            name = f"{time.time_ns() // 1_000_000}"
            receiving = publisher.receiving

            def reports():
                return tuple(receiving[kind].counters.report if kind in receiving else None for kind in ("video", "audio"))

            self._recorder = Recorder(self.folder / str(self.take.recording), name, publisher.lines, reports, publisher.want_keyframe)
        return self._recorder

    async def jpeg(self, max_width: int, patience_seconds: float) -> bytes | None:
        """A picture not older than a second, None if there is no media; TimeoutError if there is, but the publisher gave none in time."""
        if self.flow is not Flow.FLOWING or self.publisher is None:
            return None
        if self.keyframe is None or time.time() - self.keyframe[2] > FRAME_MAX_AGE_SECONDS:
            self._new_keyframe.clear()
            self.publisher.want_keyframe()
            await asyncio.wait_for(self._new_keyframe.wait(), patience_seconds)
            if self.flow is not Flow.FLOWING:
                # Woken by the loss: what was asked for had stopped already.
                return None
        codec, data, _ = self.keyframe
        return await asyncio.get_running_loop().run_in_executor(None, codecs.jpeg, codec, data, max_width)

    # --- viewers ---

    async def view(self, resource: str, group: str, offer: str) -> tuple[Viewer, str]:
        """A viewer of whoever publishes now."""
        publisher = self.publisher
        made = Viewer(resource, group, publisher.codec, self.want_keyframe)
        try:
            answer = await made.answer(offer, set(publisher.receiving))
        except Exception:
            await made.close()
            raise
        self.viewers[resource] = made
        return made, answer

    def want_keyframe(self) -> None:
        if self.publisher is not None:
            self.publisher.want_keyframe()

    async def unview(self, resource: str) -> None:
        viewer = self.viewers.pop(resource, None)
        if viewer is not None:
            await viewer.close()

    async def kick(self, what: str, group: str = "") -> None:
        """`publisher`, `viewers` (of a group, or all) or `all`."""
        if what in ("publisher", "all") and self.publisher is not None:
            await self.unpublish(self.publisher)
        if what in ("viewers", "all"):
            for resource in [key for key, viewer in self.viewers.items() if not group or viewer.group == group]:
                await self.unview(resource)

    # --- time passes ---

    async def tick(self) -> None:
        """Four times a second: losses, the dead, keyframes that are due, rates."""
        publisher, now = self.publisher, time.monotonic()
        if publisher is not None:
            last = publisher.last_packet
            if self.flow is Flow.FLOWING and (last is None or now - last > LOST_AFTER_SECONDS):
                self._hold()
                self._lose(publisher)
            if publisher.over:
                await self.unpublish(publisher)
            elif last is not None and self._keyframe_is_due(now, last):
                publisher.want_keyframe()
        if self._recorder is not None and not self._records(time.time()):
            await self._end_recorder()
        for resource in [key for key, viewer in self.viewers.items() if viewer.over or (publisher and publisher.codec not in ("", viewer.codec))]:
            await self.unview(resource)
        self._measure(now)

    def _keyframe_is_due(self, now: float, last_packet: float) -> bool:
        """Every few seconds, and at once where packets come again after a loss."""
        return now - self._last_keyframe > KEYFRAME_SECONDS or (self.flow is Flow.LOST and now - last_packet < 1)

    def _measure(self, now: float) -> None:
        rates, octets = self._rates, self.octets
        span = now - rates.at
        if span >= 1:
            kbps, fps = round((octets - rates.octets) * 8 / span / 1000), round((self._frames - rates.frames) / span, 1)
            self._rates = Rates(now, octets, self._frames, max(kbps, 0), fps)

    @property
    def octets(self) -> int:
        return self._octets_before + (self.publisher.octets if self.publisher else 0)

    @staticmethod
    def _counts_of(publisher: Publisher) -> dict[str, int]:
        receiving = publisher.receiving.values()
        return {
            "packets_lost": sum(one.packets_lost() for one in receiving),
            "nacks": sum(one.counters.nacks for one in receiving),
            "plis": sum(one.counters.plis for one in receiving),
        }

    def last_packet_at(self) -> float | None:
        """Unix seconds of the last picture packet while media flows; what a crash must not take along."""
        publisher = self.publisher
        if self.flow is not Flow.FLOWING or publisher is None or publisher.last_packet is None:
            return None
        return time.time() - (time.monotonic() - publisher.last_packet)

    def stats(self) -> dict:
        """`{status, since, inboundBytes, bitrateKbps, fps, width, height, codec, packetsLost, nacks, plis, viewers, recording,
        recordedBytes, recorderError}`; `recording` is the id of what it is to record into, or empty."""
        counts = dict(self._counts)
        if self.publisher is not None:
            now = self._counts_of(self.publisher)
            counts = {name: value + now[name] for name, value in counts.items()}
        return {
            "status": self.flow.value,
            "since": self.since,
            "inboundBytes": self.octets,
            "bitrateKbps": self._rates.bitrate_kbps,
            "fps": self._rates.fps,
            "width": self.width,
            "height": self.height,
            "codec": self.publisher.codec if self.publisher else "",
            "packetsLost": counts["packets_lost"],
            "nacks": counts["nacks"],
            "plis": counts["plis"],
            "viewers": sum(viewer.state == "connected" for viewer in self.viewers.values()),
            "recording": str(self.take.recording) if self.take else "",
            "recordedBytes": self._recorder.octets if self._recorder else 0,
            "recorderError": self._recorder.failed if self._recorder else "",
        }

    async def close(self) -> None:
        """Everybody is sent away; when it returns, what was recorded is on disk, also that of a publisher who was leaving by itself."""
        await self.kick("all")
        async with self._turn:
            pass
