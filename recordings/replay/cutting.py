"""A piece of a session's picture and sound as a file of its own, by stream copy from the keyframe at or before its in point (07 §9).

Sources are segments that the recorder still writes, or the joined file of a recording: each lies where its first keyframe arrived, and is read
as far as it goes. Nothing is decoded. All times are milliseconds; Unix time where they name a moment.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from config.kernel import later
from sessions.media.joining import GAP_MS, Segment

av = later.module("av")

_FORMATS = {"vp8": "webm", "h264": "matroska"}
_MILLISECOND = Fraction(1, 1000)
_FRAME_MS = 33
# Sound and picture lie this close together in a file.
_INTERLEAVE_MS = 1000
# Less than this is read from the front; a long file is entered by its index.
_SEEK_FROM_MS = 90_000
# A whole picture comes every few seconds; what lies further before is not read for one.
_GOP_MS = 60_000


@dataclass
class Cut:
    """What was written. `play_from_ms`: the in point in the file; `duration_ms` from there; `gaps` are (at from the in point, length).

    `reached`: the picture went on to the out point.
    """

    codec: str
    play_from_ms: int
    duration_ms: int
    reached: bool
    gaps: list[tuple[int, int]] = field(default_factory=list)


def reaches(segments: list[Segment], out_ms: int) -> bool:
    """Whether a picture at or after `out_ms` can be read already."""
    if any(segment.started_at_ms >= out_ms for segment in segments):
        return True
    return bool(segments) and any(at >= out_ms for at, _ in _pictures(segments[-1], out_ms))


def cut(segments: list[Segment], in_ms: int, out_ms: int, target: Path) -> Cut | None:
    """Write the piece to `target`; None, and no file, if not one picture of it is there. `segments` are sorted by their beginning."""
    run = _run(segments, in_ms, out_ms)
    begins = _beginning(run, in_ms, out_ms)
    if begins is None:
        return None
    writer = _Writer(target, run, begins, in_ms, out_ms)
    try:
        for segment in run:
            writer.add(segment)
    finally:
        writer.close()
    made = writer.result()
    if made is None:
        target.unlink(missing_ok=True)
    return made


def _run(segments: list[Segment], in_ms: int, out_ms: int) -> list[Segment]:
    """Those that hold the piece: from the last one that began before it on, as long as the codec stays the same."""
    found = [segment for segment in segments if segment.started_at_ms < out_ms]
    before = [index for index, segment in enumerate(found) if segment.started_at_ms <= in_ms]
    found = found[before[-1] if before else 0 :]
    same = []
    for segment in found:
        if segment.codec != found[0].codec:
            break
        same.append(segment)
    return same


def _beginning(run: list[Segment], in_ms: int, out_ms: int) -> int | None:
    """The moment of the keyframe at or before the in point, else of the first one after it."""
    for segment in run:
        chosen = None
        for at, keyframe in _pictures(segment, in_ms):
            if at >= out_ms or (at > in_ms and chosen is not None):
                break
            if keyframe:
                chosen = at
        if chosen is not None:
            return chosen
    return None


def _pictures(segment: Segment, around_ms: int) -> Iterator[tuple[int, bool]]:
    """(moment, is it a keyframe) of the pictures from some time before `around_ms` on."""
    with suppress(av.FFmpegError), av.open(str(segment.path)) as source:
        for packet in _packets(source, segment, around_ms, source.streams.video[:1]):
            yield segment.started_at_ms + _moment(packet), packet.is_keyframe


def _packets(source, segment: Segment, around_ms: int, streams) -> "Iterator[av.Packet]":
    if not source.streams.video:
        return
    ahead = around_ms - segment.started_at_ms
    if ahead > _SEEK_FROM_MS:
        # By the index of a joined file, to a keyframe at or before; one that has no index is read from its front.
        with suppress(av.FFmpegError):
            source.seek((ahead - _GOP_MS) * 1000, backward=True)
    for packet in source.demux(streams):
        if packet.dts is not None and packet.size:
            yield packet


def _moment(packet: "av.Packet") -> int:
    return round(packet.dts * packet.time_base * 1000)


class _Writer:
    def __init__(self, target: Path, run: list[Segment], begins: int, in_ms: int, out_ms: int):
        self.codec = run[0].codec
        self._begins, self._in, self._out = begins, in_ms, out_ms
        self._container = av.open(str(target), "w", format=_FORMATS[self.codec])
        self._streams: dict[str, object] = {}
        self._last = {"video": -1, "audio": -1}
        self._gaps: list[tuple[int, int]] = []
        # Of the sources, where the last picture was over.
        self._shown_until = max(in_ms, begins)
        self._reached = False
        if begins > in_ms:
            self._gap(in_ms, begins)
        for segment in run:
            self._add_streams(segment)

    def _add_streams(self, segment: Segment) -> None:
        """A stream of each kind from the first segment that has it: all must be known before the first packet."""
        if len(self._streams) == 2:
            return
        with suppress(av.FFmpegError), av.open(str(segment.path)) as source:
            for stream in [*source.streams.video[:1], *source.streams.audio[:1]]:
                if stream.type not in self._streams:
                    self._streams[stream.type] = self._container.add_stream_from_template(stream)

    def add(self, segment: Segment) -> None:
        # One that is cut off, or still being written, is read as far as it goes.
        with suppress(av.FFmpegError), av.open(str(segment.path)) as source:
            chosen = [stream for stream in [*source.streams.video[:1], *source.streams.audio[:1]] if stream.type in self._streams]
            for packet in _packets(source, segment, self._begins, chosen):
                at = segment.started_at_ms + _moment(packet)
                if packet.stream.type == "video" and at >= self._out:
                    self._reached = True
                if at >= self._out + _INTERLEAVE_MS:
                    return
                if self._begins <= at < self._out:
                    self._copy(packet, at)

    def _copy(self, packet: "av.Packet", at: int) -> None:
        kind = packet.stream.type
        if kind == "video":
            if at - self._shown_until > GAP_MS:
                self._gap(self._shown_until, at)
            self._shown_until = max(self._shown_until, at + _FRAME_MS)
        moment = max(at - self._begins, self._last[kind] + 1)
        self._last[kind] = moment
        packet.stream = self._streams[kind]
        packet.time_base = _MILLISECOND
        packet.pts = packet.dts = moment
        self._container.mux_one(packet)

    def _gap(self, since: int, until: int) -> None:
        since, until = max(since, self._in), min(until, self._out)
        if until - since > GAP_MS:
            self._gaps.append((since - self._in, until - since))

    def close(self) -> None:
        self._container.close()

    def result(self) -> Cut | None:
        if self._last["video"] < 0 or self._shown_until <= self._in:
            return None
        until = self._out if self._reached else min(self._shown_until, self._out)
        if self._reached and self._out - self._shown_until > GAP_MS:
            self._gap(self._shown_until, self._out)
        return Cut(self.codec, max(self._in - self._begins, 0), until - self._in, self._reached, self._gaps)
