"""Waveform peaks: int8 minimum and maximum per channel and bucket, at 64, 16, 4, 1, ¼ and 1/16 buckets a second. Pure.

A `.peaks` file is `TRPK1\\n`, a little-endian u32 length, a JSON header {channels, sampleRate, frames, levels: [{rate, buckets, offset}]}, and
each level's data: bucket after bucket, in it channel after channel (min, max). Offsets count from the end of the header.
"""

import json
import struct

import numpy as np

RATES = (64.0, 16.0, 4.0, 1.0, 0.25, 0.0625)
LEVEL_LIMIT_BYTES = 32 * 1024**2
MAGIC = b"TRPK1\n"
PREVIEW_POINTS = 256


def quantise(values: np.ndarray) -> np.ndarray:
    """Full scale ±1 → −128…127."""
    return np.clip(np.rint(values * 127.0), -128, 127).astype(np.int8)


class PeakBuilder:
    """Feed blocks of samples; the finest level that fits is kept, coarser ones are made from it at the end."""

    def __init__(self, channels: int, sample_rate: int, *, limit_bytes: int = LEVEL_LIMIT_BYTES):
        self.channels, self.sample_rate, self.frames = channels, sample_rate, 0
        self._limit, self._finest = limit_bytes, 0
        self._done = bytearray()
        # The open bucket: its number, minimum and maximum so far.
        self._bucket = 0
        self._low = np.full(channels, np.inf, dtype=np.float32)
        self._high = np.full(channels, -np.inf, dtype=np.float32)

    def add(self, block: np.ndarray) -> None:
        """`block`: float32 (frames, channels), full scale ±1."""
        if not len(block):
            return
        block = np.asfortranarray(block)
        rate = RATES[self._finest]
        first = self.frames
        numbers = ((np.arange(first, first + len(block), dtype=np.int64)) * rate / self.sample_rate).astype(np.int64)
        starts = np.flatnonzero(np.diff(numbers, prepend=self._bucket))
        edges = np.concatenate(([0], starts)) if not len(starts) or starts[0] != 0 else starts
        lows, highs = np.minimum.reduceat(block, edges, axis=0), np.maximum.reduceat(block, edges, axis=0)
        self._take(numbers[edges], lows, highs)
        self.frames += len(block)
        while len(self._done) > self._limit and self._finest + 1 < len(RATES):
            self._coarsen()

    def _take(self, numbers: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> None:
        """Extremes of runs of samples, each in one bucket: the first may belong to the open bucket, the last stays open."""
        if int(numbers[0]) != self._bucket:
            self._close(int(numbers[0]))
        np.minimum(self._low, lows[0], out=self._low)
        np.maximum(self._high, highs[0], out=self._high)
        if len(numbers) == 1:
            return
        self._close(int(numbers[-1]))
        whole = np.stack([quantise(lows[1:-1]), quantise(highs[1:-1])], axis=2)
        self._done += whole.tobytes()
        self._low[:], self._high[:] = lows[-1], highs[-1]

    def _close(self, number: int) -> None:
        self._done += np.stack([quantise(self._low), quantise(self._high)], axis=1).tobytes()
        self._bucket = number
        self._low.fill(np.inf)
        self._high.fill(-np.inf)

    def _coarsen(self) -> None:
        """Merge closed buckets by four; an incomplete group goes back into the open bucket."""
        data = self._array(bytes(self._done))
        whole = len(data) // 4 * 4
        rest = data[whole:]
        self._done = bytearray(merged(data[:whole]).tobytes())
        if len(rest):
            self._low = np.minimum(self._low, rest[:, :, 0].min(axis=0) / 127.0).astype(np.float32)
            self._high = np.maximum(self._high, rest[:, :, 1].max(axis=0) / 127.0).astype(np.float32)
        self._bucket //= 4
        self._finest += 1

    def _array(self, raw: bytes) -> np.ndarray:
        return np.frombuffer(raw, dtype=np.int8).reshape(-1, self.channels, 2)

    def levels(self) -> list[tuple[float, np.ndarray]]:
        """[(buckets a second, int8 (buckets, channels, 2))], finest first; the last bucket of a level may be a short one."""
        if self._high[0] >= self._low[0]:
            self._close(self._bucket + 1)
        data = self._array(bytes(self._done))
        made = []
        for rate in RATES[self._finest :]:
            made.append((rate, data))
            data = merged(data)
        return made


def merged(data: np.ndarray) -> np.ndarray:
    """Every four buckets as one; what is left over at the end is one as well."""
    if not len(data):
        return data
    starts = np.arange(0, len(data), 4)
    low, high = np.minimum.reduceat(data[:, :, 0], starts, axis=0), np.maximum.reduceat(data[:, :, 1], starts, axis=0)
    return np.stack([low, high], axis=2)


def preview(levels: list[tuple[float, np.ndarray]]) -> list[float]:
    """≤ 256 values 0…1: the loudest of all channels, over the whole length."""
    fitting = next((data for _, data in levels if len(data) >= PREVIEW_POINTS and len(data) <= 64 * PREVIEW_POINTS), levels[0][1])
    if not len(fitting):
        return []
    loudest = np.abs(fitting.astype(np.int16)).max(axis=(1, 2)) / 127.0
    if len(loudest) > PREVIEW_POINTS:
        loudest = np.maximum.reduceat(loudest, (np.arange(PREVIEW_POINTS) * len(loudest)) // PREVIEW_POINTS)
    return [round(min(1.0, float(value)), 3) for value in loudest]


def pack(levels: list[tuple[float, np.ndarray]], *, channels: int, sample_rate: int, frames: int) -> bytes:
    """The bytes of a `.peaks` file."""
    entries, offset = [], 0
    for rate, data in levels:
        entries.append({"rate": rate, "buckets": len(data), "offset": offset})
        offset += data.nbytes
    header = json.dumps({"channels": channels, "sampleRate": sample_rate, "frames": frames, "levels": entries}).encode()
    return b"".join([MAGIC, struct.pack("<I", len(header)), header, *(data.tobytes() for _, data in levels)])


def read(handle, *, start: float, end: float, points: int) -> tuple[float, np.ndarray]:
    """(buckets a second, int8 (buckets, channels, 2)) of seconds `start`…`end` from an open `.peaks` file, at most `points` buckets.

    The finest level that fits; if even the coarsest has more, neighbours are merged. ValueError for a file of another kind.
    """
    if handle.read(len(MAGIC)) != MAGIC:
        raise ValueError("not a peaks file")
    (length,) = struct.unpack("<I", handle.read(4))
    header = json.loads(handle.read(length))
    base, width = handle.tell(), header["channels"] * 2
    level = next((entry for entry in header["levels"] if (end - start) * entry["rate"] <= points), header["levels"][-1])
    first = min(level["buckets"], int(start * level["rate"]))
    last = min(level["buckets"], max(first + 1, int(np.ceil(end * level["rate"]))))
    handle.seek(base + level["offset"] + first * width)
    data = np.frombuffer(handle.read((last - first) * width), dtype=np.int8).reshape(-1, header["channels"], 2)
    rate = level["rate"]
    while len(data) > points + 1:
        data, rate = merged(data), rate / 4
    return rate, data
