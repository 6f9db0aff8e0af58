"""A recording of a LIVE session by hand: asked for, stopped, asked for again; each one its own rows and its own file."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from config.kernel import clock
from config.kernel.access import system
from config.kernel.errors import ApiError
from operators.access.models import AccessPolicy, policy_id
from operators.access.services import access_changed
from recordings.jobs import stopping, tasks
from recordings.jobs.models import Job
from recordings.library import storage
from recordings.library.models import Recording, RecordingFile
from recordings.profiles.models import RecordingProfile
from recordings.profiles.seeds import seed
from recordings.sessions import services, starting
from recordings.sessions.tasks import finish_sessions
from recordings.wish import Wish
from sessions.field.models import FieldSession
from sessions.media import provider, reconcile
from sessions.media.models import MediaInput
from sessions.media.provider import Status
from sessions.media.states import Flow
from tests.at_once import at_once
from tests.factories.sessions import make_operator, make_session, make_workspace
from tests.factories.users import make_user
from tests.recordings.replay import footage

ACTOR = system("tests")
db = pytest.mark.django_db
threads = pytest.mark.django_db(transaction=True)


@pytest.fixture
def media(monkeypatch, settings, tmp_path):
    """The media server, in memory: what it was told to record is on disk by the time it is told to stop."""
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setitem(provider.ADAPTERS, "fake", "tests.sessions.media.fake.Fake")
    settings.MEDIA_PROVIDER = "fake"
    provider.reset()
    seed(RecordingProfile)
    storage.prepare()
    yield provider.current()
    provider.reset()


@pytest.fixture
def session(media):
    """LIVE, served by a phone, nobody asked to record it."""
    made = make_session(make_workspace(roles=["CONSUMER"]), "LIVE", operator=make_operator(make_workspace()), label="Bridge", record=False)
    now = clock.now()
    MediaInput.objects.create(session=made, provider="fake", state="READY", ref="in", minting_at=now, ready_at=now)
    media.statuses["in"] = Status(Flow.FLOWING, 1, now)
    return made


def start(session, **wish):
    return starting.start(actor=ACTOR, session_id=session.pk, wish=Wish(**wish))


def stop(recording):
    return stopping.stop(actor=ACTOR, recording=recording)


def told():
    """The poll has been, and the worker after it."""
    reconcile.run()
    finish_sessions.run_once()


def lay(recording, name="1"):
    footage.lay(services.folder_of(recording), name, round(clock.now().timestamp() * 1000) - 10_000)


def code(reply):
    return reply.status_code, reply.json()["code"]


def let_in(user, session):
    """A policy opens the consumer's workspace to this user of the installation."""
    rule = {"effect": "allow", "subject_type": "user", "subject_id": str(user.pk), "permissions": ["*"], "resource_type": "workspace"}
    rule["resource_id"] = str(session.consumer_workspace_id)
    AccessPolicy.objects.create(pk=policy_id(**rule), **rule)
    access_changed()


