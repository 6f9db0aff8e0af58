"""What a job heartbeat may say, and of which jobs."""

from datetime import timedelta

import pytest

from config.kernel import clock
from recordings.jobs.models import Job
from recordings.library.models import Recording
from tests.factories.recordings import audio, start_recording


@pytest.fixture
def job(node, recorder, profiles):
    """A claimed job that makes tracks."""
    start_recording(node, profile=profiles["Multitrack"])
    return recorder.claim().json()["data"]


GAP = {"atSeconds": 0.1, "lengthSeconds": 1, "cause": "restart"}


@pytest.mark.parametrize("value", ["nan", "inf", "x", None, -1])
def test_what_is_no_number_is_refused(recorder, job, value):
    for name in ("atSeconds", "lengthSeconds"):
        reply = recorder.report(job, gaps=[{**GAP, name: value}])
        assert (reply.status_code, reply.json()["code"]) == (400, "validation_failed")
        assert reply.json()["data"]["errors"][0]["path"].endswith(name)
    reply = recorder.report(job, results=[recorder.result(b"x", 1) | {"durationSeconds": value}])
    assert (reply.status_code, reply.json()["code"]) == (400, "validation_failed")
    assert Job.objects.get().gaps == []


def test_what_is_stored_is_what_was_understood(recorder, job):
    said = recorder.result(b"x", 2, start=clock.now()) | {"trackIndex": 1, "final": False, "captureStartAt": "2026-05-13T10:42:00+02:00"}
    for lenient in ({"trackIndex": "1"}, {"final": "false"}, {"durationSeconds": "2"}, {"durationSeconds": True}):
        assert recorder.report(job, results=[said | lenient]).status_code == 400, lenient
    assert recorder.report(job, gaps=[{**GAP, "atSeconds": "0.1"}]).status_code == 400
    assert recorder.report(job, gaps=[GAP], results=[said]).status_code == 200
    row = Job.objects.get()
    assert row.gaps == [GAP] and list(row.results) == ["1"]
    understood = {"trackIndex": 1, "final": False, "durationSeconds": 2.0, "captureStartAt": "2026-05-13T08:42:00.000Z", "peakDbfs": None}
    assert row.results["1"] | understood == row.results["1"]
    assert Recording.objects.count() == 1 and recorder.report(job, results=[said]).status_code == 200


def test_a_deleted_recordings_job_does_not_come_back(api, alice, node, recorder):
    recording, _ = start_recording(node)
    first = recorder.claim().json()["data"]
    recorder.report(first)
    assert recorder.client.post(f"/recording-jobs/{first['id']}/failed", {"claimEpoch": 1, "reason": "encoder_failed"}).status_code == 200
    assert api(alice).post(f"/recording-jobs/{first['id']}/retry", {}).status_code == 201
    second = recorder.claim().json()["data"]
    recorder.report(second)
    assert recorder.put(first, audio(1)).status_code == 201
    Job.objects.filter(pk=second["id"]).update(lease_state="lapsed", lapsed_at=clock.now() - timedelta(minutes=6))
    assert api(alice).post(f"/recording-jobs/{second['id']}/abandon", {"reason": "burnt down"}).status_code == 200
    assert api(alice).delete(f"/recordings/{recording.pk}").status_code == 204
    reply = recorder.report(second)
    assert (reply.status_code, reply.json()["code"], reply.json()["data"]) == (409, "job_terminal", {"status": "failed"})
    assert api(alice).post(f"/recordings/{recording.pk}/restore").status_code == 200
    assert recorder.report(second).json()["data"]["job"]["status"] == "stop_requested"
