"""Every change is told on topic `recordings`, seen by those in scope, and leaves its audit row in the same transaction."""

import pytest

from audit.models import AuditEvent
from config.kernel.access import Actor, Kind
from config.kernel.models import TopicEvent
from nodes.fleet.ports import ports as fleet
from operators.access.models import AccessPolicy
from recordings import live
from recordings.library import analysing
from recordings.profiles.models import RecordingProfile
from tests.factories.recordings import audio, start_recording
from tests.factories.users import make_user


def actor(user) -> Actor:
    return Actor(kind=Kind.USER, id=str(user.pk), label=user.name, subject=user)


def test_a_recording_is_told_from_start_to_waveform(api, bob, node, recorder):
    made = api(bob).post("/recordings", {"nodeId": str(node.pk)}).json()["data"]["recording"]
    job = recorder.claim().json()["data"]
    recorder.deliver(job, audio(1))
    from recordings.library.models import RecordingFile

    analysing.run(RecordingFile.objects.get().pk)
    told = list(TopicEvent.objects.filter(topic="recordings", event="recording.changed").order_by("seq"))
    assert [event.data["status"] for event in told][0] == "queued" and told[-1].data["analysisStatus"] == "ready"
    assert {str(event.subject_id) for event in told} == {made["id"]}
    seqs = list(TopicEvent.objects.filter(topic="recordings").order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def test_only_those_in_scope_see_it(api, bob, node):
    recording, job = start_recording(node)
    viewer = actor(make_user(roles=["viewer"]))
    api(bob)
    assert live.visible(viewer, [("recording", recording.pk)]) == {("recording", recording.pk)}
    assert [row["id"] for row in live.snapshot(viewer, None)["jobs"]] == [str(job.pk)]
    AccessPolicy.objects.all().delete()
    stranger = actor(make_user(roles=["viewer"]))
    assert live.visible(stranger, [("recording", recording.pk)]) == set()
    assert live.snapshot(stranger, None) == {"recordings": [], "jobs": []}


def test_what_was_done_is_in_the_audit_and_what_is_not_news_is_not(api, alice, node, recorder):
    made = api(alice).post("/recordings", {"nodeId": str(node.pk)}).json()["data"]["recording"]
    assert recorder.claim().status_code == 200 and recorder.claim().status_code == 204
    job = api(alice).get(f"/recordings/{made['id']}/context").json()["data"]["jobs"][0]
    recorder.report(job)
    api(alice).post(f"/recordings/{made['id']}/stop", {})
    recorder.deliver(job, audio(1))
    api(alice).post(f"/recordings/{made['id']}/playback", {})
    api(alice).get("/recordings/export")
    api(alice).patch(f"/recordings/{made['id']}/metadata", {"name": "New"})
    verbs = list(AuditEvent.objects.filter(verb__startswith="recording.").order_by("id").values_list("verb", "outcome", "actor_kind"))
    assert verbs == [
        ("recording.recording.started", "succeeded", "user"),
        ("recording.job.claimed", "succeeded", "node"),
        ("recording.recording.stopped", "succeeded", "user"),
        ("recording.job.completed", "succeeded", "node"),
        ("recording.file.stored", "succeeded", "node"),
        ("recording.playback.granted", "allowed", "user"),
        ("recording.recording.exported", "allowed", "user"),
        ("recording.recording.edited", "succeeded", "user"),
    ]
    edited = AuditEvent.objects.get(verb="recording.recording.edited")
    assert edited.after["name"] == "New" and str(edited.correlation["recordingId"]) == made["id"]


def test_the_fleet_hears_what_it_must_know(api, bob, node, recorder):
    assert fleet.capture_state([node.pk]) == {} and not fleet.claim_hint(node.pk).claim
    recording, job = start_recording(node)
    assert fleet.claim_hint(node.pk).claim and fleet.subject_belongs(node.pk, recording.pk, None)
    wire = recorder.claim().json()["data"]
    recorder.report(wire)
    state = fleet.capture_state([node.pk])[node.pk]
    assert (state.intent, state.active_jobs, state.job_ids) == (1, 1, (str(job.pk),)) and recording.interface_id in state.interface_ids
    api(bob).post(f"/recordings/{recording.pk}/stop", {})
    assert fleet.claim_hint(node.pk).jobs == (str(job.pk),) and fleet.capture_state([node.pk])[node.pk].intent == 0
    recorder.report(wire, "captured")
    assert fleet.claim_hint(node.pk).jobs == ()
    status = api(bob).get("/status").json()["data"]["recordings"]
    assert status == {"queued": 0, "recording": 0, "stopping": 0, "uploading": 1, "lapsed": 0}


def test_start_recording_is_offered_at_the_node(api, bob, node):
    offered = api(bob).get(f"/nodes/{node.pk}/actions").json()["data"]["actions"]["startRecording"]
    assert offered["enabled"] and offered["href"] == "/api/v1/recordings"
    start_recording(node)
    refused = api(bob).get(f"/nodes/{node.pk}/actions").json()["data"]["actions"]["startRecording"]
    assert (refused["enabled"], refused["code"]) == (False, "active_recording_job_exists")


@pytest.mark.parametrize("what", ["nothing reported", "all turned off", "no usual profile"])
def test_start_recording_is_offered_only_where_it_would_start(api, bob, node, what):
    code = "interface_unavailable"
    if what == "nothing reported":
        node.interfaces.all().delete()
    elif what == "all turned off":
        node.interfaces.update(enabled=False)
    else:
        code = "profile_disabled"
        RecordingProfile.objects.update(is_default=False)
    offered = api(bob).get(f"/nodes/{node.pk}/actions").json()["data"]["actions"]["startRecording"]
    assert (offered["enabled"], offered["code"]) == (False, code)
    assert api(bob).post("/recordings", {"nodeId": str(node.pk)}).json()["code"] == code
