"""Whether all of what was asked for is in the file: late, short, cut, with gaps; told by the node, or seen by us."""

from datetime import UTC, datetime, timedelta

import pytest

from nodes.fleet.models import NodeState
from recordings.jobs.models import Job
from recordings.jobs.states import Executor
from recordings.library import analysing, tracks
from recordings.library.models import Recording
from tests.factories.recordings import audio, start_recording

START = datetime(2026, 5, 13, 8, tzinfo=UTC)
RESTART = {"atSeconds": 5, "lengthSeconds": 1, "cause": "restart"}
LATE = {"atSeconds": 0, "lengthSeconds": 1, "cause": "late_start"}


def reasons(*, window=None, stop=None, late=0.0, seconds=None, gaps=(), executor=Executor.NODE, **said) -> list[str]:
    """Of a job with a window of so many seconds, stopped after so many, whose only track begins `late` and lasts `seconds`."""
    job = Job(
        executor=executor,
        capture_start_at=START,
        capture_end_at=window and START + timedelta(seconds=window),
        stop_at=stop and START + timedelta(seconds=stop),
    )
    began = START + timedelta(seconds=late)
    facts = {"index": 1, "final": True, "began": began, "ended": None, "seconds": seconds, "admitted": False, **said}
    return tracks.partial_reasons(job, tracks.Captured(**facts), list(gaps))


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"window": 3600, "seconds": 3600}, []),
        ({"window": 3600, "seconds": 3600.2}, []),
        ({"window": 3600, "late": 30, "seconds": 3570}, []),
        ({"window": 3600, "late": 31, "seconds": 3569}, ["late_start"]),
        ({"window": 3600, "seconds": 3569}, ["gap"]),
        ({"window": 3600, "late": 40, "seconds": 3500}, ["late_start", "gap"]),
        # A short window is missed sooner; a device may take two seconds to open.
        ({"window": 22, "late": 20, "seconds": 2}, ["late_start"]),
        ({"window": 60, "late": 5.9, "seconds": 54.1}, []),
        ({"window": 10, "late": 1.9, "seconds": 8.1}, []),
        ({"window": 10, "late": 2.1, "seconds": 7.9}, ["late_start"]),
        ({"window": 60, "seconds": 1}, ["gap"]),
        ({"window": 60, "seconds": None}, []),
        ({"window": 60, "began": None, "seconds": 1}, []),
        # What an operator ends is as long as it was wanted.
        ({"window": 3600, "stop": 600, "seconds": 600}, ["operator_stop"]),
        ({"window": 3600, "stop": 600, "seconds": 500}, ["operator_stop", "gap"]),
        ({"window": 3600, "stop": 3700, "seconds": 3600}, []),
        ({"stop": 10, "late": 3, "seconds": 7}, []),
        ({"stop": 600, "seconds": 500}, ["gap"]),
        ({"seconds": 5}, []),
        ({"late": 31, "seconds": 5}, ["late_start"]),
        # Of several tracks the first one can begin late and the last one end early.
        ({"window": 7200, "late": 3600, "seconds": 3600, "index": 2}, []),
        ({"window": 7200, "seconds": 3600, "final": False}, []),
        ({"window": 7200, "stop": 4000, "seconds": 3600, "final": False}, []),
        ({"window": 60, "seconds": 60, "gaps": [RESTART]}, ["gap"]),
        # Silence may stand for a late start.
        ({"window": 60, "seconds": 60, "gaps": [LATE]}, []),
        ({"window": 60, "seconds": 60, "gaps": [{**LATE, "lengthSeconds": 7}, RESTART]}, ["late_start", "gap"]),
        ({"window": 60, "late": 31, "seconds": 29, "gaps": [LATE]}, ["late_start"]),
        # A session is recorded while its media flows.
        ({"window": 60, "late": 31, "seconds": 2, "executor": Executor.MEDIA}, []),
    ],
)
def test_what_of_a_window_is_missing(case, expected):
    assert reasons(**case) == expected


def seen() -> tuple:
    row = Recording.objects.get()
    return row.status, row.partial, row.partial_reasons


def window(job) -> tuple:
    row = Job.objects.get(pk=job["id"])
    return row.capture_start_at, row.capture_end_at


def test_a_late_first_sample_is_told_with_the_track(node, recorder):
    start_recording(node, duration_seconds=22)
    job = recorder.claim().json()["data"]
    content = audio(2)
    recorder.report(job, "captured", results=[recorder.result(content, 2, start=window(job)[1] - timedelta(seconds=2))])
    assert seen() == ("completed", True, ["late_start"])
    assert recorder.put(job, content).status_code == 201
    assert seen() == ("cached", True, ["late_start"])


