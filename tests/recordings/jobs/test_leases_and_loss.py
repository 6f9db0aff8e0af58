"""A silent node is a worry, never a verdict: lapse, return, loss, late files, orphans."""

from datetime import timedelta

import pytest

from config.kernel import broker, clock
from nodes.fleet.signals import heartbeat_received
from nodes.health.models import HealthEvent
from recordings.jobs import tasks
from recordings.jobs.models import Job
from recordings.library.models import Recording
from tests.factories.recordings import audio, start_recording


@pytest.fixture
def running(node, recorder):
    """A job that captures."""
    start_recording(node)
    job = recorder.claim().json()["data"]
    recorder.report(job, "capturing", framesCaptured=1)
    return job


def sweep(after: timedelta) -> dict:
    """A pass of a beat that has been running all along."""
    with clock.frozen(clock.now() + after):
        broker.client().set(tasks._LAST_SWEEP, clock.now().timestamp() - 10)
        return tasks.lease_sweep.run_once()


def status_of(job) -> tuple[str, str]:
    row = Job.objects.select_related("recording").get(pk=job["id"])
    return row.status, row.recording.status


def event(kind: str):
    return HealthEvent.objects.get(type=f"controller.{kind}")


def test_a_lapse_warns_then_is_critical_then_the_next_heartbeat_ends_it(recorder, running):
    assert sweep(timedelta(seconds=30)) == {"lapsed": 0, "critical": 0}
    assert sweep(timedelta(seconds=61))["lapsed"] == 1
    assert event("job.lease_lapsed").severity == "warning" and status_of(running) == ("running", "recording")
    sweep(timedelta(minutes=6, seconds=2))
    assert event("job.lease_lapsed").severity == "critical" and status_of(running) == ("running", "recording")
    reply = recorder.report(running).json()["data"]["job"]
    assert (reply["leaseState"], reply["status"]) == ("held", "running")
    assert event("job.lease_lapsed").status == "resolved"


def test_after_an_outage_of_ours_leases_are_renewed_first(running):
    broker.client().delete(tasks._LAST_SWEEP)
    with clock.frozen(clock.now() + timedelta(minutes=30)):
        assert tasks.lease_sweep.run_once() == {"renewed": 1}
        assert tasks.lease_sweep.run_once() == {"lapsed": 0, "critical": 0}
    assert Job.objects.get().lease_state == "held"


@pytest.fixture
def lost(running):
    """The same job, given up after 24 h of silence."""
    sweep(timedelta(seconds=61))
    with clock.frozen(clock.now() + timedelta(hours=23)):
        assert not any(tasks.reconcile.run_once().values())
    with clock.frozen(clock.now() + timedelta(hours=24, minutes=1)):
        assert tasks.reconcile.run_once()["node_lost"] == 1
    assert status_of(running) == ("failed", "failed") and event("job.node_lost").severity == "critical"
    return running


def test_a_lost_node_that_speaks_again_runs_on(recorder, lost):
    assert recorder.report(lost).json()["data"]["job"]["status"] == "running"
    assert status_of(lost) == ("running", "recording") and event("job.node_lost").status == "resolved"


def test_a_lost_nodes_file_completes_the_job(recorder, lost):
    assert recorder.put(lost, audio(1)).status_code == 201
    assert status_of(lost) == ("completed", "cached") and event("job.node_lost").status == "resolved"


def test_the_file_of_an_earlier_attempt_is_kept_beside_the_later_one(api, alice, node, recorder, lost):
    retried = api(alice).post(f"/recording-jobs/{lost['id']}/retry", {})
    assert retried.status_code == 201 and retried.json()["data"]["job"]["attempt"] == 2
    second = recorder.claim().json()["data"]
    assert second["id"] == retried.json()["data"]["job"]["id"]
    assert recorder.deliver(second, audio(1), seconds=1).status_code == 201
    late = audio(2, hz=300)
    assert recorder.put(lost, late, Media_Duration_Seconds="2.0").status_code == 201
    recording = Recording.objects.get()
    assert recording.status == "cached" and recording.files.count() == 2
    assert recording.primary_file.job_id == Job.objects.get(attempt=1).pk and recording.duration_seconds == 2.0


def test_giving_up_needs_five_minutes_of_silence_and_is_a_stop_too(api, alice, recorder, running):
    early = api(alice).post(f"/recording-jobs/{running['id']}/abandon", {"reason": "burnt down"})
    assert (early.status_code, early.json()["code"]) == (409, "job_lease_held")
    Job.objects.update(lease_state="lapsed", lapsed_at=clock.now() - timedelta(minutes=6))
    done = api(alice).post(f"/recording-jobs/{running['id']}/abandon", {"reason": "burnt down"})
    assert done.status_code == 200 and done.json()["data"]["failureReason"] == "abandoned"
    again = api(alice).post(f"/recording-jobs/{running['id']}/abandon", {"reason": "burnt down"})
    assert (again.status_code, again.json()["code"]) == (409, "job_not_active")
    back = recorder.report(running).json()["data"]["job"]
    assert back["stop"]["mode"] == "keep" and back["status"] == "stop_requested"
    assert recorder.put(running, audio(1)).status_code == 201
    assert status_of(running) == ("completed", "cached")


