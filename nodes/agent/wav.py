"""WAV files of any size and channel count; past 4 GiB the same header says RF64 (EBU Tech 3306)."""

import os
import struct
from pathlib import Path

import numpy as np

RIFF_LIMIT = 0xFFFFFFFF
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
#: Bytes before the samples: RIFF 12 + ds64/JUNK 36 + fmt 48 + data 8.
HEADER_BYTES = 104


class WavWriter:
    """Writes packed little-endian samples; the header is completed by `finish`."""

    def __init__(self, path: Path, *, sample_rate: int, channels: int, sample_format: str):
        self._rate, self._channels = sample_rate, channels
        self._bits = {"s16": 16, "s24": 24, "s32": 32, "f32": 32}[sample_format]
        self._tag = FLOAT if sample_format == "f32" else PCM
        self._data_bytes = 0
        self._frames = 0
        self._stream = path.open("wb")
        self._stream.write(bytes(HEADER_BYTES))

    def write(self, content: bytes, frames: int) -> None:
        self._stream.write(content)
        self._data_bytes += len(content)
        self._frames += frames

    def finish(self) -> None:
        """Pad, write the true sizes, sync."""
        if self._data_bytes % 2:
            self._stream.write(b"\0")
        size = self._stream.tell()
        self._stream.seek(0)
        self._stream.write(
            header(
                file_bytes=size,
                data_bytes=self._data_bytes,
                frames=self._frames,
                rate=self._rate,
                channels=self._channels,
                bits=self._bits,
                tag=self._tag,
            )
        )
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()

    def abort(self) -> None:
        self._stream.close()


def header(*, file_bytes: int, data_bytes: int, frames: int, rate: int, channels: int, bits: int, tag: int) -> bytes:
    """All 104 bytes. The place of ds64 holds a JUNK chunk while the sizes fit in 32 bits."""
    large = file_bytes - 8 > RIFF_LIMIT
    riff_size = RIFF_LIMIT if large else file_bytes - 8
    data_size = RIFF_LIMIT if large else data_bytes
    sizes = struct.pack("<QQQI", file_bytes - 8, data_bytes, frames, 0) if large else bytes(28)
    block = channels * bits // 8
    form = struct.pack(
        "<HHIIHHHHIH",
        *(EXTENSIBLE, channels, rate, rate * block, block, bits, 22, bits),
        *(_speaker_mask(channels), tag),
    )
    return b"".join(
        [
            b"RF64" if large else b"RIFF",
            struct.pack("<I", riff_size),
            b"WAVE",
            b"ds64" if large else b"JUNK",
            struct.pack("<I", 28),
            sizes,
            b"fmt ",
            struct.pack("<I", 40),
            form + _GUID_TAIL,
            b"data",
            struct.pack("<I", data_size),
        ]
    )


def _speaker_mask(channels: int) -> int:
    """Mono and stereo are speakers; more are just channels (0: no place in the room)."""
    return {1: 0x4, 2: 0x3}.get(channels, 0)


def to_format(samples: np.ndarray, sample_format: str) -> np.ndarray:
    """int16, int32 or float32 → what `segments.pack` takes for `sample_format`."""
    if sample_format == "f32":
        scale = {np.dtype(np.int16): 2.0**15, np.dtype(np.int32): 2.0**31}.get(samples.dtype)
        return samples if scale is None else (samples / scale).astype(np.float32)
    if samples.dtype == np.float32:
        wide = np.clip(samples.astype(np.float64) * 2.0**31, -(2.0**31), 2.0**31 - 1)
        samples = np.rint(wide).astype(np.int32)
    if sample_format == "s16":
        if samples.dtype == np.int16:
            return samples
        return (np.clip(samples.astype(np.int64) + 0x8000, None, 0x7FFFFFFF) >> 16).astype(np.int16)
    return samples.astype(np.int32) << 16 if samples.dtype == np.int16 else samples
