"""Decode a stored file once: frames, peaks, loudness, silence and, where no browser plays the original, an mp3 of it.

Streaming, in packed formats: memory doesn't grow with the file. Imports no Django, so it can be tried on any file.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import av
import numpy as np

from recordings.library.loudness import Loudness
from recordings.library.peaks import PeakBuilder, pack, preview
from recordings.library.silence import SilentSpans

BLOCK_FRAMES = 1 << 15
RENDITION_BITRATE = 128_000
_RENDITION_RATES = (32000, 44100, 48000)
_SCALES = {"u8": (128.0, 128.0), "s16": (0.0, 32768.0), "s32": (0.0, 2147483648.0), "flt": (0.0, 1.0), "dbl": (0.0, 1.0)}


class Silent(ValueError):
    """There is no sound in the file, which is no fault of a picture."""


class Undecodable(ValueError):
    """The file holds no audio that can be decoded."""


@dataclass(frozen=True)
class Findings:
    """What one pass found. `peaks` are the bytes of the `.peaks` file."""

    codec: str
    sample_rate: int
    channels: int
    frames: int
    duration_seconds: float
    peaks: bytes
    preview: list[float]
    loudness: dict | None
    silent_spans: list[dict]


def samples(frame: av.AudioFrame) -> np.ndarray:
    """A decoded frame as float32 (frames, channels), full scale ±1."""
    name = frame.format.name
    offset, scale = _SCALES[name.removesuffix("p")]
    raw = frame.to_ndarray()
    shaped = raw.T if frame.format.is_planar else raw.reshape(-1, frame.layout.nb_channels)
    values = shaped.astype(np.float32)
    return (values - offset) / np.float32(scale) if (offset, scale) != (0.0, 1.0) else values


def blocks(container) -> Iterator[tuple[av.AudioFrame, np.ndarray]]:
    """(frame, samples) of the first audio stream; a damaged packet in the middle is skipped, as players do."""
    stream = container.streams.audio[0]
    stream.thread_type = "NONE"
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            yield frame, samples(frame)


class Analyser:
    """Collects small frames into blocks and feeds every measure."""

    def __init__(self, channels: int, rate: int, *, silence: bool = True):
        self.channels, self.rate, self.frames = channels, rate, 0
        self._peaks = PeakBuilder(channels, rate)
        self._loudness = Loudness(channels, rate)
        self._silence = SilentSpans(rate) if silence else None
        self._waiting: list[np.ndarray] = []
        self._waiting_frames = 0

    def add(self, values: np.ndarray) -> None:
        self._waiting.append(values)
        self._waiting_frames += len(values)
        if self._waiting_frames >= BLOCK_FRAMES:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        # Channel-major in memory: the measures run along it.
        block = np.concatenate([part.T for part in self._waiting], axis=1).T
        self._waiting, self._waiting_frames = [], 0
        self.frames += len(block)
        self._peaks.add(block)
        self._loudness.add(block)
        if self._silence:
            self._silence.add(block)

    def findings(self, codec: str) -> Findings:
        """Undecodable if not one frame came."""
        self._flush()
        if not self.frames:
            raise Undecodable("no audio frame could be decoded")
        levels = self._peaks.levels()
        return Findings(
            codec=codec,
            sample_rate=self.rate,
            channels=self.channels,
            frames=self.frames,
            duration_seconds=self.frames / self.rate,
            peaks=pack(levels, channels=self.channels, sample_rate=self.rate, frames=self.frames),
            preview=preview(levels),
            loudness=self._loudness.result(),
            silent_spans=self._silence.result() if self._silence else [],
        )


class Rendition:
    """An mp3, 128 kb/s, stereo mix, written beside the decode."""

    def __init__(self, path: str, rate: int):
        self._rate = rate if rate in _RENDITION_RATES else 48000
        self._source_rate = rate
        self._container = av.open(path, "w", format="mp3")
        self._stream = self._container.add_stream("mp3", rate=self._rate, layout="stereo")
        self._stream.bit_rate = RENDITION_BITRATE
        self._resampler = av.AudioResampler(format=self._stream.format, layout="stereo", rate=self._rate)
        self._written = 0

    def add(self, values: np.ndarray) -> None:
        """Odd channels left, even ones right, each side the mean of its own; one channel on both."""
        left = values[:, 0::2].mean(axis=1)
        right = values[:, 1::2].mean(axis=1) if values.shape[1] > 1 else left
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(np.stack([left, right]), dtype=np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = self._source_rate, self._written
        self._written += len(values)
        self._encode(frame)

    def _encode(self, frame) -> None:
        for piece in self._resampler.resample(frame):
            piece.pts = None
            self._container.mux(self._stream.encode(piece))

    def close(self) -> None:
        try:
            self._encode(None)
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


def analyse(handle, *, silence: bool = True, rendition_path=None) -> Findings:
    """One pass over an open file; writes an mp3 to `rendition_path(channels, codec, bits)` if that names one. Undecodable."""
    analyser, rendition, codec = None, None, ""
    try:
        with av.open(handle, "r") as container:
            if not container.streams.audio:
                if container.streams.video:
                    raise Silent
                raise Undecodable("there is no audio in this file")
            # The format by name, not which of FFmpeg's decoders reads it (`mp3float`).
            codec = container.streams.audio[0].codec_context.codec.canonical_name
            with closing(blocks(container)) as decoded:
                for frame, values in decoded:
                    if analyser is None:
                        analyser = Analyser(values.shape[1], frame.sample_rate, silence=silence)
                        path = rendition_path(values.shape[1], codec) if rendition_path else None
                        rendition = Rendition(path, frame.sample_rate) if path else None
                    analyser.add(values)
                    if rendition:
                        rendition.add(values)
    except av.error.FFmpegError as error:
        raise Undecodable(str(error)) from error
    finally:
        if rendition:
            rendition.close()
    if analyser is None:
        raise Undecodable("no audio frame could be decoded")
    return analyser.findings(codec)
