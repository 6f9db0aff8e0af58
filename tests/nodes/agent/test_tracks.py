"""Segments, tracks and files: no frame lost, none doubled, gaps where they were."""

import io
import json
import threading

import numpy as np
import pytest

from nodes.agent import capture as capture_module
from nodes.agent import encode, segments
from nodes.agent.capture import Capture
from nodes.agent.clock import Clock, format_time
from nodes.agent.config import Timing
from nodes.agent.jobs import Job
from nodes.agent.jobstore import JobStore, load
from nodes.agent.reader import Block
from nodes.agent.render import Renderer, export
from nodes.agent.segments import SegmentWriter
from tests.nodes.agent.conftest import wait_for
from tests.sound import decode

RATE = 8000
BLOCK = 800
START = 1_800_000_000.0
#: Real seconds do not matter here: blocks say when they were.
TIMING = Timing(segment_seconds=0.7, sync_seconds=0.05)


class Machine:
    """A clock under control, a job, a capture and a renderer, without a network or a device."""

    def __init__(self, tmp_path, *, seconds=None, output=None, wall_start=START, **command):
        self.mono = 1000.0
        self.clock = Clock(wall=lambda: START + self.mono - 1000.0, mono=lambda: self.mono)
        self.store = JobStore(tmp_path)
        self.job = self.store.create(
            {
                "id": "1f",
                "recordingId": "2f",
                "claimId": "c",
                "claimEpoch": 1,
                "captureStartAt": format_time(START),
                "captureEndAt": None if seconds is None else format_time(START + seconds),
                "command": {"channels": 1, "output": {"codec": "wav", "bitDepth": 16, **(output or {})}, **command},
            },
            clock_offset_seconds=0.0,
            max_file_bytes=1 << 36,
        )
        self.troubles: list[tuple[str, str]] = []
        self.fallbacks: list[str] = []
        self.open()

    def open(self) -> None:
        self.over, self.rendered = threading.Event(), threading.Event()
        self.error = None
        self.renderer = Renderer(
            self.job,
            on_track=lambda track: None,
            on_end=self._ended,
            on_fallback=lambda track, reason: self.fallbacks.append(reason),
        )
        self.renderer.start(list(self.job.segments))
        self.capture = Capture(
            self.job,
            self.clock,
            TIMING,
            on_segment=self.renderer.offer,
            on_end=self.over.set,
            on_trouble=lambda kind, cause: self.troubles.append((kind, cause)),
        )
        self.capture.start()

    def _ended(self, error):
        self.error = error
        self.rendered.set()

    def feed(self, values: np.ndarray, *, at: float, stream=0, first=0, cause=None, fmt="s16") -> None:
        """Push samples in blocks; `at` is the time of the first, in seconds from the window's start."""
        values = values.reshape(-1, 1) if values.ndim == 1 else values
        for n in range(0, len(values), BLOCK):
            block = Block(stream, first + n, 1000.0 + at + n / RATE, RATE, fmt, values[n : n + BLOCK], cause)
            self.mono = max(self.mono, block.start_mono + len(block.samples) / RATE)
            self.capture.push(block)
            if n % (40 * BLOCK) == 0:
                self.settle()
        self.settle()

    def settle(self) -> None:
        wait_for(lambda: self.capture.idle or self.over.is_set(), what="the writer")

    def finish(self) -> list[bytes]:
        assert self.over.wait(5)
        self.renderer.finish()
        assert self.rendered.wait(10)
        assert self.error is None
        return [(self.job.render_folder / t.path).read_bytes() for t in self.job.tracks]


def ramp(count: int, start: int = 1) -> np.ndarray:
    """Values that name their place."""
    return (np.arange(start, start + count) % 30000).astype(np.int16)


def pcm(content: bytes) -> np.ndarray:
    """(channels, frames) as int16."""
    samples, _ = decode(content)
    return np.rint(samples * 32768).astype(int)


