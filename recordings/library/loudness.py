"""Loudness of a whole recording by ITU-R BS.1770-4 and EBU R 128, streaming. Pure.

Channels weigh alike: a recorder's channels are microphones, not a surround layout.
"""

import math

import numpy as np

ABSOLUTE_GATE, RELATIVE_GATE, RANGE_GATE = -70.0, -10.0, -20.0
OFFSET = -0.691
CLIPPED = 0.99997
_HOP_SECONDS = 0.1
_TAPS = 8192
_BLOCK = 1 << 15
FLOOR_DBFS = -160.0


def k_weighting(rate: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The two biquads (b, a) of the K-weighting at this sample rate: head shelf, then high-pass."""
    shelf = math.tan(math.pi * 1681.974450955533 / rate)
    gain = 10 ** (3.999843853973347 / 20)
    q, mid = 0.7071752369554196, gain**0.4996667741545416
    a0 = 1 + shelf / q + shelf * shelf
    first = (
        np.array([gain + mid * shelf / q + shelf * shelf, 2 * (shelf * shelf - gain), gain - mid * shelf / q + shelf * shelf]) / a0,
        np.array([1.0, 2 * (shelf * shelf - 1) / a0, (1 - shelf / q + shelf * shelf) / a0]),
    )
    high = math.tan(math.pi * 38.13547087602444 / rate)
    q = 0.5003270373238773
    a0 = 1 + high / q + high * high
    return [first, (np.array([1.0, -2.0, 1.0]), np.array([1.0, 2 * (high * high - 1) / a0, (1 - high / q + high * high) / a0]))]


def impulse_response(rate: int, taps: int = _TAPS) -> np.ndarray:
    """The weighting as a finite filter: at 38 Hz the recursion has faded below −200 dB after 8192 samples of 48 kHz."""
    signal = np.zeros(taps)
    signal[0] = 1.0
    for b, a in k_weighting(rate):
        out = np.zeros(taps)
        x1 = x2 = y1 = y2 = 0.0
        for index, x in enumerate(signal):
            y = b[0] * x + b[1] * x1 + b[2] * x2 - a[1] * y1 - a[2] * y2
            out[index] = y
            x1, x2, y1, y2 = x, x1, y, y1
        signal = out
    return signal


class KFilter:
    """K-weighting of several channels, block by block (overlap-save). Channel-major, single precision: error below −110 dB."""

    def __init__(self, channels: int, rate: int):
        taps = min(_BLOCK // 2, max(1024, int(_TAPS * rate / 48000)))
        response = impulse_response(rate, taps)
        self._size = 1 << max(15, int(math.ceil(math.log2(2 * taps))))
        self._spectrum = np.fft.rfft(response, self._size).astype(np.complex64)
        self._joined = np.zeros((channels, self._size), dtype=np.float32)
        self._keep = taps - 1
        self.step = self._size - self._keep

    def __call__(self, planes: np.ndarray) -> np.ndarray:
        """`planes` (channels, ≤ step frames) filtered, same length."""
        frames = planes.shape[1]
        joined = self._joined
        joined[:, self._keep : self._keep + frames] = planes
        joined[:, self._keep + frames :] = 0
        filtered = np.fft.irfft(np.fft.rfft(joined, axis=1) * self._spectrum, self._size, axis=1)
        joined[:, : self._keep] = joined[:, frames : frames + self._keep].copy()
        return filtered[:, self._keep : self._keep + frames]


def _interpolator(phases: int = 4, taps: int = 12) -> np.ndarray:
    """Windowed sinc for 4× oversampling: one row of `taps` for each phase."""
    positions = np.arange(taps)[None, :] - taps // 2 + 1 - np.arange(phases)[:, None] / phases
    window = np.cos(np.pi * positions / (taps + 1)) ** 2
    rows = np.sinc(positions) * window
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)


_PHASES = _interpolator()
_REVERSED = np.ascontiguousarray(_PHASES[:, ::-1].T)
# No interpolated value exceeds the loudest sample of its window times this.
_OVERSHOOT = float(np.abs(_PHASES).sum(axis=1).max())


class Loudness:
    """Feed blocks, then ask `result()`."""

    def __init__(self, channels: int, rate: int):
        self.channels, self.rate, self.frames = channels, rate, 0
        self._filter = KFilter(channels, rate)
        self._hop = max(1, round(rate * _HOP_SECONDS))
        self._waiting = np.zeros((channels, 0), dtype=np.float32)
        self._open_power, self._open_frames = np.zeros(channels), 0
        self._powers: list[float] = []
        self._squares = np.zeros(channels)
        self.peak = np.zeros(channels, dtype=np.float32)
        self.true_peak = np.zeros(channels, dtype=np.float32)
        self.clipped = np.zeros(channels, dtype=np.int64)
        self._history = np.zeros((channels, _PHASES.shape[1] - 1), dtype=np.float32)

    def add(self, block: np.ndarray) -> None:
        """`block`: float32 (frames, channels), full scale ±1."""
        if not len(block):
            return
        self.frames += len(block)
        # Channel-major: everything below runs along memory.
        planes = np.ascontiguousarray(block.T)
        magnitude = np.abs(planes)
        self.peak = np.maximum(self.peak, magnitude.max(axis=1))
        self.clipped += (magnitude >= CLIPPED).sum(axis=1)
        self._squares += np.einsum("ij,ij->i", planes, planes, dtype=np.float64)
        self._true_peaks(planes)
        self._waiting = np.concatenate([self._waiting, planes], axis=1)
        while self._waiting.shape[1] >= self._filter.step:
            self._weigh(self._waiting[:, : self._filter.step])
            self._waiting = self._waiting[:, self._filter.step :]

    def _true_peaks(self, planes: np.ndarray) -> None:
        """4× oversampling, only around samples from which a new maximum could arise."""
        taps = _PHASES.shape[1]
        joined = np.concatenate([self._history, planes], axis=1)
        self._history = joined[:, joined.shape[1] - taps + 1 :].copy()
        for channel, row in enumerate(joined):
            windows = np.lib.stride_tricks.sliding_window_view(row, taps)
            loud = np.flatnonzero(np.abs(row) * _OVERSHOOT > self.true_peak[channel])
            if not len(loud):
                continue
            near = np.zeros(len(windows) + taps, dtype=bool)
            for shift in range(taps):
                near[np.maximum(loud - shift, 0)] = True
            chosen = windows[np.flatnonzero(near[: len(windows)])]
            if len(chosen):
                self.true_peak[channel] = max(self.true_peak[channel], float(np.abs(chosen @ _REVERSED).max()))

    def _weigh(self, planes: np.ndarray) -> None:
        """Sum weighted power over hops of 100 ms."""
        power = np.square(self._filter(planes))
        position, frames = 0, power.shape[1]
        while position < frames:
            take = min(self._hop - self._open_frames, frames - position)
            self._open_power += power[:, position : position + take].sum(axis=1)
            self._open_frames += take
            position += take
            if self._open_frames == self._hop:
                self._powers.append(float(self._open_power.sum() / self._hop))
                self._open_power, self._open_frames = np.zeros(self.channels), 0

    def result(self) -> dict | None:
        """`loudness` of 07 §1; None if there is less than 400 ms or everything is gated."""
        if self._waiting.shape[1]:
            self._weigh(self._waiting)
            self._waiting = self._waiting[:, :0]
        powers = np.array(self._powers)
        momentary, short = _windows(powers, 4), _windows(powers, 30)
        integrated = gated_mean(momentary)
        if integrated is None:
            return None
        return {
            "integratedLufs": _rounded(integrated),
            "loudnessRangeLu": _range(short),
            "maxMomentaryLufs": _rounded(_lufs(momentary.max())),
            "maxShortTermLufs": _rounded(_lufs(short.max())) if len(short) else None,
            "truePeakDbtp": dbfs(max(float(self.true_peak.max()), float(self.peak.max()))),
            "samplePeakDbfs": dbfs(float(self.peak.max())),
            "clippedSamples": int(self.clipped.sum()),
            "perChannel": [self._channel(index) for index in range(self.channels)],
        }

    def _channel(self, index: int) -> dict:
        return {
            "channelIndex": index + 1,
            "samplePeakDbfs": dbfs(float(self.peak[index])),
            "truePeakDbtp": dbfs(max(float(self.true_peak[index]), float(self.peak[index]))),
            "rmsDbfs": dbfs(math.sqrt(self._squares[index] / self.frames)),
            "clippedSamples": int(self.clipped[index]),
        }


def dbfs(value: float) -> float:
    """Amplitude → dBFS, not below −160."""
    return _rounded(20 * math.log10(value)) if value > 1e-8 else FLOOR_DBFS


def _rounded(value: float) -> float:
    return round(float(value), 2)


def _lufs(power):
    return OFFSET + 10 * np.log10(np.maximum(power, 1e-20))


def _windows(powers: np.ndarray, length: int) -> np.ndarray:
    """Mean power of each `length` hops that follow one another."""
    if len(powers) < length:
        return np.zeros(0)
    sums = np.concatenate(([0.0], np.cumsum(powers)))
    return (sums[length:] - sums[:-length]) / length


def gated_mean(blocks: np.ndarray) -> float | None:
    """Integrated loudness of 400 ms blocks: absolute gate, then the one 10 LU below what is left; None if nothing passes."""
    loud = blocks[_lufs(blocks) > ABSOLUTE_GATE] if len(blocks) else blocks
    if not len(loud):
        return None
    passed = loud[_lufs(loud) > _lufs(loud.mean()) + RELATIVE_GATE]
    return float(_lufs(passed.mean()))


def _range(short: np.ndarray) -> float | None:
    """EBU Tech 3342: between the 10th and the 95th percentile of gated short-term loudness."""
    loud = short[_lufs(short) > ABSOLUTE_GATE] if len(short) else short
    if not len(loud):
        return None
    values = _lufs(loud[_lufs(loud) > _lufs(loud.mean()) + RANGE_GATE])
    low, high = np.percentile(values, [10, 95])
    return _rounded(high - low)