@db
def test_start_stop_and_start_again_while_the_session_goes_on(api, bob, session, media):
    let_in(bob, session)
    client, body = api(bob), {"sessionId": str(session.pk)}
    reply = client.post("/recordings", {**body, "name": "Interview", "folder": "news/today", "tags": ["a", "A", "b"]})
    made = reply.json()["data"]
    first = Recording.objects.get()
    assert reply.status_code == 202 and reply["Location"] == f"/api/v1/recordings/{first.pk}"
    assert (made["recording"]["status"], made["recording"]["source"], made["recording"]["name"]) == ("recording", "session", "Interview")
    assert (first.folder, first.tags, first.session_id, first.kind, first.created_by) == ("news/today", ["a", "b"], session.pk, "video", bob.email)
    assert (made["job"]["status"], made["job"]["phase"], made["job"]["executor"], made["job"]["sessionId"]) == (
        "running", "claimed", "media", str(session.pk),
    )  # fmt: skip
    refused = client.post("/recordings", body)
    assert code(refused) == (409, "active_recording_exists") and refused.json()["data"]["recordingId"] == str(first.pk)
    told()
    assert media.recorded == [("in", provider.Take(first.pk))] and Job.objects.get().phase == "capturing"
    lay(first)
    actions = client.get(f"/recordings/{first.pk}/actions").json()["data"]["actions"]
    assert actions["stop"]["enabled"] and not actions["delete"]["enabled"]

    stopped = client.post(f"/recordings/{first.pk}/stop", {"reason": "Enough"})
    again = client.post(f"/recordings/{first.pk}/stop", {})
    assert (stopped.status_code, again.status_code) == (202, 202)
    assert stopped.json()["data"]["job"] == again.json()["data"]["job"] and stopped.json()["data"]["job"]["status"] == "stop_requested"
    assert stopped.json()["data"]["recording"]["status"] == "recording"
    assert code(client.post("/recordings", body)) == (409, "active_recording_exists")
    # The media server may still write: nothing is joined before it was heard.
    assert not services.finish(session.pk)
    told()
    first.refresh_from_db()
    assert media.recorded[-1] == ("in", None) and first.status == "cached" and first.duration_seconds == pytest.approx(10, abs=0.1)
    assert not first.partial and not services.folder_of(first).exists()
    late = client.post(f"/recordings/{first.pk}/stop", {})
    assert late.status_code == 202 and late.json()["data"]["job"]["stop"] == stopped.json()["data"]["job"]["stop"]
    with clock.frozen(clock.now() + timedelta(seconds=61)):
        assert code(client.post(f"/recordings/{first.pk}/stop", {})) == (409, "recording_not_active")

    second_id = client.post("/recordings", body).json()["data"]["recording"]["id"]
    second = Recording.objects.get(pk=second_id)
    told()
    lay(second)
    FieldSession.objects.filter(pk=session.pk).update(state="ENDED", ended_at=clock.now())
    MediaInput.objects.update(state="GONE", gone_at=clock.now())
    finish_sessions.run_once()
    second.refresh_from_db()
    assert second.status == "cached" and second.name.startswith("Bridge ") and RecordingFile.objects.count() == 2
    assert not (services.folder_of(second)).parent.exists()
    rows = AuditEvent.objects.filter(verb__in=["recording.recording.started", "recording.recording.stopped"]).order_by("id")
    assert [(row.verb.rpartition(".")[2], row.actor_label, row.permission) for row in rows] == [
        ("started", bob.email, "recording:create"), ("stopped", bob.email, "recording:control"), ("started", bob.email, "recording:create"),
    ]  # fmt: skip


@db
def test_the_automatic_one_is_stopped_and_followed_by_another(session, media):
    FieldSession.objects.filter(pk=session.pk).update(record=True)
    automatic = starting.begin(session_id=session.pk, at=clock.now())
    assert MediaInput.objects.get().recording_id == automatic.pk
    lay(automatic)
    told()
    stop(automatic)
    told()
    automatic.refresh_from_db()
    assert automatic.status == "cached"
    # The first media is over: what comes back does not begin another one by itself.
    assert starting.begin(session_id=session.pk, at=clock.now()) is None
    assert start(session)[0].pk != automatic.pk


@db
def test_a_window_ends_by_itself_and_nothing_captured_is_cancelled(session, media):
    recording, job = start(session, duration_seconds=30)
    assert job.capture_end_at - job.capture_start_at == timedelta(seconds=30) and recording.planned_end_at == job.capture_end_at
    told()
    lay(recording)
    with clock.frozen(job.capture_end_at + timedelta(seconds=1)):
        told()
        recording.refresh_from_db()
        assert (recording.status, recording.partial, recording.partial_reasons) == ("cached", False, [])
        empty, _ = start(session)
        told()
        stop(empty)
        told()
        empty.refresh_from_db()
        assert (empty.status, Job.objects.get(recording=empty).status) == ("cancelled", "cancelled")
        # A window that was cut short says so.
        short, _ = start(session, duration_seconds=600)
        told()
        lay(short)
        stop(short)
        told()
        short.refresh_from_db()
        assert (short.status, short.partial_reasons) == ("cached", ["operator_stop"])


@db
def test_one_without_an_end_is_remembered_after_twelve_hours(session):
    from nodes.health.models import HealthEvent

    start(session)
    with clock.frozen(clock.now() + timedelta(hours=12, minutes=1)):
        tasks.reconcile.run_once()
    assert HealthEvent.objects.get().type == "controller.recording.long_running"


