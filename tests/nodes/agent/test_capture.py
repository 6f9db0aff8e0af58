"""A recording from claim to stored file, by the real program."""

import hashlib
import io

import av
import numpy as np
import pytest

from tests.nodes.agent.conftest import wait_for


def decode(content: bytes) -> tuple[np.ndarray, int]:
    """((channels, frames) float, rate)."""
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        parts = [out.to_ndarray() for frame in container.decode(stream) for out in resampler.resample(frame)]
    return np.concatenate(parts, axis=1), stream.rate


def loudest_tone(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * rate / len(samples)


def stored(controller, job, track=1, seconds=12.0) -> bytes:
    return wait_for(lambda: controller.file_of(job, track), seconds, "the file")


def test_a_window_becomes_a_file_that_lasts_as_long_and_sounds_as_what_was_fed(controller, agent):
    job = controller.add_job(seconds=3, starts_in=1, output={"codec": "flac", "bitDepth": 16})
    content = stored(controller, job)
    samples, rate = decode(content)
    assert samples.shape[1] / rate == pytest.approx(3.0, abs=0.05)
    assert loudest_tone(samples[0], rate) == pytest.approx(440, abs=2)
    assert loudest_tone(samples[1], rate) == pytest.approx(1000, abs=2)
    assert job["status"] == "completed"
    result = controller.result_of(job)
    assert result["sha256"] == hashlib.sha256(content).hexdigest()
    assert result["final"] is True and result["partial"] is False
    assert result["peakDbfs"] == pytest.approx(-6.02, abs=0.05)
    assert controller.gaps_of(job) == []
    wait_for(lambda: not list((agent.data_dir / "jobs").iterdir()), what="the freed copy")
