"""What lies in `jobs/`: looked at without being touched, rebuilt from what is left, removed in one step."""

import errno
import json
from types import SimpleNamespace

import numpy as np
import pytest

from nodes.agent import cache, durable, jobs
from nodes.agent.clock import Clock, format_time
from nodes.agent.config import Timing
from nodes.agent.hints import Hints
from nodes.agent.jobs import Gap, Job
from nodes.agent.jobstore import JobStore, load
from nodes.agent.runner import JobRunner
from nodes.agent.segments import SegmentWriter

START = 1_800_000_000.0
RATE = 8000


def claimed(store: JobStore, job_id: str = "1f", **command) -> Job:
    wire = {
        "id": job_id,
        "recordingId": "2f",
        "claimId": "c",
        "claimEpoch": 1,
        "captureStartAt": format_time(START),
        "captureEndAt": None,
        "command": {"channels": 2, "sampleRate": RATE, "sampleFormat": "s16", "output": {"codec": "wav"}, **command},
    }
    return store.create(wire, clock_offset_seconds=0.0, max_file_bytes=1 << 36)


def capturing(store: JobStore, frames: int, **command) -> tuple[Job, SegmentWriter]:
    """A job whose first segment is open and holds `frames`."""
    job = claimed(store, **command)
    job.sample_rate, job.first_frame_utc = RATE, START
    job.move("capturing")
    writer = SegmentWriter(
        job.segment_folder,
        index=1,
        first_frame=0,
        sample_rate=RATE,
        channels=2,
        sample_format="s16",
        start_at=format_time(START),
    )
    writer.write(np.ones((frames, 2), dtype=np.int16))
    return job, writer


def test_a_sweep_touches_no_job_at_work(tmp_path):
    store = JobStore(tmp_path)
    job, writer = capturing(store, 100)
    sidecar = writer.path.with_suffix(".json").read_text()
    assert cache.sweep(store, [], urgent=True) == 0
    writer.write(np.ones((50, 2), dtype=np.int16))
    assert writer.path.with_suffix(".json").read_text() == sidecar
    again, torn = load(job.folder)
    assert (torn, [segment.frames for segment in again.segments]) == (False, [150])


def test_a_sweep_takes_what_is_confirmed_and_was_to_go_with_its_upload(tmp_path):
    store = JobStore(tmp_path)
    for job_id, delete in (("1a", True), ("2a", False)):
        claimed(store, job_id, recorderCache={"policyId": None, "deleteAfterUpload": delete}).move("done")
    assert cache.sweep(store, []) == 1
    assert [path.name for path in store.root.iterdir()] == ["2a"]
    assert cache.sweep(store, [], urgent=True) == 1


def test_a_removal_that_was_cut_off_leaves_no_job_behind(tmp_path, monkeypatch):
    store = JobStore(tmp_path)
    job = claimed(store)
    job.move("done")
    monkeypatch.setattr(durable, "remove_tree", lambda path: (path / "state.json").unlink())
    store.remove(job)
    assert store.load_all() == ([], [])
    monkeypatch.undo()
    JobStore(tmp_path)
    assert not list((tmp_path / "removed").iterdir())


def test_a_first_segment_without_its_sidecar_is_read_as_the_command_says(tmp_path):
    store = JobStore(tmp_path)
    job, writer = capturing(store, 400)
    writer.path.with_suffix(".json").write_text("{")
    again, torn = load(job.folder)
    (segment,) = again.segments
    assert not torn
    assert (segment.first_frame, segment.frames, segment.sample_rate, segment.channels) == (0, 400, RATE, 2)
    assert (again.frames_captured, again.first_frame_utc, again.segment_total) == (400, START, 1)


def test_a_torn_state_is_rebuilt_with_its_tracks_and_their_places(tmp_path):
    store = JobStore(tmp_path)
    job, writer = capturing(store, 100)
    job.tracks = [jobs.Track(1, 0, 0, frames=RATE, path="1.wav", sha256="ab", state="uploaded")]
    job.save_track(job.tracks[0])
    meta = json.loads(writer.path.with_suffix(".json").read_text()) | {"firstFrame": RATE + 80}
    writer.path.with_suffix(".json").write_text(json.dumps(meta))
    (job.folder / "state.json").write_text("{")
    again, torn = load(job.folder)
    assert torn
    assert again.tracks == job.tracks
    assert again.gaps == [Gap(RATE, 80, "restart")]
    assert (again.phase, again.first_frame_utc, again.frames_captured) == ("capturing", START, RATE)


def test_a_torn_state_after_the_final_track_begins_no_new_capture(tmp_path):
    store = JobStore(tmp_path)
    job = claimed(store)
    job.sample_rate, job.first_frame_utc = RATE, START
    job.tracks = [jobs.Track(1, 0, 0, frames=RATE, path="1.wav", sha256="ab", final=True, state="uploaded")]
    job.save_track(job.tracks[0])
    (job.folder / "state.json").write_text("{")
    again, _ = load(job.folder)
    assert (again.phase, again.frames_captured) == ("captured", RATE)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
async def test_a_stop_reaches_the_capture_though_the_disk_takes_nothing(tmp_path, monkeypatch, code):
    job = claimed(JobStore(tmp_path))
    answer = {"job": {"stop": {"at": format_time(START + 9)}}, "hints": None}

    async def heartbeat(job_id, body):
        return SimpleNamespace(ok=True, data=answer)

    context = SimpleNamespace(
        hints=Hints(),
        clock=Clock(),
        controller=SimpleNamespace(job_heartbeat=heartbeat),
        settings=SimpleNamespace(timing=Timing()),
        part_bytes=1,
        agent_instance_id="a",
    )
    runner, stops = JobRunner(context, job), []
    runner._capture = SimpleNamespace(stop_at=stops.append)

    def refuse(*args):
        raise OSError(code, "refused")

    monkeypatch.setattr(jobs.durable, "write_json", refuse)
    await runner._send_heartbeat()
    assert stops == [START + 9]
    assert job.stop["at"] == format_time(START + 9)
    monkeypatch.undo()
    job.move("capturing")
    assert load(job.folder)[0].stop == job.stop
