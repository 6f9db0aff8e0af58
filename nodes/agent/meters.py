"""Levels over all samples, per channel: what a second of sound measures (06 §9).

`FeatureMeter` is pure: feed it consecutive seconds, get `ChannelLevel`s. `MeterSink` hangs it on a
reader: it never holds the reader up (it drops when it is more than five seconds behind, and says so
with the xrun flag), and its frames touch: what one frame leaves over begins the next.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from uuid import UUID

import numpy as np

from nodes.agent import loudness, quality
from nodes.agent.clock import Clock
from nodes.agent.reader import Block
from nodes.meters import wire

log = logging.getLogger("tallyroom.agent.meters")

CLIP_LEVEL = 0.99997
CLIP_RUN = 3
SLOTS_PER_SECOND = 20
FLOOR_SECONDS = 10
TRUE_PEAK_TAPS = 12
QUEUE_SECONDS = 5.0

#: 16-bit full scale is 32767 on both sides: so +32767 counts as clipped, as 06 §9 means it.
SCALES = {"s16": 1 / 32767, "s24": 1 / 0x7FFFFF00, "s32": 1 / 0x7FFFFFFF, "f32": 1.0}


def to_float(samples: np.ndarray, sample_format: str) -> np.ndarray:
    """Packed (frames, channels) → contiguous float32 (channels, frames), full scale 1.0."""
    floats = np.ascontiguousarray(samples.T, dtype=np.float32)
    if sample_format != "f32":
        floats *= np.float32(SCALES[sample_format])
        return floats
    return np.nan_to_num(floats, copy=False, nan=0.0, posinf=16.0, neginf=-16.0)


def decibels(amplitude: np.ndarray) -> np.ndarray:
    """Amplitude → dBFS, never below -160."""
    return 20 * np.log10(np.maximum(amplitude, 1e-8))


@lru_cache(maxsize=1)
def _phases() -> np.ndarray:
    """Three phases between two samples, each a windowed sinc of 12 taps: 4× oversampling."""
    taps = np.arange(TRUE_PEAK_TAPS) - (TRUE_PEAK_TAPS // 2 - 1)
    rows = []
    for phase in (0.25, 0.5, 0.75):
        kernel = np.sinc(taps - phase) * np.cos(np.pi * (taps - phase) / (TRUE_PEAK_TAPS + 2)) ** 2
        rows.append(kernel / kernel.sum())
    return np.array(rows, dtype=np.float32)


class Runs:
    """Runs of true values in a row of samples that goes on from call to call."""

    def __init__(self) -> None:
        self.open = 0

    def measure(self, flags: np.ndarray, least: int) -> tuple[int, int]:
        """(longest run that touches this call, runs that reached `least` within it)."""
        if not flags.any():
            self.open = 0
            return 0, 0
        edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
        starts, ends = edges[::2], edges[1::2]
        lengths = ends - starts
        carried = self.open if starts[0] == 0 else 0
        lengths[0] += carried
        reached = int((lengths >= least).sum()) - (1 if carried >= least else 0)
        self.open = int(lengths[-1]) if ends[-1] == len(flags) else 0
        return int(lengths.max()), reached


class StuckRuns:
    """The longest run of equal samples, of any value, also across calls."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._length = 0

    def measure(self, samples: np.ndarray) -> int:
        """Frames in the longest run that touches this call."""
        changes = np.flatnonzero(samples[1:] != samples[:-1]) + 1
        bounds = np.concatenate([[0], changes, [len(samples)]])
        lengths = np.diff(bounds)
        if self._last is not None and samples[0] == self._last:
            lengths[0] += self._length
        self._last, self._length = samples[-1], int(lengths[-1])
        return int(lengths.max())


