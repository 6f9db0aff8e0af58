"""`/actions` against the real answer, for each role in each state a recording can be in."""

import pytest

from config.kernel.access import system
from recordings.jobs import stopping
from recordings.jobs.models import Job
from recordings.library import analysing
from recordings.library.models import Recording
from tests.access.calls import undone
from tests.factories.recordings import audio, start_recording
from tests.factories.users import make_user

ACTOR = system("tests")
STATES = ("queued", "recording", "stopping", "completed", "cached", "analysed", "failed", "cancelled", "trashed", "held")
BODIES = {"editMetadata": {"notes": "seen"}}


@pytest.fixture
def in_state(node, recorder, cached, api, alice):
    """`in_state(name)` → a recording in that state."""

    def claimed():
        start_recording(node)
        return recorder.claim().json()["data"]

    def make(state: str) -> Recording:
        if state in {"cached", "analysed", "trashed", "held"}:
            row = cached()
            if state == "analysed":
                analysing.run(row.primary_file.pk)
            if state == "trashed":
                assert api(alice).delete(f"/recordings/{row.pk}").status_code == 204
            if state == "held":
                Recording.objects.filter(pk=row.pk).update(legal_hold=True)
            return row
        if state in {"queued", "cancelled"}:
            row, _ = start_recording(node)
            if state == "cancelled":
                stopping.stop(actor=ACTOR, recording=row)
                Job.objects.update(stop_requested_at="2026-01-01T00:00:00Z")
            return row
        job = claimed()
        row = Recording.objects.get(pk=job["recordingId"])
        if state == "stopping":
            stopping.stop(actor=ACTOR, recording=row)
        if state == "completed":
            recorder.report(job, "captured", results=[recorder.result(audio(1), 1)])
        if state == "failed":
            recorder.client.post(f"/recording-jobs/{job['id']}/failed", {"claimEpoch": 1, "reason": "disk_full"})
        return row

    return make


@pytest.mark.parametrize("state", STATES)
def test_each_action_answers_what_it_said(api, in_state, state):
    row = in_state(state)
    for role in ("owner", "admin", "operator", "viewer", "auditor"):
        with undone():
            _answers_what_it_said(api(make_user(roles=[role])), row, state, role)


def _answers_what_it_said(client, row, state, role):
    reply = client.get(f"/recordings/{row.pk}/actions")
    if reply.status_code == 404:
        assert state == "trashed" and role in {"operator", "viewer", "auditor"}
        return
    actions = reply.json()["data"]["actions"]
    # Deleting last: nothing else can be tried on what is gone.
    for name in sorted(actions, key=lambda name: name == "delete"):
        told = actions[name]
        if not told.get("href"):
            assert not told["enabled"]
            continue
        answer = client.request(told["method"], told["href"], BODIES.get(name, {}) if told["method"] != "DELETE" else None)
        if told["enabled"]:
            assert answer.status_code < 300, (name, state, role, answer.content)
            if name != "delete":
                actions = client.get(f"/recordings/{row.pk}/actions").json()["data"]["actions"]
        else:
            assert answer.status_code >= 400 and answer.json()["code"] == told["code"], (name, state, role, told, answer.content)