@db
def test_why_it_cannot_begin(api, alice, bob, carol, mallory, session, media, monkeypatch):
    def asked(user, row=session, **more):
        return code(api(user).post("/recordings", {"sessionId": str(row if isinstance(row, str) else row.pk), **more}))

    actions = lambda user: api(user).get(f"/sessions/{session.pk}/actions").json()["data"]["actions"]  # noqa: E731
    assert asked(carol) == asked(mallory) == (403, "permission_denied")
    assert asked(bob) == asked(alice, "018f0000-0000-7000-8000-000000000000") == (404, "reference_not_found")
    let_in(bob, session)
    video, audio = RecordingProfile.objects.get(kind="video"), RecordingProfile.objects.filter(kind="audio").first()
    assert asked(bob, recordingProfileId=str(audio.pk)) == (404, "reference_not_found")
    assert asked(bob, captureBackend="alsa") == asked(bob, durationSeconds=0) == (400, "validation_failed")
    other = RecordingProfile.objects.create(name="Off", kind="video", codec="passthrough", channel_mode="multichannel", enabled=False)
    assert asked(bob, recordingProfileId=str(other.pk)) == (409, "profile_disabled")
    monkeypatch.setattr("recordings.jobs.demands.emergency_bytes", lambda total: total + 1)
    assert asked(bob) == (507, "storage_full") and actions(alice)["startRecording"]["code"] == "storage_full"
    monkeypatch.undo()
    monkeypatch.setattr(type(media), "capabilities", provider.Capabilities())
    assert asked(bob) == (409, "session_recording_unsupported") and actions(alice)["startRecording"]["code"] == "session_recording_unsupported"
    monkeypatch.undo()
    for state in ("REQUESTED", "ASSIGNED", "ENDED"):
        elsewhere = make_session(session.consumer_workspace, state, operator=None if state == "REQUESTED" else make_operator(make_workspace()))
        refused = api(alice).post("/recordings", {"sessionId": str(elsewhere.pk)})
        assert code(refused) == (409, "session_not_live") and refused.json()["data"] == {"state": state}
    assert not Recording.objects.exists()
    assert api(bob).post("/recordings", {"sessionId": str(session.pk), "recordingProfileId": str(video.pk)}).status_code == 202


@db
def test_the_session_says_what_can_be_done(api, alice, carol, session, media):
    def told_to(user):
        found = api(user).get(f"/sessions/{session.pk}/actions").json()["data"]["actions"]
        return {name: (found[name]["enabled"], found[name].get("code")) for name in ("startRecording", "stopRecording")}

    assert told_to(alice) == {"startRecording": (True, None), "stopRecording": (False, "recording_not_active")}
    recording, _ = start(session)
    assert told_to(alice) == {"startRecording": (False, "active_recording_exists"), "stopRecording": (True, None)}
    href = api(alice).get(f"/sessions/{session.pk}/actions").json()["data"]["actions"]["stopRecording"]["href"]
    assert href == f"/api/v1/recordings/{recording.pk}/stop"
    owner = make_user("consumer-owner")
    make_workspace(roles=["CONSUMER"], OWNER=owner)
    session.consumer_workspace.members.create(user=owner, role="OWNER")
    assert told_to(owner) == {"startRecording": (False, "permission_denied"), "stopRecording": (False, "permission_denied")}


def test_one_that_fails_holds_up_no_other(monkeypatch):
    done = []

    def finish(session_id):
        done.append(session_id)
        if session_id == "full":
            raise OSError("No space left on device")
        return True

    monkeypatch.setattr(services, "waiting", lambda: ["full", "fine"])
    monkeypatch.setattr(services, "confirm", lambda session_id: False)
    monkeypatch.setattr(services, "finish", finish)
    assert finish_sessions.run_once() == {"begun": 0, "finished": 1} and done == ["full", "fine"]


@threads
def test_two_at_once_have_one_winner(session):
    found = at_once(*[lambda: start(session)[0].pk] * 4)
    winner = Recording.objects.get().pk
    assert sorted(map(str, found)) == sorted([str(winner), *["active_recording_exists"] * 3])
    assert MediaInput.objects.get().recording_id == winner


@threads
def test_a_stop_against_the_sessions_end_makes_one_file(session):
    recording, _ = start(session)
    told()
    lay(recording)

    def end():
        FieldSession.objects.filter(pk=session.pk).update(state="ENDED", ended_at=clock.now())
        MediaInput.objects.update(state="GONE", gone_at=clock.now())
        return services.finish(session.pk)

    at_once(lambda: stop(recording), end, lambda: stop(recording), lambda: services.finish(session.pk))
    services.finish(session.pk)
    recording.refresh_from_db()
    assert recording.status == "cached" and RecordingFile.objects.count() == 1 and Job.objects.get().status == "completed"


@threads
def test_a_start_against_the_sessions_end_is_one_or_the_other(session):
    def end():
        from django.db import transaction

        from sessions.field.locking import locked
        from sessions.media.services import tear_down

        with transaction.atomic():
            row = locked(session.pk)
            FieldSession.objects.filter(pk=row.pk).update(state="ENDED", ended_at=clock.now())
            tear_down(row)

    begun, _ = at_once(lambda: start(session), end)
    if begun == "session_not_live":
        assert not Recording.objects.exists()
        return
    assert not isinstance(begun, (str, ApiError))
    MediaInput.objects.update(state="GONE", gone_at=clock.now())
    services.finish(session.pk)
    assert Recording.objects.get().status == "cancelled"
