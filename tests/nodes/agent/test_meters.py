"""What a second of sound measures: against known signals, and however the sound is cut."""

import math
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.agent import loudness, meters
from nodes.agent.clock import Clock
from nodes.agent.reader import Block
from nodes.meters import wire
from tests.nodes.agent.conftest import wait_for

RATE = 48000
INTERFACE = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"


def sine(hz: float, seconds: float = 1.0, amplitude: float = 1.0, phase: float = 0.0) -> np.ndarray:
    t = np.arange(round(RATE * seconds)) / RATE
    return (amplitude * np.sin(2 * np.pi * hz * t + phase)).astype(np.float32)


def measure(*channels: np.ndarray, rate: int = RATE) -> tuple[wire.ChannelLevel, ...]:
    """The last second of what may be several."""
    samples = np.stack(channels).astype(np.float32)
    meter = meters.FeatureMeter(rate, len(channels))
    for start in range(0, samples.shape[1], rate):
        levels = meter.measure(np.ascontiguousarray(samples[:, start : start + rate]))
    return levels


@pytest.mark.parametrize("hz", [100, 997, 7993])
def test_a_full_scale_sine_measures_as_defined(hz):
    (level,) = measure(sine(hz))
    assert level.rms_dbfs == pytest.approx(-3.01, abs=0.01)
    assert level.peak_dbfs == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("rate", [16000, 44100, 48000, 96000])
def test_loudness_of_the_reference_tone_is_minus_3_01_lufs_at_every_rate(rate):
    t = np.arange(rate * 4) / rate
    (level,) = measure(np.sin(2 * np.pi * 997 * t), rate=rate)
    assert level.lufs_m == pytest.approx(-3.01, abs=0.1)
    assert level.lufs_s == pytest.approx(-3.01, abs=0.1)


def test_loudness_weighs_low_and_high_tones_as_bs1770_does():
    low, high = measure(sine(40, 4), sine(10000, 4))
    assert low.lufs_m < -8
    assert high.lufs_m == pytest.approx(0.3, abs=0.4)


def test_short_term_loudness_waits_for_three_seconds():
    meter = meters.FeatureMeter(RATE, 1)
    second = sine(997)[None, :]
    assert [meter.measure(second)[0].lufs_s is None for _ in range(3)] == [True, True, False]


def test_integrated_loudness_gates_the_silence():
    heard = loudness.Integrated(RATE, 2)
    tone = np.stack([sine(997, amplitude=0.1)] * 2)
    for _ in range(4):
        heard.feed(tone)
    for _ in range(20):
        heard.feed(np.zeros_like(tone))
    assert heard.result() == pytest.approx(-20.0, abs=0.2)
    assert loudness.Integrated(RATE, 1).result() is None


def test_true_peak_sees_between_the_samples():
    (level,) = measure(sine(RATE / 4, amplitude=1.0, phase=math.pi / 4))
    assert level.peak_dbfs == pytest.approx(-3.01, abs=0.01)
    assert level.true_peak_dbtp == pytest.approx(0.0, abs=0.2)


def test_silence_measures_as_nothing_and_as_stuck():
    (level,) = measure(np.zeros(RATE * 2))
    assert (level.rms_dbfs, level.peak_dbfs, level.noise_floor_dbfs) == (-160.0, -160.0, -160.0)
    assert level.stuck_run_ms == 2000
    assert level.quality == (0.0,) * 5


