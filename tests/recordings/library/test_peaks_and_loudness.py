"""Peaks and loudness against signals whose answer is known."""

import io
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recordings.library.loudness import Loudness, gated_mean
from recordings.library.peaks import PeakBuilder, pack, preview, quantise, read
from recordings.library.silence import SilentSpans
from tests.factories.recordings import tone

RATE = 48000


def build(values: np.ndarray, *, cuts=(), rate: int = RATE, **options) -> PeakBuilder:
    builder = PeakBuilder(values.shape[1], rate, **options)
    for start, end in pairwise([0, *sorted(cuts), len(values)]):
        builder.add(values[start:end])
    return builder


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 6000), st.integers(1, 3)), elements=st.floats(-1, 1, width=32)),
    st.lists(st.integers(0, 6000), max_size=6),
    st.sampled_from([8000, 11025, 44100]),
)
def test_how_the_sound_is_cut_into_blocks_does_not_matter_and_every_level_holds_the_extremes(values, cuts, rate):
    whole = build(values, rate=rate).levels()
    parts = build(values, cuts=[cut for cut in cuts if cut < len(values)], rate=rate).levels()
    for (rate_a, a), (rate_b, b) in zip(whole, parts, strict=True):
        assert rate_a == rate_b and np.array_equal(a, b)
        assert np.array_equal(a[:, :, 1].max(axis=0), quantise(values.max(axis=0)))
        assert np.array_equal(a[:, :, 0].min(axis=0), quantise(values.min(axis=0)))


def test_the_finest_levels_are_left_out_when_they_grow_too_large():
    values = tone(20, channels=2, rate=8000)
    small = build(values, cuts=range(0, len(values), 1000), rate=8000, limit_bytes=400).levels()
    full = dict(build(values, rate=8000).levels())
    assert small[0][0] < 64 and small[0][1].nbytes <= 400
    for rate, data in small:
        assert np.array_equal(data, full[rate])


def test_a_window_of_a_packed_file_has_at_most_the_points_asked_for():
    values = tone(10)
    builder = build(values)
    raw = pack(builder.levels(), channels=2, sample_rate=RATE, frames=len(values))
    for points, expected in [(4000, 64.0), (640, 64.0), (100, 4.0), (16, 1.0)]:
        rate, data = read(io.BytesIO(raw), start=0, end=10, points=points)
        assert rate == expected and len(data) <= points + 1
    rate, data = read(io.BytesIO(raw), start=2.0, end=2.5, points=1000)
    assert (rate, len(data)) == (64.0, 32)
    assert data[:, :, 1].max() == round(127 * 10 ** (-20 / 20))


def test_the_preview_shows_where_it_is_loud():
    values = np.concatenate([tone(2, peak_dbfs=-40), tone(2, peak_dbfs=0)])
    shown = preview(build(values).levels())
    assert 0 < len(shown) <= 256 and max(shown[: len(shown) // 2 - 1]) < 0.02 and shown[-2] > 0.95


def loudness(values: np.ndarray, rate: int = RATE) -> dict | None:
    meter = Loudness(values.shape[1], rate)
    for start in range(0, len(values), 30_001):
        meter.add(values[start : start + 30_001])
    return meter.result()


@pytest.mark.parametrize(("peak", "rate"), [(-23.0, 48000), (-33.0, 48000), (-23.0, 44100), (-23.0, 96000)])
def test_a_stereo_sine_of_1_khz_is_as_loud_as_its_peak(peak, rate):
    found = loudness(tone(5, peak_dbfs=peak, rate=rate), rate)
    assert found["integratedLufs"] == pytest.approx(peak, abs=0.1)
    assert found["maxMomentaryLufs"] == pytest.approx(peak, abs=0.1) and found["maxShortTermLufs"] == pytest.approx(peak, abs=0.1)
    assert found["samplePeakDbfs"] == pytest.approx(peak, abs=0.05)


def test_quiet_parts_are_gated_out():
    found = loudness(np.concatenate([tone(10, peak_dbfs=-36), tone(30, peak_dbfs=-23), tone(10, peak_dbfs=-36)]))
    assert found["integratedLufs"] == pytest.approx(-23.0, abs=0.1)


def test_the_range_lies_between_the_quiet_and_the_loud():
    found = loudness(np.concatenate([tone(20, peak_dbfs=-20), tone(20, peak_dbfs=-30)]))
    assert found["loudnessRangeLu"] == pytest.approx(10, abs=1)


def test_the_true_peak_lies_between_the_samples():
    at = np.arange(RATE * 2)
    wave = (0.5 * np.sin(2 * np.pi * (RATE / 4) * at / RATE + np.pi / 4)).astype(np.float32)[:, None]
    found = loudness(wave)
    assert found["samplePeakDbfs"] == pytest.approx(-9.03, abs=0.05) and found["truePeakDbtp"] == pytest.approx(-6.02, abs=0.4)


def test_clipping_is_counted_per_channel():
    values = tone(1, peak_dbfs=-6)
    values[1000:1100, 1] = 1.0
    found = loudness(values)
    assert found["clippedSamples"] == 100 and [row["clippedSamples"] for row in found["perChannel"]] == [0, 100]


def test_silence_and_a_blink_have_no_loudness():
    assert loudness(np.zeros((RATE, 2), dtype=np.float32)) is None
    assert loudness(tone(0.3)) is None
    assert gated_mean(np.zeros(0)) is None


def test_spans_where_every_channel_is_silent():
    quiet = np.zeros((RATE * 3, 2), dtype=np.float32)
    one_sided = tone(3)
    one_sided[:, 0] = 0
    spans = SilentSpans(RATE)
    for part in (tone(1), quiet, one_sided, np.zeros((RATE, 2), dtype=np.float32), tone(1), quiet):
        for start in range(0, len(part), 10_000):
            spans.add(part[start : start + 10_000])
    assert spans.result() == [
        {"fromSeconds": pytest.approx(1, abs=0.06), "toSeconds": pytest.approx(4, abs=0.06)},
        {"fromSeconds": pytest.approx(9, abs=0.06), "toSeconds": pytest.approx(12, abs=0.06)},
    ]
