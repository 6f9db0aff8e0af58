"""Segments of a session to one file for each track, by stream copy: nothing is decoded, silence is where there was none (07 §2).

A track lasts as long as the codec stays the same. Each segment lies where its first keyframe arrived, so that times without media stay
times without media. A segment that was never closed is read up to where it is whole.
"""

import json
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import structlog

from config.kernel import later

av = later.module("av")
log = structlog.get_logger("media.joining")
MIME_TYPES = {"vp8": "video/webm", "h264": "video/x-matroska"}
_FORMATS = {"vp8": "webm", "h264": "matroska"}
_MILLISECOND = Fraction(1, 1000)
# A pause between two segments that is longer is a gap; shorter ones are the cut itself.
GAP_MS = 500
_FRAME_MS = 33


@dataclass(frozen=True)
class Segment:
    """One file and what was noted beside it when it began."""

    path: Path
    started_at_ms: int
    codec: str


@dataclass
class Track:
    """A joined file. `gaps` are `(at_ms, length_ms)` in its own time."""

    path: Path
    codec: str
    started_at_ms: int
    duration_ms: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)


def segments(folder: Path) -> list[Segment]:
    """The segments in a folder, oldest first; one without its note, or empty, is none."""
    found = []
    for note in folder.glob("*.json") if folder.is_dir() else ():
        path = note.with_suffix("")
        try:
            facts = json.loads(note.read_text())
            if path.stat().st_size:
                found.append(Segment(path, int(facts["startedAtMs"]), str(facts["codec"])))
        except (OSError, ValueError, KeyError) as error:
            log.warning("segment_without_note", segment=path.name, error=type(error).__name__)
    return sorted(found, key=lambda segment: (segment.started_at_ms, segment.path.name))


def tracks(found: list[Segment]) -> list[list[Segment]]:
    """Segments in runs of one codec."""
    runs: list[list[Segment]] = []
    for segment in found:
        if runs and runs[-1][0].codec == segment.codec:
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return runs


def join(run: list[Segment], target: Path) -> Track | None:
    """Join a run of segments into `target`; None, and no file, if not one picture is in them."""
    track = Track(target, run[0].codec, run[0].started_at_ms)
    writer = _Writer(target, run)
    try:
        for segment in run:
            writer.add(segment, track)
    finally:
        writer.close()
    if not track.duration_ms:
        target.unlink(missing_ok=True)
        return None
    return track


class _Writer:
    def __init__(self, target: Path, run: list[Segment]):
        self._container = av.open(str(target), "w", format=_FORMATS[run[0].codec])
        self._streams: dict[str, object] = {}
        self._last = {"video": -1, "audio": -1}
        for segment in run:
            self._add_streams(segment)

    def _add_streams(self, segment: Segment) -> None:
        """A stream of each kind from the first segment that has it: they must all be known before the first packet."""
        if len(self._streams) == 2:
            return
        try:
            with av.open(str(segment.path)) as source:
                for stream in [*source.streams.video[:1], *source.streams.audio[:1]]:
                    if stream.type not in self._streams:
                        self._streams[stream.type] = self._container.add_stream_from_template(stream)
        except av.FFmpegError as error:
            log.warning("segment_unreadable", segment=segment.path.name, error=type(error).__name__)

    def add(self, segment: Segment, track: Track) -> None:
        begins = max(segment.started_at_ms - track.started_at_ms, track.duration_ms)
        try:
            with av.open(str(segment.path)) as source:
                chosen = [stream for stream in [*source.streams.video[:1], *source.streams.audio[:1]] if stream.type in self._streams]
                if track.duration_ms and begins - track.duration_ms > GAP_MS:
                    track.gaps.append((track.duration_ms, begins - track.duration_ms))
                for packet in source.demux(chosen):
                    if packet.dts is not None and packet.size:
                        self._copy(packet, begins, track)
        except av.FFmpegError as error:
            # Cut off by a kill: what came before is whole.
            log.info("segment_ends_early", segment=segment.path.name, error=type(error).__name__)

    def _copy(self, packet: "av.Packet", begins: int, track: Track) -> None:
        kind = packet.stream.type
        moment = max(begins + round(packet.dts * packet.time_base * 1000), self._last[kind] + 1)
        self._last[kind] = moment
        packet.stream = self._streams[kind]
        packet.time_base = _MILLISECOND
        packet.pts = packet.dts = moment
        self._container.mux_one(packet)
        if kind == "video":
            track.duration_ms = max(track.duration_ms, moment + _FRAME_MS)

    def close(self) -> None:
        self._container.close()
