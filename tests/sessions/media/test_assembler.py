"""Whole frames out of packets that come late, twice, or never."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.media.edge.assembler import Assembler
from sessions.media.edge.timeline import Line, sound_offset


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def packet(number, timestamp, data, marker=0):
    return SimpleNamespace(sequence_number=number % 65536, timestamp=timestamp, _data=data, marker=marker, payload_type=97)


@pytest.fixture
def made():
    frames, clock = [], Clock()
    return Assembler(frames.append, single=False, patience_seconds=0.5, now=clock), frames, clock


def test_a_frame_is_released_with_its_marker(made):
    assembler, frames, _ = made
    assembler.push(packet(10, 1, b"a"))
    assert frames == []
    assembler.push(packet(11, 1, b"b", marker=1))
    assert [frame.data for frame in frames] == [b"ab"]
    assert not frames[0].after_loss


def test_a_late_packet_completes_its_frame_and_releases_those_behind_it(made):
    assembler, frames, _ = made
    for one in (packet(1, 1, b"a", 1), packet(3, 2, b"c", 1), packet(4, 3, b"d", 1), packet(2, 2, b"b"), packet(2, 2, b"b")):
        assert not assembler.push(one)
    assert [frame.data for frame in frames] == [b"a", b"bc", b"d"]


def test_a_hole_is_given_up_after_a_while_and_the_next_frame_says_so(made):
    assembler, frames, clock = made
    assembler.push(packet(1, 1, b"a", 1))
    assert not assembler.push(packet(3, 2, b"c", 1))
    clock.now = 0.6
    assert assembler.push(packet(4, 3, b"d"))
    assert assembler.given_up == 1
    assembler.push(packet(5, 3, b"e", 1))
    assert [(frame.data, frame.after_loss) for frame in frames] == [(b"a", False), (b"de", True)]


def test_numbers_turn_over_and_empty_packets_count(made):
    assembler, frames, _ = made
    assembler.push(packet(65534, 1, b"a", 1))
    assembler.push(packet(65535, 1, b""))
    assembler.push(packet(65536, 2, b"b", 1))
    assert [frame.data for frame in frames] == [b"a", b"b"]


def test_a_sender_that_counts_anew_is_followed(made):
    assembler, frames, _ = made
    assembler.push(packet(30000, 1, b"a", 1))
    assembler.push(packet(5, 2, b"b", 1))
    assert [(frame.data, frame.after_loss) for frame in frames] == [(b"a", False), (b"b", True)]


def test_a_missing_marker_ends_with_the_next_timestamp(made):
    assembler, frames, _ = made
    assembler.push(packet(1, 1, b"a"))
    assembler.push(packet(2, 2, b"b", 1))
    assert [frame.data for frame in frames] == [b"a", b"b"]


@given(st.randoms(use_true_random=False), st.integers(0, 65535))
def test_any_order_gives_the_same_frames(random, start):
    """Packets that are at most a few places out of order."""
    frames = []
    assembler = Assembler(frames.append, single=False, patience_seconds=1e9, now=lambda: 0.0)
    packets = [packet(start + index, index // 3, bytes([index]), marker=index % 3 == 2) for index in range(60)]
    order = sorted(range(1, 60), key=lambda index: index + random.uniform(0, 8))
    for index in [0, *order]:
        assembler.push(packets[index])
    assert [frame.data for frame in frames] == [bytes([3 * n, 3 * n + 1, 3 * n + 2]) for n in range(20)]


def test_every_packet_of_sound_is_a_frame():
    frames, clock = [], Clock()
    assembler = Assembler(frames.append, single=True, patience_seconds=0.06, now=clock)
    assembler.push(packet(1, 960, b"a"))
    assembler.push(packet(3, 2880, b"c"))
    assert len(frames) == 1
    clock.now = 0.1
    assert assembler.push(packet(4, 3840, b"d"))
    assert [frame.data for frame in frames] == [b"a", b"c", b"d"]


def test_timestamps_count_on_over_their_turn():
    line = Line(90_000)
    assert [line.at(value) for value in (2**32 - 3000, 0, 3000, 2**32 - 6000, 6000)] == [0, 3000, 6000, -3000, 9000]


def test_sound_and_picture_are_aligned_by_sender_reports_not_by_arrival():
    video, audio = Line(90_000), Line(48_000)
    for index in range(5):
        video.at((1000 + index * 3000) % 2**32)
        audio.at((2**32 - 500 + index * 960) % 2**32)
    # The picture's clock read 1000 at 100.0 s, the sound's (2³² − 500 + 960) at 100.05 s: the first sound is at 100.03 s.
    assert sound_offset(video, audio, (100.0, 1000), (100.05, 460)) == pytest.approx(0.03)
    assert sound_offset(video, audio, None, (100.05, 460)) is None
