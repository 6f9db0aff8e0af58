"""The main job, over the wire: start, claim, capture, stop, upload, library."""

import hashlib

from tests.factories.recordings import audio


def test_a_recording_goes_from_start_to_the_library(api, bob, node, recorder):
    reply = api(bob).post("/recordings", {"nodeId": str(node.pk), "name": "Morning", "tags": ["News", "news"], "folder": "2026/May"})
    assert reply.status_code == 202, reply.content
    recording = reply.json()["data"]["recording"]
    assert (recording["status"], recording["tags"], recording["folder"]) == ("queued", ["News"], "2026/May")
    assert reply["Location"] == f"/api/v1/recordings/{recording['id']}"

    job = recorder.claim().json()["data"]
    assert job["recordingId"] == recording["id"] and job["status"] == "running" and job["claimEpoch"] == 1
    assert recorder.report(job, "capturing", framesCaptured=480).status_code == 200
    assert api(bob).get(f"/recordings/{recording['id']}").json()["data"]["status"] == "recording"

    stopped = api(bob).post(f"/recordings/{recording['id']}/stop", {"reason": "enough"})
    assert stopped.status_code == 202 and stopped.json()["data"]["job"]["status"] == "stop_requested"
    assert stopped.json()["data"]["recording"]["status"] == "recording"
    answer = recorder.report(job, "capturing").json()["data"]["job"]
    assert answer["stop"]["mode"] == "keep" and answer["stop"]["reason"] == "enough"

    content = audio(1)
    recorder.report(job, "captured", results=[recorder.result(content, 1.0)])
    assert api(bob).get(f"/recordings/{recording['id']}").json()["data"]["status"] == "completed"
    stored = recorder.put(job, content)
    assert stored.status_code == 201, stored.content
    assert stored.json()["data"]["file"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert stored.json()["data"]["job"]["status"] == "completed"

    seen = api(bob).get(f"/recordings/{recording['id']}").json()["data"]
    assert (seen["status"], seen["cacheState"], seen["durationSeconds"]) == ("cached", "cached", 1.0)
    assert seen["file"]["size"] == len(content)


def test_a_queued_recording_that_is_stopped_never_ran(api, bob, node):
    made = api(bob).post("/recordings", {"nodeId": str(node.pk)}).json()["data"]
    first = api(bob).post(f"/recordings/{made['recording']['id']}/stop", {})
    assert first.status_code == 202 and first.json()["data"]["recording"]["status"] == "cancelled"
    assert api(bob).post(f"/recordings/{made['recording']['id']}/stop", {}).json() == first.json()


def test_stopped_before_the_first_frame_is_cancelled_but_only_then(api, bob, node, recorder):
    made = api(bob).post("/recordings", {"nodeId": str(node.pk)}).json()["data"]
    job = recorder.claim().json()["data"]
    body = {"claimEpoch": 1, "reason": "nothing_captured"}
    refused = recorder.client.post(f"/recording-jobs/{job['id']}/cancelled", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "job_not_stopping")
    api(bob).post(f"/recordings/{made['recording']['id']}/stop", {})
    for _ in range(2):
        reply = recorder.client.post(f"/recording-jobs/{job['id']}/cancelled", body)
        assert reply.status_code == 200 and reply.json()["data"]["status"] == "cancelled"
    assert api(bob).get(f"/recordings/{made['recording']['id']}").json()["data"]["status"] == "cancelled"


def test_what_the_node_could_not_record_is_failed_and_told(api, alice, node, recorder):
    made = api(alice).post("/recordings", {"nodeId": str(node.pk)}).json()["data"]
    job = recorder.claim().json()["data"]
    body = {"claimEpoch": 1, "reason": "device_unavailable", "detail": "no such device"}
    for _ in range(2):
        assert recorder.client.post(f"/recording-jobs/{job['id']}/failed", body).status_code == 200
    seen = api(alice).get(f"/recordings/{made['recording']['id']}").json()["data"]
    assert (seen["status"], seen["healthStatus"]) == ("failed", "critical") or seen["status"] == "failed"
    late = recorder.report(job)
    assert (late.status_code, late.json()["code"], late.json()["data"]) == (409, "job_terminal", {"status": "failed"})


def test_an_older_claim_is_superseded(node, recorder, api, alice):
    api(alice).post("/recordings", {"nodeId": str(node.pk)})
    job = recorder.claim().json()["data"]
    reply = recorder.report({**job, "claimEpoch": 0})
    assert (reply.status_code, reply.json()["code"]) == (409, "claim_superseded")
