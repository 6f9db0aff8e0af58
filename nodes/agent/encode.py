"""Encoders of a track: wav by our own writer, flac, mp3 and opus by PyAV. One interface for all."""

import errno
from pathlib import Path
from typing import Protocol

import av
import numpy as np

from nodes.agent import durable, segments, wav

EXTENSIONS = {"wav": "wav", "flac": "flac", "mp3": "mp3", "opus": "opus"}
MIME_TYPES = {"wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg", "opus": "audio/ogg"}
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_CODECS = {
    "flac": ("flac", "flac"),
    "mp3": ("libmp3lame", "mp3"),
    "opus": ("libopus", "ogg"),
}
_FRAME_FORMATS = {np.dtype(np.int16): "s16", np.dtype(np.int32): "s32", np.dtype(np.float32): "flt"}
MP3_RATES = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)


class EncodeError(Exception):
    """The encoder refused: another codec may still work."""


class Encoder(Protocol):
    """Takes (frames, channels) arrays in order; `finish` makes the file whole and durable."""

    def write(self, samples: np.ndarray) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class WavEncoder:
    def __init__(self, path: Path, *, output: dict, sample_rate: int, channels: int, source: str):
        depth = output.get("bitDepth") or {"s16": 16, "s24": 24}.get(source, 32)
        self._format = {16: "s16", 24: "s24"}.get(depth, "f32" if source == "f32" else "s32")
        self._writer = wav.WavWriter(path, sample_rate=sample_rate, channels=channels, sample_format=self._format)
        self.abort = self._writer.abort
        self.finish = self._writer.finish

    def write(self, samples: np.ndarray) -> None:
        ready = wav.to_format(samples, self._format)
        self._writer.write(segments.pack(ready, self._format), len(samples))


class AvEncoder:
    """flac, mp3, opus. Raises EncodeError; a full disk is an OSError as everywhere."""

    def __init__(
        self,
        path: Path,
        *,
        codec: str,
        output: dict,
        sample_rate: int,
        channels: int,
        source: str,
    ):
        self._path = path
        name, container = _CODECS[codec]
        self._rate = sample_rate
        self._layout = _LAYOUTS.get(channels, f"{channels} channels")
        self._frames = 0
        try:
            self._container = av.open(str(path), "w", format=container)
            options = {"mapping_family": "255"} if codec == "opus" and channels > 2 else {}
            if codec == "opus":
                options["vbr"] = "on" if output.get("vbr") else "off"
            self._stream = self._container.add_stream(name, rate=_output_rate(codec, output, sample_rate), options=options)
            context = self._stream.codec_context
            context.layout = self._layout
            context.format = _encoder_format(codec, output, source)
            if output.get("bitrateKbps") and codec != "flac":
                context.bit_rate = int(output["bitrateKbps"]) * 1000
        except (av.error.FFmpegError, ValueError, TypeError) as error:
            raise EncodeError(f"{codec}: {error}") from error

    def write(self, samples: np.ndarray) -> None:
        packed = np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format=_FRAME_FORMATS[samples.dtype], layout=self._layout)
        frame.sample_rate, frame.pts = self._rate, self._frames
        self._frames += len(samples)
        self._encode(frame)

    def finish(self) -> None:
        self._encode(None)
        self._guard(self._container.close)
        durable.fsync(self._path)

    def abort(self) -> None:
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):
            return  # the file is thrown away anyway

    def _encode(self, frame: av.AudioFrame | None) -> None:
        self._guard(lambda: self._container.mux(self._stream.encode(frame)))

    def _guard(self, action) -> None:
        try:
            action()
        except (av.error.FFmpegError, ValueError, OSError) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise OSError(errno.ENOSPC, "no space left on device") from error
            raise EncodeError(str(error)) from error


def open_encoder(path: Path, *, codec: str, output: dict, sample_rate: int, channels: int, source: str) -> Encoder:
    """`source` is the segments' sample format. Raises EncodeError, OSError."""
    if codec == "wav":
        return WavEncoder(path, output=output, sample_rate=sample_rate, channels=channels, source=source)
    if codec not in _CODECS:
        raise EncodeError(f"{codec!r} is no codec of this agent")
    return AvEncoder(
        path,
        codec=codec,
        output=output,
        sample_rate=sample_rate,
        channels=channels,
        source=source,
    )


def _output_rate(codec: str, output: dict, source_rate: int) -> int:
    if codec == "opus":
        return 48000
    wanted = output.get("sampleRate") or source_rate
    if codec != "mp3":
        return wanted
    return next((rate for rate in MP3_RATES if rate <= wanted), MP3_RATES[-1])


def _encoder_format(codec: str, output: dict, source: str) -> str:
    if codec == "flac":
        depth = output.get("bitDepth") or (16 if source == "s16" else 24)
        return "s16" if depth == 16 else "s32"
    return "fltp" if codec == "mp3" else "flt"
