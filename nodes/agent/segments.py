"""Segments: at most a minute of raw interleaved samples, and a sidecar that explains them.

    seg/000001.pcm   little-endian s16 | s24 | s32 | f32, synced every two seconds
    seg/000001.json  {startAt, firstFrame, frames, sampleRate, channels, format, sha256}

The sidecar is written when the segment opens (frames null) and again when it closes, so that after
a power cut each segment still knows its place. `frames` may be fewer than the file holds: what came
after an operator's stop is kept on disk but belongs to no track.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nodes.agent import durable

BYTES = {"s16": 2, "s24": 3, "s32": 4, "f32": 4}


def pack(samples: np.ndarray, sample_format: str) -> bytes:
    """(frames, channels) int16, int32 or float32 → raw bytes; s24 drops the low byte of int32."""
    if sample_format == "s16":
        return samples.astype("<i2", copy=False).tobytes()
    if sample_format == "s24":
        wide = np.ascontiguousarray(samples, dtype="<i4").view(np.uint8)
        return wide.reshape(-1, 4)[:, 1:].tobytes()
    return samples.astype("<i4" if sample_format == "s32" else "<f4", copy=False).tobytes()


def unpack(content: bytes, sample_format: str, channels: int) -> np.ndarray:
    """The inverse of `pack`: s24 comes back left-justified in int32."""
    if sample_format == "s24":
        wide = np.zeros((len(content) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(content, dtype=np.uint8).reshape(-1, 3)
        return wide.view("<i4").reshape(-1, channels)
    dtype = {"s16": "<i2", "s32": "<i4", "f32": "<f4"}[sample_format]
    return np.frombuffer(content, dtype=dtype).reshape(-1, channels)


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment; `first_frame` is its place in the recording's timeline."""

    index: int
    first_frame: int
    frames: int
    sample_rate: int
    channels: int
    sample_format: str
    start_at: str
    path: Path

    @property
    def end_frame(self) -> int:
        return self.first_frame + self.frames

    @property
    def frame_bytes(self) -> int:
        return self.channels * BYTES[self.sample_format]

    def read(self, chunk_frames: int):
        """Yield (frames, channels) arrays."""
        left = self.frames
        with self.path.open("rb") as stream:
            while left:
                count = min(left, chunk_frames)
                content = stream.read(count * self.frame_bytes)
                if len(content) < count * self.frame_bytes:
                    raise OSError(f"{self.path.name} is shorter than its sidecar says")
                yield unpack(content, self.sample_format, self.channels)
                left -= count

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".json").unlink(missing_ok=True)


class SegmentWriter:
    """Writes one segment. OSError (a full disk) passes through; `close` saves what is whole."""

    def __init__(
        self,
        folder: Path,
        *,
        index: int,
        first_frame: int,
        sample_rate: int,
        channels: int,
        sample_format: str,
        start_at: str,
    ):
        self.first_frame, self.frames = first_frame, 0
        self._meta = {
            "startAt": start_at,
            "firstFrame": first_frame,
            "frames": None,
            "sampleRate": sample_rate,
            "channels": channels,
            "format": sample_format,
            "sha256": None,
        }
        self._index, self._format = index, sample_format
        self.frame_bytes = channels * BYTES[sample_format]
        self._digest: str | None = None
        self.path = folder / f"{index:06d}.pcm"
        self._hash = hashlib.sha256()
        durable.write_json(self.path.with_suffix(".json"), self._meta)
        self._stream = self.path.open("wb", buffering=0)

    @property
    def end_frame(self) -> int:
        return self.first_frame + self.frames

    def write(self, samples: np.ndarray) -> None:
        content = memoryview(pack(samples, self._format))
        while content:
            written = self._stream.write(content)
            self._hash.update(content[:written])
            content = content[written:]
        self.frames += len(samples)

    def sync(self) -> None:
        os.fdatasync(self._stream.fileno())

    def close(self, keep_frames: int | None = None) -> Segment:
        """Sync, write the sidecar; with `keep_frames` only so many belong to the recording.

        After an OSError it may be called again.
        """
        if not self._stream.closed:
            size = self.frames * self.frame_bytes
            broken = os.fstat(self._stream.fileno()).st_size != size
            if broken:  # a full disk cut a write short
                os.ftruncate(self._stream.fileno(), size)
            os.fsync(self._stream.fileno())
            self._stream.close()
            self._digest = _sha256(self.path) if broken else self._hash.hexdigest()
        frames = self.frames if keep_frames is None else min(self.frames, keep_frames)
        return _close(self.path, self._index, self._meta, frames, self._digest)


def _close(path: Path, index: int, meta: dict, frames: int, digest: str) -> Segment:
    meta = meta | {"frames": frames, "sha256": digest}
    durable.write_json(path.with_suffix(".json"), meta)
    return _segment(path, index, meta)


def _segment(path: Path, index: int, meta: dict) -> Segment:
    return Segment(
        index=index,
        first_frame=int(meta["firstFrame"]),
        frames=int(meta["frames"]),
        sample_rate=int(meta["sampleRate"]),
        channels=int(meta["channels"]),
        sample_format=str(meta["format"]),
        start_at=str(meta["startAt"]),
        path=path,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def recover(folder: Path, first: dict) -> list[Segment]:
    """All segments after a crash: open ones are cut to a whole frame and closed.

    A segment without a readable sidecar takes format and place from the one before it; `first` is
    what the very first one's sidecar would say.
    """
    segments: list[Segment] = []
    for path in sorted(folder.glob("*.pcm")):
        index = int(path.stem)
        meta = _read_sidecar(path) or (_after(segments[-1]) if segments else first)
        if meta.get("frames") is None:
            frame_bytes = int(meta["channels"]) * BYTES[meta["format"]]
            frames = path.stat().st_size // frame_bytes
            os.truncate(path, frames * frame_bytes)
            segments.append(_close(path, index, meta, frames, _sha256(path)))
        else:
            segments.append(_segment(path, index, meta))
    return [segment for segment in segments if segment.frames]


def _read_sidecar(path: Path) -> dict | None:
    try:
        meta = durable.read_json(path.with_suffix(".json"))
        if meta is not None:
            _segment(path, 0, meta | {"frames": meta["frames"] or 0})
        return meta
    except (ValueError, KeyError, TypeError):
        return None


def _after(last: Segment) -> dict:
    return {
        "startAt": last.start_at,
        "firstFrame": last.end_frame,
        "frames": None,
        "sampleRate": last.sample_rate,
        "channels": last.channels,
        "format": last.sample_format,
    }
