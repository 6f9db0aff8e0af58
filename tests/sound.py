"""Reading files back."""

import io

import av
import numpy as np


def decode(content: bytes) -> tuple[np.ndarray, int]:
    """((channels, frames) float, rate) of any audio file."""
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        parts = [out.to_ndarray() for frame in container.decode(stream) for out in resampler.resample(frame)]
    return np.concatenate(parts, axis=1), stream.rate


def loudest_tone(samples: np.ndarray, rate: int) -> float:
    """Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * rate / len(samples)


def seconds(content: bytes) -> float:
    samples, rate = decode(content)
    return samples.shape[1] / rate