def test_a_job_nobody_takes_fails_after_five_minutes(node):
    start_recording(node)
    with clock.frozen(clock.now() + timedelta(minutes=4)):
        assert tasks.reconcile.run_once()["not_claimed"] == 0
    with clock.frozen(clock.now() + timedelta(minutes=5, seconds=1)):
        assert tasks.reconcile.run_once()["not_claimed"] == 1
    assert Job.objects.get().failure_reason == "not_claimed" and event("job.unclaimed").severity == "critical"


def heartbeat(node, instance: str, jobs=(), *, after: int = 0) -> None:
    with clock.frozen(clock.now() + timedelta(seconds=after)):
        listed = [{"jobId": job["id"], "claimEpoch": 1, "phase": "capturing"} for job in jobs]
        heartbeat_received.send(None, node_id=node.pk, agent_instance_id=instance, process_id="p", new_instance=True, active_jobs=listed)


def test_a_machine_that_lost_its_job_twice_gives_it_back(node, recorder, running):
    heartbeat(node, "inst-1")
    heartbeat(node, "inst-1", after=20)
    assert status_of(running) == ("running", "recording"), "the same installation resumes its jobs"
    heartbeat(node, "inst-2")
    heartbeat(node, "inst-2", after=5)
    assert status_of(running) == ("running", "recording")
    heartbeat(node, "inst-2", after=11)
    assert status_of(running) == ("queued", "queued") and event("job.orphaned").severity == "critical"
    stale = recorder.report(running)
    assert (stale.status_code, stale.json()["code"]) == (409, "claim_superseded")
    again = recorder.claim().json()["data"]
    assert (again["id"], again["claimEpoch"]) == (running["id"], 2)


@pytest.fixture
def requeued(node, running):
    """The same job, back in the queue because its machine came back without it."""
    Job.objects.update(created_at=clock.now() - timedelta(hours=1))
    heartbeat(node, "inst-2")
    heartbeat(node, "inst-2", after=11)
    assert status_of(running) == ("queued", "queued")
    return running


def reconcile(after: timedelta) -> dict:
    with clock.frozen(clock.now() + after):
        return {name: count for name, count in tasks.reconcile.run_once().items() if count}


def test_a_job_given_back_that_nobody_takes_fails_after_five_minutes_and_holds_no_place(node, requeued):
    assert reconcile(timedelta(minutes=5)) == {}
    assert reconcile(timedelta(minutes=5, seconds=12)) == {"not_claimed": 1}
    assert status_of(requeued) == ("failed", "failed") and Job.objects.get().failure_reason == "not_claimed"
    start_recording(node)


def test_a_job_given_back_whose_window_passes_in_the_queue_is_missed(node, requeued):
    # Its window began to run with the first claim and moves no more, so no later claim could take it.
    Job.objects.update(capture_end_at=clock.now() + timedelta(seconds=30))
    assert reconcile(timedelta(seconds=29)) == {}
    assert reconcile(timedelta(seconds=31)) == {"window_missed": 1}
    assert status_of(requeued) == ("failed", "failed") and event("job.window_missed").severity == "critical"
    start_recording(node)


def test_an_old_window_keeps_its_length_when_an_ad_hoc_job_is_taken_late(node, recorder):
    start_recording(node, duration_seconds=10)
    Job.objects.update(capture_start_at=clock.now() - timedelta(seconds=30), capture_end_at=clock.now() - timedelta(seconds=20))
    row = Job.objects.get(pk=recorder.claim().json()["data"]["id"])
    assert (row.capture_end_at - row.capture_start_at).total_seconds() == pytest.approx(10, abs=0.01)
    assert row.capture_start_at > clock.now() - timedelta(seconds=5)


def test_tracks_are_recordings_of_their_own(api, bob, node, recorder, profiles):
    start_recording(node, profile=profiles["Multitrack"], name="Day")
    job = recorder.claim().json()["data"]
    assert job["command"]["output"]["maxTrackSeconds"] == 3600
    first, second = audio(1, codec="wav"), audio(2, codec="wav")
    recorder.report(job, "capturing", results=[recorder.result(first, 1, final=False)])
    assert recorder.put(job, first, codec="wav", final=False).status_code == 201
    assert status_of(job) == ("running", "cached")
    recorder.report(job, "captured", results=[recorder.result(second, 2, track=2)])
    assert recorder.put(job, second, codec="wav", track=2).status_code == 201
    rows = list(Recording.objects.order_by("track_index"))
    assert [(row.track_index, row.track_total, row.status, row.duration_seconds) for row in rows] == [(1, 2, "cached", 1), (2, 2, "cached", 2)]
    assert len({row.track_group_id for row in rows}) == 1 and Job.objects.get().status == "completed"
    shown = api(bob).get(f"/recordings/{rows[0].pk}/context").json()["data"]["tracks"]
    assert [row["trackIndex"] for row in shown] == [1, 2]


def test_a_stop_during_an_outage_waits_for_the_node(api, bob, recorder, running):
    sweep(timedelta(seconds=61))
    stopped = api(bob).post(f"/recordings/{running['recordingId']}/stop", {})
    assert stopped.status_code == 202 and stopped.json()["data"]["recording"]["status"] == "recording"
    back = recorder.report(running).json()["data"]["job"]
    assert back["stop"] and back["leaseState"] == "held"
