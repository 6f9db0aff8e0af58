"""The meter of a session: every row of the contract, and what must hold for any input."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.metering.core import MEDIA_LOST, NO_FRESH_SAMPLE, Interval, meter, subtract, union

S = 1000
OPEN = None


def seconds(*windows):
    return [(int(start * S), None if end is None else int(end * S)) for start, end in windows]


def every(step, first, last):
    """Capture times in milliseconds from `first` to `last` seconds, both included."""
    return list(range(int(first * S), int(last * S) + 1, int(step * S)))


ALL = every(1, 0.5, 59.5)

WALL_CLOCK = [
    (0, 60, [], 60, 0),
    (0, 59.999, [], 59, 0),
    (0, 0, [], 0, 0),
    (0, 60, [(20, 30)], 50, 10),
    (0, 60, [(20, 30), (25, 35)], 45, 15),
    (0, 60, [(50, OPEN)], 50, 10),
    (0, 60, [(0, OPEN)], 0, 60),
    (10, 60, [(0, 15)], 45, 5),
    (0, 700, [], 600, 0),
    (0, 700, [(590, 650)], 590, 10),
    (0, 10, [(1, 1.5), (3, 3.5)], 9, 1),
    (0, 60, [(30, 20)], 60, 0),
    (60, 0, [], 0, 0),
    (0, 60, [(70, 80)], 60, 0),
    (0, 60, [(-10, -5)], 60, 0),
    (0, 60, [(20, 20)], 60, 0),
]

TELEMETRY = [
    ("all", 60, ALL, [], 60, 0),
    ("every 3 s from 0", 60, every(3, 0, 59), [], 60, 0),
    ("every 5 s from 0", 60, every(5, 0, 59), [], 47, 13),
    ("none", 60, [], [], 0, 60),
    ("first at 10.5", 60, every(1, 10.5, 59.5), [], 50, 10),
    ("last at 29.5", 60, every(1, 0.5, 29.5), [], 32, 28),
    ("outside 20.5 to 39.5", 60, every(1, 0.5, 19.5) + every(1, 40.5, 59.5), [], 42, 18),
    ("all, window 20 to 30", 60, ALL, [(20, 30)], 50, 10),
    ("last at 29.5, window 30 to 40", 60, every(1, 0.5, 29.5), [(30, 40)], 30, 30),
    ("one at 0.000", 10, [0], [], 3, 7),
    ("one at -1.000", 10, [-1000], [], 2, 8),
    ("0 to 60.5, window 10 to 10.5", 60.5, every(1, 0.5, 60.5), [(10, 10.5)], 60, 0),
    ("0 to 700", 700, every(1, 0.5, 699.5), [], 600, 0),
]


@pytest.mark.parametrize("started, ended, windows, clean, failed", WALL_CLOCK)
def test_wall_clock(started, ended, windows, clean, failed):
    result = meter(int(started * S), int(ended * S), 600, seconds(*windows))
    assert (result.clean, result.failed, result.metered) == (clean, failed, clean + failed)


@pytest.mark.parametrize("ended, samples, windows, clean, failed", [row[1:] for row in TELEMETRY], ids=[row[0] for row in TELEMETRY])
def test_telemetry(ended, samples, windows, clean, failed):
    result = meter(0, int(ended * S), 600, seconds(*windows), samples)
    assert (result.clean, result.failed, result.metered) == (clean, failed, clean + failed)


def test_a_sample_is_fresh_for_exactly_three_seconds():
    assert meter(0, 4 * S, 600, [], [1000]).clean == 4
    assert meter(0, 4 * S, 600, [], [999]).clean == 3
    assert meter(0, 1 * S, 600, [], [1001]).clean == 0


def test_intervals_name_one_reason_for_each_moment():
    result = meter(0, 10 * S, 600, [(4000, 5500)], [500, 1500, 8500, 9500])
    assert result.intervals == (Interval(4000, 5500, MEDIA_LOST), Interval(5500, 8000, NO_FRESH_SAMPLE))
    assert (result.clean, result.failed) == (6, 4)


def test_a_day_at_one_sample_a_second_takes_no_two_seconds():
    day = 86_400
    windows = [(k * 60 * S, k * 60 * S + 500) for k in range(day // 60)]
    began = time.perf_counter()
    result = meter(0, day * S, day, windows, [k * S + 500 for k in range(day)])
    gappy = meter(0, day * S, day, windows, [k * S + 500 for k in range(0, day, 5)])
    assert time.perf_counter() - began < 2
    assert result.clean == day - day // 120
    assert 0 < gappy.clean < result.clean


def test_spans():
    assert union([(5, 7), (1, 3), (3, 4), (6, 9)]) == [(1, 4), (5, 9)]
    assert subtract([(0, 10)], [(2, 3), (9, 20), (5, 5)]) == [(0, 2), (3, 9)]
    assert subtract([(0, 10), (5, 12)], []) == [(0, 12)]
    assert subtract([(0, 2), (4, 6), (8, 9)], [(1, 5), (5, 8)]) == [(0, 1), (8, 9)]


instants = st.integers(-5_000, 125_000)
windows_ = st.lists(st.tuples(instants, st.none() | instants), max_size=8)
samples_ = st.lists(instants, max_size=60)
spans_ = st.tuples(st.integers(0, 20_000), instants, st.integers(10, 90))
many = settings(max_examples=150, deadline=None)


@many
@given(spans_, windows_, st.none() | samples_)
def test_every_second_is_clean_or_failed(span, windows, samples):
    result = meter(*span, windows, samples)
    assert result.clean + result.failed == result.metered <= span[2]
    assert result.clean >= 0 and result.failed >= 0
    assert all(a.end_ms <= b.start_ms for a, b in zip(result.intervals, result.intervals[1:], strict=False))
    lost = sum(interval.end_ms - interval.start_ms for interval in result.intervals)
    cutoff = max(span[0], min(span[1], span[0] + span[2] * S))
    assert result.clean == (cutoff - span[0] - lost) // S


@many
@given(spans_, windows_, samples_, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(span, windows, samples, random):
    expected = meter(*span, windows, samples)
    windows, samples = windows * 2, samples * 2
    random.shuffle(windows)
    random.shuffle(samples)
    assert meter(*span, windows, samples) == expected


@many
@given(spans_, windows_, st.tuples(instants, st.none() | instants), st.none() | samples_)
def test_one_more_window_never_raises_the_bill(span, windows, window, samples):
    assert meter(*span, [*windows, window], samples).clean <= meter(*span, windows, samples).clean


@many
@given(spans_, windows_, samples_)
def test_telemetry_never_bills_more_than_the_wall_clock(span, windows, samples):
    assert meter(*span, windows, samples).clean <= meter(*span, windows).clean
