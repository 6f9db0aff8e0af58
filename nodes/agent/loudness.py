"""Loudness of ITU-R BS.1770-4, in numpy alone.

The K-weighting is two biquads. Their impulse response is down by 100 dB after 80 ms, so it is cut
there and applied as one FFT convolution: exact to far below 0.01 dB, and no loop over samples.
"""

import math
from functools import lru_cache

import numpy as np

OFFSET_LU = -0.691
RESPONSE_SECONDS = 0.08
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0


def biquads(rate: int) -> tuple[tuple[list[float], list[float]], ...]:
    """(b, a) of the high shelf and of the high-pass, for any sample rate (BS.1770-4 annex 1)."""
    k = math.tan(math.pi * 1681.974450955533 / rate)
    q, vh = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    vb = vh**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = (
        [(vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0, (vh - vb * k / q + k * k) / a0],
        [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0],
    )
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    highpass = ([1.0, -2.0, 1.0], [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
    return shelf, highpass


@lru_cache(maxsize=8)
def response(rate: int) -> np.ndarray:
    """The impulse response of the K-weighting."""
    signal = [1.0] + [0.0] * (round(rate * RESPONSE_SECONDS) - 1)
    for b, a in biquads(rate):
        x1 = x2 = y1 = y2 = 0.0
        filtered = []
        for x in signal:
            y = b[0] * x + b[1] * x1 + b[2] * x2 - a[1] * y1 - a[2] * y2
            x2, x1, y2, y1 = x1, x, y1, y
            filtered.append(y)
        signal = filtered
    return np.array(signal)


@lru_cache(maxsize=16)
def _plan(rate: int, frames: int) -> tuple[int, np.ndarray]:
    taps = response(rate)
    size = fast_length(frames + len(taps) - 1)
    return size, np.fft.rfft(taps, size).astype(np.complex64)


@lru_cache(maxsize=64)
def fast_length(least: int) -> int:
    """The smallest 2·3·5-smooth number from `least`: what an FFT is quick at."""
    best = 1 << (least - 1).bit_length()
    power5 = 1
    while power5 < best:
        power3 = power5
        while power3 < best:
            rest = -(-least // power3)
            best = min(best, power3 << max(0, (rest - 1).bit_length()))
            power3 *= 3
        power5 *= 5
    return best


class KWeighting:
    """A running K-weighting of (channels, frames) arrays; keeps what the next call needs."""

    def __init__(self, rate: int, channels: int):
        self._rate = rate
        self._tail = np.zeros((channels, len(response(rate)) - 1), dtype=np.float32)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        kept = self._tail.shape[1]
        joined = np.concatenate([self._tail, samples], axis=1)
        size, spectrum = _plan(self._rate, joined.shape[1])
        filtered = np.fft.irfft(np.fft.rfft(joined, size, axis=1) * spectrum, size, axis=1)
        self._tail = joined[:, joined.shape[1] - kept :]
        return filtered[:, kept : joined.shape[1]]


def lufs(mean_square: np.ndarray | float) -> np.ndarray | float:
    """Mean square of K-weighted samples → LUFS; nothing → -inf."""
    with np.errstate(divide="ignore"):
        return OFFSET_LU + 10 * np.log10(mean_square)


class Integrated:
    """Gated loudness of a whole programme, fed in pieces: 400 ms blocks every 100 ms."""

    def __init__(self, rate: int, channels: int):
        self._weighting = KWeighting(rate, channels)
        self._step = max(1, rate // 10)
        self._rest = np.zeros((channels, 0), dtype=np.float32)
        self._powers: list[float] = []

    def feed(self, samples: np.ndarray) -> None:
        """(channels, frames), float32."""
        if not samples.shape[1]:
            return
        self._rest = np.concatenate([self._rest, self._weighting(samples)], axis=1)
        whole = self._rest.shape[1] // self._step
        ready = self._rest[:, : whole * self._step].reshape(len(samples), whole, self._step)
        self._powers.extend((ready**2).mean(axis=2).sum(axis=0).tolist())
        self._rest = self._rest[:, whole * self._step :]

    def result(self) -> float | None:
        """LUFS, or None for less than 400 ms or when all of it is gated."""
        if len(self._powers) < 4:
            return None
        powers = np.convolve(np.array(self._powers), np.ones(4) / 4, mode="valid")
        heard = powers[lufs(powers) > ABSOLUTE_GATE_LUFS]
        if not len(heard):
            return None
        heard = heard[lufs(heard) > lufs(heard.mean()) + RELATIVE_GATE_LU]
        return float(lufs(heard.mean())) if len(heard) else None