def test_a_file_of_which_the_node_told_nothing_is_judged_by_itself(node, recorder):
    start_recording(node, duration_seconds=60)
    job = recorder.claim().json()["data"]
    assert recorder.put(job, audio(1), Media_Duration_Seconds="1.0").status_code == 201
    row = Recording.objects.get()
    assert seen() == ("cached", True, ["gap"])
    assert (row.recorded_at, row.sort_at, row.ended_at) == (window(job)[0], window(job)[0], window(job)[0] + timedelta(seconds=1))


def test_a_file_of_unknown_length_is_measured(node, recorder):
    start_recording(node, duration_seconds=60)
    job = recorder.claim().json()["data"]
    headers = recorder.headers(job, content := audio(1))
    del headers["Media_Duration_Seconds"]
    path = f"/recordings/{job['recordingId']}/cache-file"
    assert recorder.client.put(path, data=content, content_type="audio/flac", **headers).status_code == 201
    assert seen() == ("cached", False, []) and Recording.objects.get().recorded_at == window(job)[0]
    assert analysing.run(Recording.objects.get().primary_file_id)
    assert seen() == ("cached", True, ["gap"])
    row = Recording.objects.get()
    assert row.duration_seconds == 1 and row.ended_at == window(job)[0] + timedelta(seconds=1)


def test_the_recording_tells_of_its_longest_file(api, alice, node, recorder):
    start_recording(node, duration_seconds=60)
    first = recorder.claim().json()["data"]
    recorder.report(first)
    recorder.client.post(f"/recording-jobs/{first['id']}/failed", {"claimEpoch": 1, "reason": "encoder_failed"})
    assert api(alice).post(f"/recording-jobs/{first['id']}/retry", {}).status_code == 201
    second = recorder.claim().json()["data"]
    content = audio(1)
    recorder.report(second, "captured", results=[recorder.result(content, 60, start=(began := window(second)[0]))])
    assert recorder.put(second, content).status_code == 201 and seen() == ("cached", False, [])
    assert recorder.put(first, audio(1, hz=300), Media_Duration_Seconds="9.0").status_code == 201
    row = Recording.objects.get()
    assert row.files.count() == 2 and seen() == ("cached", False, [])
    assert (row.recorded_at, row.duration_seconds) == (began.replace(microsecond=began.microsecond // 1000 * 1000), 60)


@pytest.mark.parametrize(("offset", "corrected"), [(None, False), (29_999.0, False), (-31_000.0, True)])
def test_a_recording_says_that_its_nodes_clock_was_wrong(node, recorder, profiles, offset, corrected):
    NodeState.objects.filter(node=node).update(clock={"offsetMs": offset, "rttMs": 8.1, "synchronized": False})
    start_recording(node, profile=profiles["Multitrack"])
    job = recorder.claim().json()["data"]
    recorder.report(job, "capturing", results=[recorder.result(b"x", 1, track=2, final=False)])
    assert list(Recording.objects.values_list("clock_corrected", flat=True)) == [corrected] * 2


def test_gaps_lie_in_their_tracks_also_after_a_late_start(node, recorder, profiles):
    start_recording(node, profile=profiles["Multitrack"])
    job = recorder.claim().json()["data"]
    first = window(job)[0] + timedelta(seconds=20)
    results = [
        recorder.result(b"x", 60, track=1, final=False, start=first),
        recorder.result(b"y", 60, track=2, start=first + timedelta(seconds=60)),
    ]
    recorder.report(job, "captured", results=results, gaps=[{**RESTART, "atSeconds": 65}])
    assert [row.gaps for row in Recording.objects.order_by("track_index")] == [[], [RESTART]]


def test_what_was_measured_is_not_overruled_by_the_next_heartbeat(node, recorder, profiles):
    start_recording(node, profile=profiles["Multitrack"])
    job = recorder.claim().json()["data"]
    content = audio(1, codec="wav")
    results = [recorder.result(content, 3600, final=False)]
    recorder.report(job, results=results)
    assert Recording.objects.get().duration_seconds == 3600
    assert recorder.put(job, content, codec="wav", final=False).status_code == 201
    assert analysing.run(Recording.objects.get().primary_file_id)
    recorder.report(job, results=results)
    assert Recording.objects.get().duration_seconds == 1
