"""What a cut holds: whole pictures from a keyframe on, as they were sent; what was missing is said."""

import av
import pytest

from recordings.replay import cutting
from sessions.media import joining
from tests.recordings.replay import footage
from tests.sessions.media.peers import encoded, read

ZERO = 1_800_000_000_000


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "session"


def cut(folder, since, until):
    target = folder.parent / "clip"
    return cutting.cut(joining.segments(folder), ZERO + since, ZERO + until, target), target


def pictures(path):
    with av.open(str(path)) as container:
        return [
            (round(packet.pts * packet.time_base * 1000), packet.is_keyframe, bytes(packet)) for packet in container.demux(video=0) if packet.size
        ]


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_it_begins_with_the_keyframe_before_and_copies_what_was_sent(folder, codec):
    footage.lay(folder, "1", ZERO, codec)
    made, path = cut(folder, 3200, 6000)
    assert (made.codec, made.play_from_ms, made.duration_ms, made.reached, made.gaps) == (codec, 200, 2800, True, [])
    found = pictures(path)
    assert found[0][:2] == (0, True) and len(found) == 90 and found[-1][0] == pytest.approx(2967, abs=2)
    if codec == "vp8":
        assert [data for _, _, data in found] == [encoded(codec)[index % 45] for index in range(90, 180)]
    kinds, _, seconds = read(path)
    assert kinds == {"video": codec, "audio": "opus"} and seconds == pytest.approx(3, abs=0.1)


def test_on_the_keyframe_itself_nothing_comes_before_the_in_point(folder):
    footage.lay(folder, "1", ZERO)
    made, _ = cut(folder, 3000, 3600)
    assert (made.play_from_ms, made.duration_ms) == (0, 600)


def test_a_gap_inside_is_told_from_the_in_point(folder):
    footage.lay(folder, "1", ZERO)
    footage.lay(folder, "2", ZERO + 14_000)
    made, path = cut(folder, 9000, 15_000)
    assert (made.play_from_ms, made.duration_ms, made.reached) == (0, 6000, True)
    ((at, length),) = made.gaps
    assert at == pytest.approx(1000, abs=5) and length == pytest.approx(4000, abs=5)
    assert pictures(path)[30][:2] == (5000, True)


def test_an_in_point_within_a_gap_takes_the_picture_before_it(folder):
    footage.lay(folder, "1", ZERO)
    footage.lay(folder, "2", ZERO + 14_000)
    made, _ = cut(folder, 12_000, 15_000)
    assert made.play_from_ms == 2500 and made.gaps == [(0, 2000)]


def test_it_goes_as_far_as_there_is_something(folder):
    footage.lay(folder, "1", ZERO)
    made, _ = cut(folder, 9000, 20_000)
    assert not made.reached and made.duration_ms == pytest.approx(1000, abs=5)
    assert not cutting.reaches(joining.segments(folder), ZERO + 20_000)
    assert cutting.reaches(joining.segments(folder), ZERO + 9900)


def test_what_is_still_being_written_is_read_to_where_it_is_whole(folder):
    path = footage.lay(folder, "1", ZERO)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    assert not cutting.reaches(joining.segments(folder), ZERO + 8000)
    made, target = cut(folder, 2000, 4000)
    assert made.reached and len(pictures(target)) == 60


def test_without_a_picture_there_is_no_file(folder):
    footage.lay(folder, "1", ZERO)
    for since, until in ((-5000, -1000), (20_000, 21_000)):
        made, target = cut(folder, since, until)
        assert made is None and not target.exists()


def test_another_codec_ends_it(folder):
    footage.lay(folder, "1", ZERO)
    footage.lay(folder, "2", ZERO + 10_000, "h264")
    made, _ = cut(folder, 9000, 12_000)
    assert made.codec == "vp8" and made.duration_ms == pytest.approx(1000, abs=5)
    assert cut(folder, 10_500, 12_000)[0].codec == "h264"
