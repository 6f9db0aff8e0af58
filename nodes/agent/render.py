"""Rendering follows the segments: each closed one is encoded at once, so that little is left at a stop.

Position in a file is position in time: what nobody captured is silence of the same length, listed.
A track is cut on a frame; the boundary frame belongs to the later track. If an encoder fails, the
track is made again as WAV from its segments; if that fails too, the segments go to quarantine.
"""

import errno
import hashlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nodes.agent import durable, encode, loudness
from nodes.agent.channels import ChannelMap
from nodes.agent.jobs import Job, Track
from nodes.agent.meters import SCALES, to_float
from nodes.agent.segments import Segment

log = logging.getLogger("tallyroom.agent.render")

CHUNK_SECONDS = 1
DISK_RETRY_SECONDS = 1.0


class RenderFailed(Exception):
    """Not even WAV could be written."""


class TrackFile:
    """One track being written. `feed` in timeline order, then `finish`."""

    def __init__(self, job: Job, track: Track, first: Segment, codec: str):
        self._job, self.track, self.codec = job, track, codec
        self._format = first.sample_format
        self._map = ChannelMap(job.command, first.channels)
        self._source_channels = first.channels
        self._position = track.first_frame
        self._peak = 0.0
        self._loudness = loudness.Integrated(job.sample_rate, self._map.channels)
        self.had_gap = False
        name = f"{track.index}.{encode.EXTENSIONS[codec]}"
        self.path = job.render_folder / name
        self._part = job.render_folder / f"{name}.part"
        self._encoder = encode.open_encoder(
            self._part,
            codec=codec,
            output=job.output,
            sample_rate=job.sample_rate,
            channels=self._map.channels,
            source=first.sample_format,
        )

    def feed(self, segment: Segment) -> None:
        self._silence(segment.first_frame)
        for samples in segment.read(self._job.sample_rate * CHUNK_SECONDS):
            self._write(self._fit(samples))
        self._position = segment.end_frame

    def _silence(self, until: int) -> None:
        missing = until - self._position
        self.had_gap = self.had_gap or missing > 0
        dtype = {"s16": np.int16, "f32": np.float32}.get(self._format, np.int32)
        while missing > 0:
            count = min(missing, self._job.sample_rate * CHUNK_SECONDS)
            self._write(np.zeros((count, self._source_channels), dtype=dtype))
            missing -= count
        self._position = max(self._position, until)

    def _fit(self, samples: np.ndarray) -> np.ndarray:
        """A device that came back with other channels fills the ones the track began with."""
        missing = self._source_channels - samples.shape[1]
        if missing > 0:
            return np.pad(samples, ((0, 0), (0, missing)))
        return samples[:, : self._source_channels]

    def _write(self, samples: np.ndarray) -> None:
        mapped = self._map.apply(samples)
        self._encoder.write(mapped)
        floats = to_float(mapped, self._format if self._format in SCALES else "s32")
        self._peak = max(self._peak, float(np.abs(floats).max(initial=0.0)))
        self._loudness.feed(floats)

    def finish(self, end_frame: int, *, final: bool) -> None:
        """Fill up to `end_frame`, make the file durable and measure it into the track."""
        self._silence(end_frame)
        self._encoder.finish()
        with self._part.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        self._part.rename(self.path)
        durable.fsync(self.path.parent)
        track, loud = self.track, self._loudness.result()
        track.frames = end_frame - track.first_frame
        track.path, track.sha256 = self.path.name, digest
        track.size_bytes = self.path.stat().st_size
        track.final = final
        track.peak_dbfs = round(float(20 * np.log10(max(self._peak, 1e-8))), 2)
        track.lufs_integrated = None if loud is None else round(loud, 2)
        track.partial = self.had_gap or (final and self._job.ended_early)
        track.state = "rendered"

    def abort(self) -> None:
        self._encoder.abort()
        self._part.unlink(missing_ok=True)


