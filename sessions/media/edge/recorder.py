"""Packets of one publication to segments on disk, as they were sent: VP8 to WebM, H.264 to MKV, Opus.

    <MEDIA_ROOT>/sessions/<session>/<recording>/<publication>.<n>.{webm,mkv}     and beside it .json: {startedAtMs, codec, width, height, audio}

A thread of its own muxes, so that a slow disk never holds up the event loop. A cluster is on disk every 2 s and an unclosed file stays
readable, so a kill costs that much. A segment begins with a keyframe, and after 60 s with the next one.
"""

import json
import queue
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import structlog

from sessions.media.edge import codecs, timeline

log = structlog.get_logger("media.recorder")
SEGMENT_SECONDS = 60
# Sender reports come within a second or so; without them sound and picture are aligned by arrival.
_PATIENCE_SECONDS = 1.5
_QUEUED = 3000
_RETRY_SECONDS = 5
_MILLISECOND = Fraction(1, 1000)
_OPTIONS = {"cluster_time_limit": "2000", "flush_packets": "1", "max_interleave_delta": "500000"}
FORMATS = {"vp8": ("webm", "webm"), "h264": ("matroska", "mkv")}


class Recorder:
    """Feed it with `video` and `audio` from the event loop; `close` ends the last segment and returns when it is on disk.

    `reports()` gives the (video, audio) sender reports, `want_keyframe` is called from the loop where one is needed.
    """

    def __init__(self, folder: Path, publication: str, lines: dict[str, timeline.Line], reports, want_keyframe):
        self._folder = folder
        self._publication = publication
        self._lines = lines
        self._reports = reports
        self._want_keyframe = want_keyframe
        self._queue: queue.Queue = queue.Queue(_QUEUED)
        self._holding = True
        self.failed = ""
        self.octets = 0
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    # --- on the event loop ---

    def video(self, codec: str, data: bytes, ticks: int, keyframe: bool, at: float) -> None:
        """A picture; `ticks` since the first of this publication, `at` its arrival in Unix seconds."""
        if self._holding and not keyframe:
            return
        self._holding = False
        self._put(("video", codec, data, ticks, keyframe, at))

    def audio(self, data: bytes, ticks: int, at: float) -> None:
        self._put(("audio", "opus", data, ticks, False, at))

    def hold(self) -> None:
        """Something is missing: nothing more until a keyframe."""
        self._holding = True

    def _put(self, item) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._holding = True
            self._want_keyframe()

    async def close(self) -> None:
        import asyncio

        await asyncio.get_running_loop().run_in_executor(None, self._end)

    def _end(self) -> None:
        self._queue.put(None)
        self._thread.join()

    # --- in the thread ---

    def _run(self) -> None:
        writer = _Writer(self)
        try:
            while (item := self._queue.get()) is not None:
                writer.take(item)
            writer.finish()
        except Exception:
            log.exception("recorder_stopped", publication=self._publication)
            self.failed = "recorder stopped"