def test_a_stuck_value_of_any_height_is_seen_across_frames():
    samples = np.full(RATE * 3, 0.25, dtype=np.float32)
    samples[: RATE // 2] = sine(440, 0.5)
    (level,) = measure(samples)
    assert level.stuck_run_ms == pytest.approx(2500, abs=2)
    assert level.dc_offset == pytest.approx(0.25)


def test_sixteen_bit_full_scale_clips_on_both_sides():
    for value in (32767, -32768):
        samples = np.zeros((RATE, 1), dtype=np.int16)
        samples[100:105] = value
        (level,) = measure(meters.to_float(samples, "s16")[0])
        assert (level.clipped_samples, level.longest_clip_run, level.clip_runs) == (5, 5, 1)
        assert level.clipping


def test_the_strongest_peer_is_named_with_its_sign():
    tone, other = sine(440, amplitude=0.5), sine(1234, amplitude=0.5)
    first, second, third = measure(tone, other, -tone)
    assert (first.peer_channel_index, round(first.correlation, 2)) == (3, -1.0)
    assert (third.peer_channel_index, round(third.correlation, 2)) == (1, -1.0)
    assert abs(second.correlation) < 0.01
    (alone,) = measure(tone)
    assert alone.peer_channel_index == 0


def test_the_noise_floor_is_what_is_left_in_the_pauses():
    noise = np.random.default_rng(1).normal(0, 0.001, RATE * 4).astype(np.float32)
    burst = np.where((np.arange(RATE * 4) // (RATE // 4)) % 2, sine(440, 4), 0)
    (level,) = measure(noise + burst)
    assert level.noise_floor_dbfs == pytest.approx(-60, abs=1)


def test_quality_scores_tell_kinds_of_sound_apart():
    random = np.random.default_rng(2)
    noise = random.normal(0, 0.1, RATE).astype(np.float32)
    hum = sine(50, amplitude=0.2) + sine(100, amplitude=0.1) + sine(150, amplitude=0.05)
    clicks = random.normal(0, 0.001, RATE).astype(np.float32)
    clicks[random.integers(0, RATE, 30)] = 0.9
    voice = sum(sine(140 * n, amplitude=0.3 / n) for n in range(1, 12))
    voice = voice * np.abs(np.sin(np.pi * 4 * np.arange(RATE) / RATE)) ** 3
    names = wire.QUALITIES
    scored = [dict(zip(names, level.quality, strict=True)) for level in measure(noise, hum, clicks, voice)]
    assert scored[0]["noise"] > 0.8 and scored[0]["broadband"] > 0.8 and scored[0]["speech"] < 0.1
    assert scored[1]["hum"] > 0.9 and scored[1]["speech"] < 0.1
    assert scored[2]["static"] > 0.8
    assert scored[3]["speech"] > 0.6 and scored[3]["hum"] < 0.3 and scored[3]["noise"] < 0.1


#: Stretches of one value: clip runs, stuck runs and silence, in every order.
stretches = st.lists(
    st.tuples(st.sampled_from([0, 1, -1, 1200, 32767, -32768]), st.integers(1, 90)),
    min_size=5,
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(stretches, st.integers(1, 7))
def test_frames_add_up_to_the_whole_however_it_is_cut(stretches, pieces):
    """Counts add, extremes are the extreme, runs that cross a cut are seen once."""
    values = [value for value, length in stretches for _ in range(length)] + [7] * 100
    samples = meters.to_float(np.array(values, dtype=np.int16)[:, None], "s16")
    whole = meters.FeatureMeter(RATE, 1).measure(samples)[0]
    cutting = meters.FeatureMeter(RATE, 1)
    bounds = np.linspace(0, len(values), pieces + 1).astype(int)
    frames = [cutting.measure(np.ascontiguousarray(samples[:, a:b]))[0] for a, b in zip(bounds, bounds[1:])]
    lengths = np.diff(bounds)
    assert sum(f.clipped_samples for f in frames) == whole.clipped_samples
    assert sum(f.clip_runs for f in frames) == whole.clip_runs
    assert max(f.longest_clip_run for f in frames) == whole.longest_clip_run
    assert max(f.stuck_run_ms for f in frames) == whole.stuck_run_ms
    assert max(f.peak_dbfs for f in frames) == whole.peak_dbfs
    power = sum(10 ** (f.rms_dbfs / 10) * n for f, n in zip(frames, lengths)) / len(values)
    assert 10 * math.log10(power) == pytest.approx(whole.rms_dbfs, abs=0.01)
    mean = sum(f.dc_offset * n for f, n in zip(frames, lengths)) / len(values)
    # -32768 is a little over full scale, and an offset ends at -1.
    assert mean == pytest.approx(whole.dc_offset, abs=5e-5)


def test_true_peak_and_loudness_do_not_depend_on_the_cut():
    noise = np.random.default_rng(3).normal(0, 0.1, (1, RATE)).astype(np.float32)
    weigh, cut = loudness.KWeighting(RATE, 1), loudness.KWeighting(RATE, 1)
    parts = [cut(noise[:, a : a + 7000]) for a in range(0, RATE, 7000)]
    assert np.allclose(np.concatenate(parts, axis=1), weigh(noise), atol=1e-5)


def test_frames_of_a_sink_touch_and_cover_every_sample():
    frames: list[wire.MeterFrame] = []
    sink = meters.MeterSink(INTERFACE, Clock(), lambda frame: frames.append(wire.decode(frame)))
    ramp = np.arange(RATE * 3, dtype=np.int32) % 20000
    samples = np.stack([ramp, -ramp], axis=1).astype(np.int16)
    for start in range(0, len(samples), 4111):
        part = samples[start : start + 4111]
        sink.push(Block(0, start, 1000 + start / RATE, RATE, "s16", part, None))
    wait_for(lambda: len(frames) == 3, what="three frames")
    sink.stop()
    assert [frame.seq for frame in frames] == [0, 1, 2]
    steps = np.diff([frame.captured_at_us for frame in frames])
    assert steps == pytest.approx(1_000_000, abs=2000)
    for n, frame in enumerate(frames):
        second = samples[n * RATE : (n + 1) * RATE].astype(float) / 32767
        expected = 10 * np.log10((second**2).mean(axis=0))
        assert [level.rms_dbfs for level in frame.levels] == pytest.approx(list(expected), abs=0.01)
        assert not frame.xrun


def test_a_sink_that_falls_behind_drops_never_waits_and_says_so():
    frames: list[wire.MeterFrame] = []
    gate = threading.Event()

    def slow(frame):
        gate.wait(5)
        frames.append(wire.decode(frame))

    sink = meters.MeterSink(INTERFACE, Clock(), slow)
    second = np.ones((RATE, 1), dtype=np.int16)
    began = time.monotonic()
    for n in range(20):
        sink.push(Block(0, n * RATE, float(n), RATE, "s16", second, None))
    assert time.monotonic() - began < 1
    gate.set()
    wait_for(lambda: len(frames) >= 6, what="what was kept")
    sink.stop()
    assert len(frames) < 20
    assert any(frame.xrun for frame in frames)


def test_a_watched_sink_sends_levels_ten_times_a_second_and_features_besides():
    frames: list[wire.MeterFrame] = []
    sink = meters.MeterSink(INTERFACE, Clock(), lambda frame: frames.append(wire.decode(frame)))
    sink.watched = True
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    samples = (np.stack([tone, np.ones(RATE)], axis=1) * 32767 * [0.1, 1]).astype(np.int16)
    sink.push(Block(0, 0, 1000.0, RATE, "s16", samples, None))
    wait_for(lambda: len(frames) == 11, what="ten of levels, one of features")
    sink.stop()
    quick = [frame for frame in frames if frame.kind == wire.LEVELS]
    assert [frame.seq for frame in quick] == list(range(10)) and {frame.period_ms for frame in quick} == {100}
    assert np.diff([frame.captured_at_us for frame in quick]) == pytest.approx(100_000, abs=200)
    for frame in quick:
        soft, full = frame.levels
        assert (soft.rms_dbfs, soft.peak_dbfs, soft.clipping) == (-23.0, -20.0, False)
        assert (full.rms_dbfs, full.peak_dbfs, full.clipping) == (0.0, 0.0, True)