def test_a_window_is_cut_to_the_frame_at_both_ends(tmp_path):
    machine = Machine(tmp_path, seconds=2)
    machine.feed(ramp(3 * RATE), at=-0.25)
    (content,) = machine.finish()
    assert pcm(content)[0].tolist() == ramp(3 * RATE)[RATE // 4 : RATE // 4 + 2 * RATE].tolist()


def test_tracks_together_hold_every_frame_once(tmp_path):
    machine = Machine(tmp_path, seconds=3.5, output={"maxTrackSeconds": 1})
    machine.feed(ramp(4 * RATE), at=0)
    contents = machine.finish()
    parts = [pcm(content)[0] for content in contents]
    assert [len(part) for part in parts] == [RATE, RATE, RATE, RATE // 2]
    assert np.concatenate(parts).tolist() == ramp(int(3.5 * RATE)).tolist()
    assert [track.final for track in machine.job.tracks] == [False, False, False, True]


def test_a_capture_that_ends_on_a_boundary_has_a_final_track_all_the_same(tmp_path):
    machine = Machine(tmp_path, seconds=2, output={"maxTrackSeconds": 1})
    machine.feed(ramp(3 * RATE), at=0)
    assert len(machine.finish()) == 2
    assert [track.final for track in machine.job.tracks] == [False, True]


def test_tracks_by_the_clock_begin_on_its_multiples(tmp_path):
    machine = Machine(tmp_path, output={"maxTrackSeconds": 60, "trackAlign": "clock"})
    job = machine.job
    job.sample_rate, job.first_frame_utc = RATE, START + 45
    assert START % 60 == 0
    assert job.cell_of(15 * RATE - 1) == 0
    assert (job.cell_of(15 * RATE), job.cell_start(1), job.cell_start(2)) == (1, 15 * RATE, 75 * RATE)
    machine.capture.suspend()
    machine.renderer.stop()


def test_a_lost_device_leaves_silence_as_long_as_it_was_away(tmp_path):
    machine = Machine(tmp_path, seconds=4)
    machine.feed(ramp(RATE), at=0)
    machine.feed(ramp(3 * RATE, 5000), at=1.5, stream=1, cause="device_lost")
    (content,) = machine.finish()
    samples = pcm(content)[0]
    assert len(samples) == 4 * RATE
    assert samples[:RATE].tolist() == ramp(RATE).tolist()
    assert not samples[RATE : RATE + RATE // 2].any()
    assert samples[RATE + RATE // 2 :].tolist() == ramp(int(2.5 * RATE), 5000).tolist()
    assert machine.job.gap_report() == [{"atSeconds": 1.0, "lengthSeconds": 0.5, "cause": "device_lost"}]
    assert machine.job.tracks[0].partial


def test_a_late_start_is_listed_and_its_file_begins_with_the_first_sample(tmp_path):
    machine = Machine(tmp_path, seconds=60)
    machine.clock.offset_seconds = 40.0
    machine.feed(ramp(RATE), at=0)
    machine.feed(ramp(RATE, 5000), at=1.5, stream=1, cause="device_lost")
    machine.capture.stop_at(START + 42.3)
    (content,) = machine.finish()
    assert machine.job.gap_report() == [
        {"atSeconds": 0.0, "lengthSeconds": 40.0, "cause": "late_start"},
        {"atSeconds": 1.0, "lengthSeconds": 0.5, "cause": "device_lost"},
    ]
    assert len(pcm(content)[0]) == round(2.3 * RATE)
    assert machine.job.clock_corrected


def test_a_start_in_time_is_no_late_one(tmp_path):
    machine = Machine(tmp_path, seconds=1)
    machine.feed(ramp(RATE), at=0.4)
    machine.capture.stop_at(START + 1.4)
    machine.finish()
    assert machine.job.gap_report() == []
    assert not machine.job.clock_corrected


def test_what_does_not_fit_in_memory_is_a_gap_named_overrun(tmp_path):
    machine = Machine(tmp_path, seconds=4)
    machine.feed(ramp(RATE), at=0)
    machine.feed(ramp(2 * RATE, 20000), at=2, first=2 * RATE)
    (content,) = machine.finish()
    assert machine.job.gap_report() == [{"atSeconds": 1.0, "lengthSeconds": 1.0, "cause": "overrun"}]
    assert len(pcm(content)[0]) == 4 * RATE


def test_a_full_disk_is_waited_for_and_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(capture_module, "DISK_RETRY_SECONDS", 0.0)
    machine = Machine(tmp_path, seconds=3)
    full = threading.Event()
    write = SegmentWriter.write

    def refusing(self, samples):
        if full.is_set():
            raise OSError(28, "No space left on device")
        write(self, samples)

    monkeypatch.setattr(SegmentWriter, "write", refusing)
    machine.feed(ramp(RATE), at=0)
    full.set()
    machine.feed(ramp(RATE, RATE), at=1, first=RATE)
    full.clear()
    machine.feed(ramp(2 * RATE, 2 * RATE), at=2, first=2 * RATE)
    (content,) = machine.finish()
    (gap,) = machine.job.gap_report()
    assert (gap["cause"], gap["atSeconds"], gap["lengthSeconds"]) == ("disk", 1.0, 1.0)
    assert len(pcm(content)[0]) == 3 * RATE
    assert ("disk", "No space left on device") in machine.troubles


def test_a_stop_just_now_cuts_there_and_an_old_one_keeps_all(tmp_path):
    recent = Machine(tmp_path / "a")
    recent.feed(ramp(2 * RATE), at=0)
    recent.capture.stop_at(START + 1.5)
    assert len(pcm(recent.finish()[0])[0]) == int(1.5 * RATE)
    old = Machine(tmp_path / "b")
    old.feed(ramp(40 * RATE), at=0)
    old.capture.stop_at(START + 1)
    assert len(pcm(old.finish()[0])[0]) == 40 * RATE


def test_a_stop_before_the_only_samples_keeps_them(tmp_path):
    machine = Machine(tmp_path)
    machine.feed(ramp(RATE // 2), at=0.2)
    machine.capture.stop_at(START + 0.1)
    assert len(pcm(machine.finish()[0])[0]) == RATE // 2


def test_the_next_process_takes_the_timeline_up_where_the_clock_is(tmp_path):
    machine = Machine(tmp_path, seconds=5)
    machine.feed(ramp(RATE), at=0)
    machine.capture.suspend()
    machine.renderer.stop()
    machine.job, torn = load(machine.job.folder)
    machine.mono = 1003.0
    machine.open()
    machine.feed(ramp(2 * RATE, 9), at=3)
    (content,) = machine.finish()
    assert not torn
    assert machine.job.gap_report() == [{"atSeconds": 1.0, "lengthSeconds": 2.0, "cause": "restart"}]
    assert len(pcm(content)[0]) == 5 * RATE


def test_an_encoder_that_fails_leaves_a_wav_of_the_whole_track(tmp_path, monkeypatch):
    machine = Machine(tmp_path, seconds=3, output={"codec": "flac"})
    write, calls = encode.AvEncoder.write, []

    def failing(self, samples):
        calls.append(1)
        if len(calls) > 1:
            raise encode.EncodeError("it broke")
        write(self, samples)

    monkeypatch.setattr(encode.AvEncoder, "write", failing)
    machine.feed(ramp(4 * RATE), at=0)
    (content,) = machine.finish()
    assert content[:4] == b"RIFF"
    assert len(pcm(content)[0]) == 3 * RATE
    assert machine.job.tracks[0].render_fallback == "wav"
    assert machine.fallbacks == ["it broke"]


def test_not_even_wav_is_told_and_the_segments_stay(tmp_path, monkeypatch):
    machine = Machine(tmp_path, seconds=1)

    def failing(*args, **kwargs):
        raise encode.EncodeError("no")

    monkeypatch.setattr(encode, "open_encoder", failing)
    machine.feed(ramp(2 * RATE), at=0)
    assert machine.over.wait(5)
    machine.renderer.finish()
    assert machine.rendered.wait(5)
    assert machine.error is not None
    assert list(machine.job.segment_folder.glob("*.pcm"))


@pytest.mark.parametrize(
    ("codec", "output", "tolerance"),
    [("flac", {"bitDepth": 24}, 0), ("mp3", {"bitrateKbps": 64}, 1200), ("opus", {"bitrateKbps": 48}, 400)],
)
def test_every_codec_lasts_as_long_as_the_capture(tmp_path, codec, output, tolerance):
    machine = Machine(tmp_path, seconds=3, output={"codec": codec, **output})
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE)).astype(np.int16)
    machine.feed(tone, at=0)
    samples, rate = decode(machine.finish()[0])
    assert samples.shape[1] == pytest.approx(3 * rate, abs=tolerance)


@pytest.mark.parametrize("sample_format", ["s16", "s24", "s32", "f32"])
def test_samples_come_back_from_a_segment_as_they_went_in(tmp_path, sample_format):
    random = np.random.default_rng(4)
    if sample_format == "s16":
        samples = random.integers(-32768, 32767, (500, 3)).astype(np.int16)
    elif sample_format == "f32":
        samples = random.normal(0, 1, (500, 3)).astype(np.float32)
    else:
        samples = random.integers(-(2**31), 2**31 - 1, (500, 3)).astype(np.int32)
        samples = samples & ~0xFF if sample_format == "s24" else samples
    writer = SegmentWriter(
        tmp_path,
        index=1,
        first_frame=7,
        sample_rate=RATE,
        channels=3,
        sample_format=sample_format,
        start_at="2026-01-01T00:00:00Z",
    )
    writer.write(samples)
    segment = writer.close()
    assert np.array_equal(np.concatenate(list(segment.read(100))), samples)
    sidecar = json.loads((tmp_path / "000001.json").read_text())
    assert (sidecar["firstFrame"], sidecar["frames"], sidecar["channels"]) == (7, 500, 3)
    export_job = Job(tmp_path, "j", "r", "c", 1, 1, {"output": {}}, "2026-01-01T00:00:00Z")
    export_job.segments = [segment]
    export(export_job, tmp_path / "out.wav", "wav")
    back, _ = decode((tmp_path / "out.wav").read_bytes())
    scale = {"s16": 2.0**15, "f32": 1.0}.get(sample_format, 2.0**31)
    assert np.allclose(back.T, samples / scale, atol=1e-6)


def test_the_tail_of_a_power_cut_is_cut_to_a_whole_frame(tmp_path):
    writer = SegmentWriter(
        tmp_path,
        index=3,
        first_frame=100,
        sample_rate=RATE,
        channels=2,
        sample_format="s24",
        start_at="2026-01-01T00:00:00Z",
    )
    writer.write(np.ones((50, 2), dtype=np.int32))
    with (tmp_path / "000003.pcm").open("ab") as stream:
        stream.write(b"\x01\x02\x03\x04")
    (segment,) = segments.recover(tmp_path, first={})
    assert (segment.first_frame, segment.frames, segment.end_frame) == (100, 50, 150)
    assert (tmp_path / "000003.pcm").stat().st_size == 300


def test_a_wav_past_4_gib_is_rf64_and_a_small_one_plain_riff():
    from nodes.agent import wav

    sizes = {"rate": 48000, "channels": 32, "bits": 24, "tag": wav.PCM}
    large = wav.header(file_bytes=6_000_000_104, data_bytes=6_000_000_000, frames=62_500_000, **sizes)
    assert (large[:4], large[12:16], large[4:8]) == (b"RF64", b"ds64", b"\xff\xff\xff\xff")
    assert int.from_bytes(large[20:28], "little") == 6_000_000_096
    assert int.from_bytes(large[28:36], "little") == 6_000_000_000
    small = wav.header(file_bytes=200, data_bytes=96, frames=1, **sizes)
    assert (small[:4], small[12:16], len(small)) == (b"RIFF", b"JUNK", wav.HEADER_BYTES)
    assert io.BytesIO(small).read()[-8:-4] == b"data"