class _Writer:
    """The thread's side: waits for the alignment, then muxes."""

    def __init__(self, recorder: Recorder):
        self._r = recorder
        self._waiting: list = []
        self._began: float | None = None
        # Seconds that sound lags the picture's line of time.
        self._offset: float | None = None
        self._segment: _Segment | None = None
        self._number = 0
        self._blocked_until = 0.0

    def take(self, item) -> None:
        if self._offset is None:
            self._waiting.append(item)
            self._align()
        else:
            self._write(item)

    def finish(self) -> None:
        if self._offset is None and self._waiting:
            self._align(now=True)
        self._close()

    def _align(self, now: bool = False) -> None:
        self._began = self._began or time.monotonic()
        lines, (video, audio) = self._r._lines, self._r._reports()
        if lines["video"].first is None:
            return
        offset = timeline.sound_offset(lines["video"], lines["audio"], video, audio)
        if offset is None and not now and time.monotonic() - self._began < _PATIENCE_SECONDS:
            return
        if offset is None or abs(offset) > 5:
            offset = self._by_arrival()
        self._offset = offset
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            self._write(item)

    def _by_arrival(self) -> float:
        def start(kind):
            rate = self._r._lines[kind].rate
            return next((at - ticks / rate for what, _, _, ticks, _, at in self._waiting if what == kind), None)

        picture, sound = start("video"), start("audio")
        return sound - picture if picture is not None and sound is not None else 0.0

    def _write(self, item) -> None:
        kind, codec, data, ticks, keyframe, at = item
        seconds = ticks / self._r._lines[kind].rate + (self._offset if kind == "audio" else 0)
        try:
            if kind == "video" and keyframe and self._is_time(codec, data, seconds):
                self._close()
                self._open(codec, data, seconds, at)
            if self._segment is not None:
                self._r.octets += self._segment.mux(kind, data, seconds, keyframe)
        except OSError as error:
            # A full disk, a mount that is away: the next keyframe after a while tries again, what was written stays.
            log.warning("recorder_waits", error=str(error))
            self._r.failed = str(error)
            self._segment, self._blocked_until = None, time.monotonic() + _RETRY_SECONDS

    def _is_time(self, codec: str, data: bytes, seconds: float) -> bool:
        if time.monotonic() < self._blocked_until:
            return False
        segment = self._segment
        return segment is None or segment.codec != codec or seconds - segment.start >= SEGMENT_SECONDS or segment.changed(data)

    def _open(self, codec: str, data: bytes, seconds: float, at: float) -> None:
        self._number += 1
        with_sound = self._r._lines["audio"].first is not None
        self._segment = _Segment.open(self._r._folder, f"{self._r._publication}.{self._number}", codec, data, seconds, at, with_sound)
        if self._segment is not None:
            self._r.failed = ""

    def _close(self) -> None:
        if self._segment is not None:
            segment, self._segment = self._segment, None
            segment.close()


class _Segment:
    """One file, its time beginning at its first keyframe."""

    def __init__(self, container, video, audio, codec: str, size: tuple[int, int], start: float):
        self._container, self._streams = container, {"video": video, "audio": audio}
        self.codec, self.size, self.start = codec, size, start
        self._last = {"video": -1, "audio": -1}

    @classmethod
    def open(cls, folder: Path, name: str, codec: str, keyframe: bytes, start: float, at: float, with_sound: bool) -> "_Segment | None":
        """None if the keyframe does not say what a muxer must know."""
        template = codecs.h264_template(keyframe) if codec == "h264" else None
        if codec == "h264" and template is None:
            return None
        size = (template.streams.video[0].width, template.streams.video[0].height) if template else codecs.vp8_size(keyframe)
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        kind, suffix = FORMATS[codec]
        facts = {"startedAtMs": round(at * 1000), "codec": codec, "width": size[0], "height": size[1], "audio": with_sound}
        path = folder / f"{name}.{suffix}"
        path.with_suffix(f".{suffix}.json").write_text(json.dumps(facts))
        container = av.open(str(path), "w", format=kind, options=_OPTIONS)
        if template:
            video = container.add_stream_from_template(template.streams.video[0])
            template.close()
        else:
            video = container.add_mux_stream("vp8", width=size[0], height=size[1])
        video.time_base = _MILLISECOND
        audio = container.add_stream("libopus", rate=48000, layout="stereo") if with_sound else None
        return cls(container, video, audio, codec, size, start)

    def changed(self, keyframe: bytes) -> bool:
        """Whether this keyframe has another size than the file says."""
        return self.codec == "vp8" and codecs.vp8_size(keyframe) != self.size

    def mux(self, kind: str, data: bytes, seconds: float, keyframe: bool) -> int:
        """The bytes that went into the file; what is older than the segment or out of order is left out."""
        stream = self._streams[kind]
        moment = round((seconds - self.start) * 1000)
        if stream is None or moment <= self._last[kind] or moment < 0:
            return 0
        self._last[kind] = moment
        packet = av.Packet(data)
        packet.stream = stream
        packet.time_base = _MILLISECOND
        packet.pts = packet.dts = moment
        packet.is_keyframe = keyframe or kind == "audio"
        self._container.mux_one(packet)
        return len(data)

    def close(self) -> None:
        self._container.close()