class FeatureMeter:
    """Measures consecutive stretches (a second each) of one interface."""

    def __init__(self, rate: int, channels: int):
        self.rate, self.channels = rate, channels
        self._weighting = loudness.KWeighting(rate, channels)
        self._tail = np.zeros((channels, TRUE_PEAK_TAPS - 1), dtype=np.float32)
        self._clips = [Runs() for _ in range(channels)]
        self._stuck = [StuckRuns() for _ in range(channels)]
        self._slots: deque[np.ndarray] = deque(maxlen=FLOOR_SECONDS)
        self._loud: deque[np.ndarray] = deque(maxlen=3)

    def measure(self, samples: np.ndarray) -> tuple[wire.ChannelLevel, ...]:
        """(channels, frames) float32; any length from 50 ms on."""
        squares = np.einsum("ij,ij->i", samples, samples, dtype=np.float64) / samples.shape[1]
        magnitudes = np.abs(samples)
        peaks = magnitudes.max(axis=1)
        slots = self._slot_powers(samples)
        self._slots.append(slots)
        floor = decibels(np.sqrt(np.percentile(np.concatenate(self._slots, axis=1), 10, axis=1)))
        momentary, short = self._loudness(samples)
        true_peaks = decibels(np.maximum(peaks, self._true_peaks(samples)))
        peers, correlations = _correlations(samples)
        scores = quality.scores(samples, self.rate, slots)
        rms, peaks = decibels(np.sqrt(squares)), decibels(peaks)
        dc_offsets = samples.mean(axis=1, dtype=np.float64)
        levels = []
        for n in range(self.channels):
            clipped = magnitudes[n] >= CLIP_LEVEL
            longest, runs = self._clips[n].measure(clipped, CLIP_RUN)
            count = int(clipped.sum())
            levels.append(
                wire.ChannelLevel(
                    channel_index=n + 1,
                    rms_dbfs=wire.clamp_dbfs(float(rms[n])),
                    peak_dbfs=wire.clamp_dbfs(float(peaks[n])),
                    clipping=count > 0,
                    true_peak_dbtp=wire.clamp_dbfs(float(true_peaks[n])),
                    noise_floor_dbfs=wire.clamp_dbfs(float(floor[n])),
                    lufs_m=wire.clamp_dbfs(float(momentary[n])),
                    lufs_s=None if short is None else wire.clamp_dbfs(float(short[n])),
                    dc_offset=float(np.clip(dc_offsets[n], -1, 1)),
                    clipped_samples=count,
                    longest_clip_run=longest,
                    clip_runs=runs,
                    stuck_run_ms=round(self._stuck[n].measure(samples[n]) * 1000 / self.rate),
                    peer_channel_index=int(peers[n]),
                    correlation=float(correlations[n]),
                    quality=tuple(float(score) for score in scores[n]),
                )
            )
        return tuple(levels)

    def _slot_powers(self, samples: np.ndarray) -> np.ndarray:
        """(channels, n) mean squares of 50 ms; the rest of an odd length joins the last."""
        frames = samples.shape[1]
        size = max(1, self.rate // SLOTS_PER_SECOND)
        starts = np.arange(max(1, frames // size)) * size
        sums = np.add.reduceat(samples * samples, starts, axis=1)
        return sums / np.diff(starts, append=frames)

    def _loudness(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        weighted = self._weighting(samples)
        recent = weighted[:, -round(0.4 * self.rate) :]
        momentary = loudness.lufs(np.einsum("ij,ij->i", recent, recent) / recent.shape[1])
        self._loud.append(np.einsum("ij,ij->i", weighted, weighted) / weighted.shape[1])
        if len(self._loud) < 3:
            return momentary, None
        return momentary, loudness.lufs(sum(self._loud) / 3)

    def _true_peaks(self, samples: np.ndarray) -> np.ndarray:
        joined = np.concatenate([self._tail, samples], axis=1)
        self._tail = joined[:, -(TRUE_PEAK_TAPS - 1) :]
        peaks = np.zeros(self.channels)
        for n in range(self.channels):
            for kernel in _phases():
                between = np.convolve(joined[n], kernel[::-1], mode="valid")
                peaks[n] = max(peaks[n], between.max(), -between.min())
        return peaks


def _correlations(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per channel its strongest peer (index from 1, 0 = none) and the score −1…1."""
    channels = len(samples)
    if channels < 2:
        return np.zeros(channels, dtype=int), np.zeros(channels)
    centred = samples - samples.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    centred /= np.maximum(norms, 1e-9)[:, None]
    matrix = centred @ centred.T
    np.fill_diagonal(matrix, 0.0)
    peers = np.abs(matrix).argmax(axis=1)
    return peers + 1, np.clip(matrix[np.arange(channels), peers], -1, 1)


def quick_levels(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The 100 ms lane: (rms dBFS, peak dBFS, clipping), each a value a channel."""
    squares = np.einsum("ij,ij->i", samples, samples, dtype=np.float64) / samples.shape[1]
    peaks = np.abs(samples).max(axis=1)
    return decibels(np.sqrt(squares)), decibels(peaks), peaks >= CLIP_LEVEL


class _Lane:
    """Cuts a run of samples into stretches of one period; keeps what is left over."""

    def __init__(self, frames: int, channels: int):
        self.frames = frames
        self._buffer = np.empty((channels, frames), dtype=np.float32)
        self._filled = 0

    def cut(self, samples: np.ndarray):
        """Yield (stretch, frames of `samples` used so far); the stretch is valid until the next."""
        used = 0
        while used < samples.shape[1]:
            count = min(self.frames - self._filled, samples.shape[1] - used)
            self._buffer[:, self._filled : self._filled + count] = samples[:, used : used + count]
            self._filled += count
            used += count
            if self._filled == self.frames:
                self._filled = 0
                yield self._buffer, used


class MeterSink:
    """A reader's sink that turns blocks into frames, as they go over the wire, on a thread of its own."""

    def __init__(self, interface_id: str, clock: Clock, on_frame: Callable[[bytes], None]):
        self._interface_id = UUID(interface_id)
        self._clock = clock
        self._on_frame = on_frame
        self._ready = threading.Condition()
        self._queue: deque[Block] = deque()
        self._queued_seconds = 0.0
        self._stopped = False
        self._lost = False
        self._seq = {wire.FEATURES: 0, wire.LEVELS: 0}
        self._meter: FeatureMeter | None = None
        self._quick: _Lane | None = None
        self.watched = False
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)
        self._thread.start()

    def push(self, block: Block) -> None:
        with self._ready:
            if self._queued_seconds > QUEUE_SECONDS:
                self._lost = True
                return
            self._queue.append(block)
            self._queued_seconds += len(block.samples) / block.sample_rate
            # Unwatched, one wake-up a second is enough: an idle node must be idle.
            if self._queued_seconds >= (0.099 if self.watched else 0.999):
                self._ready.notify()

    def stop(self) -> None:
        with self._ready:
            self._stopped = True
            self._ready.notify()

    def _run(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._stopped or self._queued_seconds >= (0.099 if self.watched else 0.999))
                if self._stopped:
                    return
                blocks = list(self._queue)
                self._queue.clear()
                self._queued_seconds = 0.0
            for block in blocks:
                try:
                    self._measure(block)
                except Exception:
                    # A frame is lost, the meter and the recording go on.
                    log.exception("a meter frame could not be measured")
                    self._meter = None

    def _measure(self, block: Block) -> None:
        rate, channels = block.sample_rate, block.samples.shape[1]
        meter = self._meter
        if meter is None or (meter.rate, meter.channels) != (rate, channels):
            meter = self._meter = FeatureMeter(rate, channels)
            self._second, self._quick = _Lane(rate, channels), None
        if block.cause is not None and block.first_frame == 0:
            self._lost = True
        samples = to_float(block.samples, block.sample_format)
        if self.watched:
            self._quick = self._quick or _Lane(rate // 10, channels)
            for stretch, used in self._quick.cut(samples):
                self._on_frame(wire.pack_levels(*quick_levels(stretch), **self._next(wire.LEVELS, block, used)))
        else:
            self._quick = None
        for stretch, used in self._second.cut(samples):
            levels, head = meter.measure(stretch), self._next(wire.FEATURES, block, used)
            self._on_frame(wire.encode_features(wire.MeterFrame(**head, period_ms=1000, levels=levels, xrun=self._lost)))
            self._lost = False

    def _next(self, kind: int, block: Block, used: int) -> dict:
        """What the next frame of this kind says of itself."""
        end = self._clock.utc_at(block.start_mono + used / block.sample_rate)
        self._seq[kind] += 1
        return {"interface_id": self._interface_id, "seq": self._seq[kind] - 1, "captured_at_us": round(end * 1_000_000)}
