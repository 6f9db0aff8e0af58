"""What a second of sound seems to be: simple spectral heuristics, 0…1 each, honest about nothing more.

speech      energy in 100–4000 Hz that rises and falls as syllables do, and is not flat
hum         energy in narrow lines at 50 or 60 Hz and their harmonics
noise       steady and flat within 100–8000 Hz (hiss, wind, fans)
static      clicks: a few samples that jump far out of the others
broadband   flat over the whole band, whatever its movement
"""

from functools import lru_cache

import numpy as np

QUIET_DBFS = -80.0
SMOOTHING_BINS = 32
HUM_HARMONICS = 10


@lru_cache(maxsize=8)
def _window(frames: int) -> np.ndarray:
    return np.hanning(frames).astype(np.float32)


@lru_cache(maxsize=8)
def _hum_bins(rate: int, frames: int) -> tuple[np.ndarray, ...]:
    """Per mains frequency, the bins within 1.5 Hz of its first harmonics, the lowest two first."""
    families = []
    for mains in (50, 60):
        lines = [
            np.arange(round((line - 1.5) * frames / rate), round((line + 1.5) * frames / rate) + 1)
            for line in (mains * n for n in range(1, HUM_HARMONICS + 1))
            if line + 2 < rate / 2
        ]
        families.append((np.concatenate(lines[:2]), np.concatenate(lines)))
    return tuple(families)


def scores(samples: np.ndarray, rate: int, slots: np.ndarray) -> np.ndarray:
    """(channels, 5) in the order of `wire.QUALITIES`.

    `samples` (channels, frames) float32, about a second; `slots` (channels, n) mean squares of 50 ms.
    """
    frames = samples.shape[1]
    power = np.abs(np.fft.rfft(samples * _window(frames), axis=1)) ** 2
    low = max(1, 20 * frames // rate)
    total = power[:, low:].sum(axis=1) + 1e-12

    def band(start_hz: float, stop_hz: float) -> np.ndarray:
        return power[:, int(start_hz * frames / rate) : int(stop_hz * frames / rate)]

    flat_speech = _flatness(band(100, min(8000, 0.45 * rate)))
    flat_all = _flatness(band(40, 0.45 * rate))
    movement = _movement(slots)
    in_speech = band(100, min(4000, 0.45 * rate)).sum(axis=1) / total
    hum = _hum(power, total, rate, frames)
    result = np.stack(
        [
            in_speech * movement * np.clip(1.3 - flat_speech, 0, 1) * (1 - hum),
            hum,
            flat_speech * (1 - movement),
            _impulses(samples),
            flat_all,
        ],
        axis=1,
    )
    audible = slots.mean(axis=1) > 10 ** (QUIET_DBFS / 10)
    return np.clip(result * audible[:, None], 0, 1)


def _flatness(power: np.ndarray) -> np.ndarray:
    """Geometric over arithmetic mean of the smoothed spectrum: about 1 for white noise, 0 for tones."""
    count = power.shape[1] // SMOOTHING_BINS
    if count < 2:
        return np.zeros(len(power))
    smooth = power[:, : count * SMOOTHING_BINS].reshape(len(power), count, SMOOTHING_BINS)
    smooth = smooth.mean(axis=2) + 1e-12
    return np.exp(np.log(smooth).mean(axis=1)) / smooth.mean(axis=1)


def _movement(slots: np.ndarray) -> np.ndarray:
    """0 for a steady level, 1 when its 50 ms levels spread by 6 dB (standard deviation) or more."""
    decibels = 10 * np.log10(np.maximum(slots, 1e-9))
    return np.clip(decibels.std(axis=1) / 6, 0, 1)


def _hum(power: np.ndarray, total: np.ndarray, rate: int, frames: int) -> np.ndarray:
    """The stronger family; a family without its first two lines is a musical tone, not mains."""
    best = np.zeros(len(power))
    for lowest, family in _hum_bins(rate, frames):
        share = power[:, family].sum(axis=1)
        rooted = np.clip(4 * power[:, lowest].sum(axis=1) / (share + 1e-12), 0, 1)
        best = np.maximum(best, share / total * rooted)
    return best


def _impulses(samples: np.ndarray) -> np.ndarray:
    """Excess kurtosis of the second difference: 0 for noise and tones, large for clicks."""
    jumps = np.diff(samples, n=2, axis=1)
    squares = jumps * jumps
    variance = squares.mean(axis=1) + 1e-12
    kurtosis = (squares * squares).mean(axis=1) / (variance * variance)
    return np.clip((kurtosis - 10) / 90, 0, 1)