class Renderer:
    """A thread per job. `offer` a closed segment; `finish` when no more will come.

    `on_track` is called on this thread after a track is whole and saved; `on_end` once, with the
    error if rendering failed for good.
    """

    def __init__(
        self,
        job: Job,
        *,
        on_track: Callable[[Track], None],
        on_end: Callable[[Exception | None], None],
        on_fallback: Callable[[Track, str], None],
    ):
        self._job = job
        self._on_track, self._on_end, self._on_fallback = on_track, on_end, on_fallback
        self._wake = threading.Condition()
        self._waiting: list[Segment] = []
        self._ending = False
        self._stopped = False
        self._track: Track | None = None
        self._file: TrackFile | None = None
        self._codec = "wav"
        self._fed: list[Segment] = []
        self._thread = threading.Thread(target=self._run, name="render", daemon=True)

    def start(self, waiting: list[Segment]) -> None:
        """Begin with the segments that no finished track contains yet."""
        job = self._job
        done = {track.cell for track in job.tracks if track.state != "open"}
        self._waiting = [s for s in waiting if job.cell_of(s.first_frame) not in done]
        wanted = done | {job.cell_of(segment.first_frame) for segment in self._waiting}
        job.tracks = [track for track in job.tracks if track.cell in wanted]
        self._thread.start()

    def offer(self, segment: Segment) -> None:
        with self._wake:
            self._waiting.append(segment)
            self._wake.notify()

    def finish(self) -> None:
        with self._wake:
            self._ending = True
            self._wake.notify()

    def stop(self) -> None:
        """Leave everything as it is; the next start renders again."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def _run(self) -> None:
        try:
            while (segment := self._next()) is not None:
                self._take(segment)
            if self._stopped:
                return
            if self._track is not None:
                self._close_last()
        except Exception as error:
            log.exception("job %s could not be rendered", self._job.job_id)
            self._on_end(error)
            return
        self._on_end(None)

    def _next(self) -> Segment | None:
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._ending or self._stopped)
            if self._stopped or not self._waiting:
                return None
            return self._waiting.pop(0)

    def _take(self, segment: Segment) -> None:
        job = self._job
        cell = job.cell_of(segment.first_frame)
        if self._track is not None and self._track.cell != cell:
            self._close_full()
        if self._track is None:
            self._track = self._new_track(cell)
            self._codec = job.output.get("codec") or "wav"
        self._fed.append(segment)
        self._again(self._feed_newest)

    def _new_track(self, cell: int) -> Track:
        """The next number in the timeline; a track that is rendered again keeps its own."""
        job = self._job
        with job.lock:
            others = [track for track in job.tracks if track.cell != cell]
            before = [track for track in others if track.cell < cell]
            track = Track(index=len(before) + 1, cell=cell, first_frame=job.cell_start(cell))
            job.tracks = sorted([*others, track], key=lambda known: known.cell)
        return track

    def _close_full(self) -> None:
        self._close(self._job.cell_start(self._track.cell + 1), final=False)

    def _close_last(self) -> None:
        """No segment follows; yet a track that was rendered again may have later ones."""
        if self._track is self._job.tracks[-1]:
            self._close(self._fed[-1].end_frame, final=True)
        else:
            self._close_full()

    def _feed_newest(self) -> None:
        if self._file is None:
            self._begin()
        else:
            self._file.feed(self._fed[-1])

    def _begin(self) -> None:
        """Write the track from all its segments so far."""
        self._file = TrackFile(self._job, self._track, self._fed[0], self._codec)
        for segment in self._fed:
            self._file.feed(segment)

    def _close(self, end_frame: int, *, final: bool) -> None:
        def action() -> None:
            if self._file is None:
                self._begin()
            self._file.finish(end_frame, final=final)
            self._job.save_track(self._track)

        self._again(action)
        if self._stopped:
            return
        track, self._track, self._file, self._fed = self._track, None, None, []
        self._on_track(track)

    def _again(self, action: Callable[[], None]) -> None:
        """Do it. After a failure the part is dropped and the track written anew: on a full disk
        each second for ever, on a codec's failure as WAV."""
        while not self._stopped:
            try:
                action()
                return
            except (OSError, encode.EncodeError, ValueError) as error:
                if self._file is not None:
                    self._file.abort()
                    self._file = None
                if getattr(error, "errno", None) != errno.ENOSPC:
                    self._fall_back(error)
                    continue
            with self._wake:
                self._wake.wait_for(lambda: self._stopped, DISK_RETRY_SECONDS)

    def _fall_back(self, error: Exception) -> None:
        if self._codec == "wav":
            raise RenderFailed(str(error)) from error
        self._codec = self._track.render_fallback = "wav"
        self._on_fallback(self._track, str(error))


def export(job: Job, out: Path, codec: str) -> None:
    """All segments of a job as one file, whatever its tracks; gaps are silence."""
    first = job.segments[0]
    mapping = ChannelMap(job.command, first.channels)
    encoder = encode.open_encoder(
        out,
        codec=codec,
        output=job.output if job.output.get("codec") == codec else {},
        sample_rate=first.sample_rate,
        channels=mapping.channels,
        source=first.sample_format,
    )
    position = first.first_frame
    dtype = {"s16": np.int16, "f32": np.float32}.get(first.sample_format, np.int32)
    for segment in job.segments:
        for start in range(position, segment.first_frame, first.sample_rate):
            count = min(first.sample_rate, segment.first_frame - start)
            encoder.write(np.zeros((count, mapping.channels), dtype=dtype))
        for samples in segment.read(first.sample_rate):
            encoder.write(mapping.apply(samples))
        position = segment.end_frame
    encoder.finish()
