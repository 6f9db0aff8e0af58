"""From a mark to a clip that plays, while the camera is still on air."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from config.kernel import clock
from operators.console.models import ControlRoomEvent
from recordings.jobs import stopping
from recordings.library import storage
from recordings.library.models import Recording
from recordings.replay import clips, processing, states
from recordings.replay.models import ClipGrant, ReplayClip, ReplayMark
from recordings.retention import disposal
from recordings.retention.models import Disposal
from recordings.sessions import services, starting
from recordings.wish import Wish
from sessions.control_room import replay_channel
from sessions.media.models import MediaInput
from tests.cast import ApiClient
from tests.factories.sessions import make_workspace
from tests.factories.users import make_user
from tests.operators.console.conftest import code, field_codes
from tests.recordings.replay import footage
from tests.recordings.replay.conftest import Camera

pytestmark = pytest.mark.django_db
REPLAY = "/control-room/replay"


def test_mark_in_mark_out_cut_play(studio, director, camera, commits):
    reply = director.client.post(f"{REPLAY}/mark-in", {"sessionId": camera.id, "at": camera.at(3.2)})
    assert reply["Location"] == f"/api/v1{REPLAY}/mark?sessionId={camera.id}"
    mark = reply.json()["data"]["mark"]
    assert reply.status_code == 201 and mark["inAt"] == camera.at(3.2) and mark["sessionId"] == camera.id
    again = director.client.post(f"{REPLAY}/mark-in", {"sessionId": camera.id})
    assert code(again) == (409, "mark_open") and again.json()["data"]["markId"] == mark["id"]
    with clock.frozen(clock.now()):
        reply = director.client.post(f"{REPLAY}/mark-out", {"sessionId": camera.id, "at": camera.at(6), "name": "Save of the day"})
        clip = reply.json()["data"]["clip"]
        assert reply.status_code == 202 and reply["Location"] == f"/api/v1/replay-clips/{clip['id']}"
        assert (clip["status"], clip["name"], clip["durationMs"]) == ("pending", "Save of the day", None)
        early = director.client.post(f"{REPLAY}/play", {"clipId": clip["id"]})
        assert code(early) == (409, "clip_not_ready") and early.json()["transient"] is True
        assert code(director.client.post(f"/replay-clips/{clip['id']}/playback")) == (409, "clip_not_ready")
        assert processing.run_due() == {"cut": 1, "waiting": 0}
    shown = director.client.get(f"/replay-clips/{clip['id']}").json()["data"]
    assert (shown["status"], shown["playFromMs"], shown["durationMs"], shown["gaps"]) == ("ready", 200, 2800, [])
    granted = director.client.post(f"/replay-clips/{clip['id']}/playback")
    link = granted.json()["data"]
    assert granted.status_code == 201 and (link["playFromMs"], link["durationMs"], link["mimeType"]) == (200, 2800, "video/webm")
    part = director.client.get(link["streamUrl"], Range="bytes=0-99", Accept="video/*")
    assert part.status_code == 206 and len(b"".join(part)) == 100 and part["Content-Range"] == f"bytes 0-99/{shown['size']}"
    assert director.client.get(link["streamUrl"], **{"If-None-Match": f'"{shown["sha256"]}"'}).status_code == 304
    assert code(director.client.get(link["streamUrl"], Range=f"bytes={shown['size']}-")) == (416, "range_not_satisfiable")
    played = director.client.post(f"{REPLAY}/play", {"clipId": clip["id"], "rate": 0.5}).json()["data"]
    assert played["replay"]["clip"] == {"id": clip["id"], "sessionId": camera.id, "name": "Save of the day", "durationMs": 2800}
    # A page writes 1.0 as 1.
    assert director.client.post(f"{REPLAY}/play", {"rate": 1}).json()["data"]["replay"]["rate"] == 1.0
    assert code(director.client.post(f"{REPLAY}/play", {"rate": "1"})) == (400, "validation_failed")
    assert code(director.client.post(f"{REPLAY}/play", {"fromMs": 2800})) == (422, "clip_out_of_range")
    assert director.client.post(f"{REPLAY}/pause").json()["data"]["replay"]["state"] == "paused"
    made = [(row.data["action"], row.data["subsystem"]) for row in ControlRoomEvent.objects.filter(event="command.made").order_by("seq")]
    assert made == [("mark_in", "replay"), ("mark_out", "replay")]
    verbs = set(AuditEvent.objects.filter(verb__startswith="recording.").values_list("verb", flat=True))
    assert verbs >= {"recording.mark.set", "recording.clip.marked", "recording.clip.cut", "recording.clip_playback.granted"}


def test_the_last_seconds_wait_until_they_are_on_disk(director, camera):
    with clock.frozen(camera.begins + timedelta(seconds=10)):
        clip = director.client.post(f"{REPLAY}/quick", {"sessionId": camera.id, "lastSeconds": 5}).json()["data"]["clip"]
        row = ReplayClip.objects.get(pk=clip["id"])
        assert row.out_at - row.in_at == timedelta(seconds=5)
        # The picture ends a moment before the out point, and more may come.
        ReplayClip.objects.filter(pk=row.pk).update(out_at=row.out_at + timedelta(seconds=1), next_at=clock.now())
        assert processing.run_due() == {"cut": 0, "waiting": 1}
        assert ReplayClip.objects.get(pk=row.pk).status == "pending"
    with clock.frozen(row.out_at + timedelta(seconds=12)):
        assert processing.run_due() == {"cut": 1, "waiting": 0}
    row.refresh_from_db()
    assert row.status == "ready" and row.duration_ms == pytest.approx(5000, abs=5)


def test_what_cannot_be_marked(studio, director, camera):
    post = director.client.post
    assert code(post(f"{REPLAY}/mark-out", {"sessionId": camera.id})) == (409, "no_open_mark")
    assert code(director.client.delete(f"{REPLAY}/mark?sessionId={camera.id}")) == (409, "no_open_mark")
    assert code(director.client.delete(f"{REPLAY}/mark")) == (400, "validation_failed")
    assert field_codes(post(f"{REPLAY}/mark-in", {"sessionId": camera.id, "at": clock.wire(clock.now() + timedelta(minutes=1))})) == {"in_future"}
    assert field_codes(post(f"{REPLAY}/mark-in", {"sessionId": camera.id, "at": clock.wire(clock.now() - timedelta(seconds=601))})) == {"too_old"}
    assert field_codes(post(f"{REPLAY}/mark-in", {"sessionId": camera.id, "at": camera.at(-30)})) == {"before_recording"}
    assert code(camera.mark(director, 5, 5.4)) == (422, "clip_out_of_range")
    # The mark stays for another try, or for nothing.
    assert ReplayMark.objects.filter(closed_at=None).count() == 1
    assert director.client.delete(f"{REPLAY}/mark?sessionId={camera.id}").status_code == 204
    assert not ReplayMark.objects.filter(closed_at=None).exists()
    quiet = studio.camera("Quay", record=False)
    for verb in ("mark-in", "quick"):
        assert code(post(f"{REPLAY}/{verb}", {"sessionId": str(quiet.pk)})) == (409, "no_session_recording")
    for seconds in (0.5, 61, "x"):
        assert post(f"{REPLAY}/quick", {"sessionId": camera.id, "lastSeconds": seconds}).status_code == 400
    stranger = studio.camera("Elsewhere", workspace=studio.suppliers)
    for session in (stranger.pk, "018f0000-0000-7000-8000-000000000000"):
        assert code(post(f"{REPLAY}/mark-in", {"sessionId": str(session)})) == (404, "reference_not_found")
        assert code(director.client.delete(f"{REPLAY}/mark?sessionId={session}")) == (404, "reference_not_found")


def test_a_clip_is_at_most_five_minutes_and_a_session_has_two_hundred(director, camera, monkeypatch):
    Recording.objects.filter(pk=camera.recording.pk).update(recorded_at=camera.begins - timedelta(minutes=10))
    assert code(camera.mark(director, -292, 9)) == (422, "clip_out_of_range")
    monkeypatch.setattr("recordings.replay.states.CLIPS_PER_SESSION", 0)
    assert code(director.client.post(f"{REPLAY}/quick", {"sessionId": camera.id})) == (409, "limit_reached")


def test_the_lock_and_the_roles(studio, director, camera):
    evan, audio = studio.join(name="Evan"), studio.join("audio")
    assert director.lock("replay").status_code == 200
    for method, path, body in (
        ("POST", "mark-in", {"sessionId": camera.id}),
        ("POST", "mark-out", {}),
        ("POST", "quick", {}),
        ("POST", "play", {}),
        ("POST", "pause", None),
        ("POST", "stop", None),
        ("DELETE", f"mark?sessionId={camera.id}", None),
    ):
        assert code(evan.client.request(method, f"{REPLAY}/{path}", body)) == (409, "subsystem_locked"), path
        assert code(audio.client.request(method, f"{REPLAY}/{path}", body)) == (403, "role_not_permitted"), path
        assert ApiClient().request(method, f"{REPLAY}/{path}", body).status_code == 401
        assert code(studio.api(studio.user()).request(method, f"{REPLAY}/{path}", body)) == (403, "operator_required")
    assert director.client.post(f"{REPLAY}/mark-in", {"sessionId": camera.id}).status_code == 201
    assert code(director.client.post(f"{REPLAY}/pause")) == (409, "replay_empty")
    assert set(director.client.get("/control-room/actions").json()["data"]["actions"]) >= {"replayMarkIn", "replayQuick", "replayPlay"}


def test_lists_filters_facets_and_edits(studio, director, camera):
    owner = studio.api(studio.owner)
    first = camera.clip(director)
    other = Camera(studio, "Quay").clip(director, 1, 2)
    edited = owner.patch(f"/replay-clips/{first.pk}", {"name": "Goal", "tags": ["Best", "best", "one"], "pinned": True})
    assert edited.status_code == 200 and edited.json()["data"]["tags"] == ["Best", "one"]
    assert owner.patch(f"/replay-clips/{first.pk}", {"name": ""}).status_code == 400
    assert code(owner.patch(f"/replay-clips/{first.pk}", {"name": "x"}, **{"If-Match": '"old"'})) == (412, "edit_conflict")

    def found(query):
        return [row["id"] for row in owner.get(f"/replay-clips?{query}").json()["data"]]

    assert found("") == [str(other.pk), str(first.pk)]
    assert found("sort=name") == [str(row.pk) for row in sorted([other, ReplayClip.objects.get(pk=first.pk)], key=lambda row: row.name)]
    for query in (f"sessionId={camera.id}", f"recordingId={camera.recording.pk}", "pinned=true", "tag=BEST", "status=ready&tag=one"):
        assert found(query) == [str(first.pk)], query
    facets = owner.get("/replay-clips/facets").json()["data"]
    assert {"pinned", "status", "tag", "sessionId"} <= set(facets.get("facets", facets))
    assert found("status=failed") == []
    # Both sides of the session see its clips, a third workspace does not.
    assert len(studio.api(studio.suppliers.members.get().user).get("/replay-clips").json()["data"]) == 2
    stranger = studio.api(make_workspace(OWNER=make_user("stranger")).members.get().user)
    assert stranger.get("/replay-clips").json()["data"] == []
    assert code(stranger.get(f"/replay-clips/{first.pk}")) == (404, "not_found")
    context = owner.get(f"/recordings/{camera.recording.pk}/context").json()["data"]
    assert [row["id"] for row in context["clips"]] == [str(first.pk)]


def test_a_link_is_its_holders_and_ends(studio, director, camera):
    clip = camera.clip(director)
    link = director.client.post(f"/replay-clips/{clip.pk}/playback").json()["data"]["streamUrl"]
    assert code(studio.api(studio.owner).get(link)) == (404, "not_found")
    ClipGrant.objects.update(expires_at=clock.now())
    assert code(director.client.get(link)) == (410, "link_expired")
    storage.unlink(clip.path)
    link = director.client.post(f"/replay-clips/{clip.pk}/playback").json()["data"]["streamUrl"]
    assert code(director.client.get(link)) == (409, "recording_not_cached")


def test_a_clip_goes_only_when_nothing_needs_it(studio, director, camera, commits):
    owner, clip = studio.api(studio.owner), camera.clip(director)
    director.client.post(f"{REPLAY}/play", {"clipId": str(clip.pk)})
    assert owner.get(f"/replay-clips/{clip.pk}/actions").json()["data"]["actions"]["delete"]["code"] == "clip_in_use"
    assert code(owner.delete(f"/replay-clips/{clip.pk}")) == (409, "clip_in_use")
    director.client.post(f"{REPLAY}/stop")
    Recording.objects.filter(pk=camera.recording.pk).update(legal_hold=True)
    assert code(owner.delete(f"/replay-clips/{clip.pk}")) == (409, "legal_hold")
    Recording.objects.filter(pk=camera.recording.pk).update(legal_hold=False)
    assert owner.delete(f"/replay-clips/{clip.pk}").status_code == 204
    assert code(owner.get(f"/replay-clips/{clip.pk}")) == (404, "not_found")
    assert code(director.client.post(f"{REPLAY}/play", {"clipId": str(clip.pk)})) == (404, "reference_not_found")
    assert disposal.move_owed() == 1 and not storage.is_there(clip.path, clip.size)
    row = Disposal.objects.get()
    assert (row.cause, row.state, row.sha256) == ("clip", "trashed", clip.sha256) and storage.is_there(row.trash_path, clip.size)
    with clock.frozen(clock.now() + timedelta(days=2)):
        assert disposal.unlink_clips_due() == 1
    assert not ReplayClip.objects.exists() and not storage.is_there(row.trash_path, clip.size)
    assert Disposal.objects.get().state == "unlinked" and Recording.objects.filter(pk=camera.recording.pk).exists()


def test_a_week_after_the_session_only_pinned_clips_stay(director, camera):
    clip, kept, loaded = camera.clip(director), camera.clip(director, 1, 2), camera.clip(director, 2, 3)
    ReplayClip.objects.filter(pk=kept.pk).update(pinned=True)
    replay_channel.load_and_play(
        actor=processing.system("test"), clip=replay_channel.Clip(loaded.pk, loaded.session_id, "x", loaded.duration_ms, loaded.play_from_ms)
    )
    camera.over()
    with clock.frozen(clock.now() + timedelta(days=6, hours=23)):
        assert clips.expire() == 0
    with clock.frozen(clock.now() + timedelta(days=7, seconds=5)):
        Recording.objects.filter(pk=camera.recording.pk).update(legal_hold=True)
        assert clips.expire() == 0
        Recording.objects.filter(pk=camera.recording.pk).update(legal_hold=False)
        assert clips.expire() == 1
    assert set(clips.clips()) == {kept, loaded}
    assert ReplayClip.objects.get(pk=clip.pk).deleted_at


def test_from_the_library_and_longer_than_the_library(studio, director, camera):
    owner = studio.api(studio.owner)
    wish = {"recordingId": str(camera.recording.pk), "inSeconds": 2.2, "outSeconds": 4.0, "name": "Late"}
    assert code(owner.post("/replay-clips", wish)) == (409, "recording_not_cached")
    camera.over()
    made = owner.post("/replay-clips", wish)
    assert made.status_code == 202, made.content
    for span in ((2, 2.1), (9, 12), (4, 2)):
        assert code(owner.post("/replay-clips", wish | {"inSeconds": span[0], "outSeconds": span[1]})) == (422, "clip_out_of_range")
    assert processing.run_due() == {"cut": 1, "waiting": 0}
    clip = ReplayClip.objects.get()
    assert (clip.status, clip.name, clip.duration_ms) == ("ready", "Late", 1800) and clip.play_from_ms == pytest.approx(200, abs=40)
    marks = owner.get(f"/recordings/{camera.recording.pk}/markers").json()["data"]
    assert [(mark["kind"], mark["label"], mark["derived"]) for mark in marks if mark["kind"] == "clip"] == [("clip", "Late", True)]
    # Its source goes; the clip stays, and so does a restore of the recording what it was.
    assert owner.delete(f"/recordings/{camera.recording.pk}").status_code == 204
    disposal.move_owed()
    with clock.frozen(clock.now() + timedelta(days=2)):
        disposal.unlink_due()
    assert not Recording.objects.filter(pk=camera.recording.pk).exists()
    assert owner.get(f"/replay-clips/{clip.pk}").json()["data"]["status"] == "ready"
    assert director.client.post(f"{REPLAY}/play", {"clipId": str(clip.pk)}).status_code == 200


def test_a_session_that_ends_meanwhile_gives_its_clip_from_the_joined_file(director, camera):
    made = camera.mark(director, 3.2, 6).json()["data"]["clip"]
    camera.over()
    ReplayClip.objects.update(next_at=clock.now())
    assert processing.run_due() == {"cut": 1, "waiting": 0}
    clip = ReplayClip.objects.get(pk=made["id"])
    assert (clip.status, clip.duration_ms) == ("ready", 2800)


def test_what_cannot_be_cut_says_why(director, camera, monkeypatch):
    made = camera.mark(director, 3.2, 6).json()["data"]["clip"]
    for path in camera.folder.iterdir():
        path.unlink()
    with clock.frozen(clock.now() + timedelta(seconds=30)):
        processing.run_due()
    clip = ReplayClip.objects.get(pk=made["id"])
    assert (clip.status, clip.failure) == ("failed", "source_gone")
    assert code(director.client.post(f"{REPLAY}/play", {"clipId": made["id"]})) == (409, "clip_not_ready")


def test_the_program_page_gets_the_clip_while_program_shows_it(studio, director, camera):
    clip = camera.clip(director)
    assert director.client.post(f"{REPLAY}/play", {"clipId": str(clip.pk)}).status_code == 200
    url = director.client.post("/control-room/program-link/rotate", {}).json()["data"]["url"]
    path = f"/program/{url.rsplit('/', 1)[1]}/clip"
    page = ApiClient()
    assert code(page.get(path, whole=True)) == (404, "not_found")
    assert director.client.post("/control-room/cut", {"source": "replay"}).status_code == 200
    whole = page.get(path, whole=True)
    assert whole.status_code == 200 and len(b"".join(whole)) == clip.size and whole["Content-Type"] == "video/webm"
    assert whole["Cache-Control"] == "no-store" and whole["Referrer-Policy"] == "no-referrer"
    part = page.get(path, whole=True, Range="bytes=10-19")
    assert part.status_code == 206 and part["Content-Range"] == f"bytes 10-19/{clip.size}"
    assert code(page.get(path, whole=True, Range=f"bytes={clip.size}-")) == (416, "range_not_satisfiable")
    assert code(page.get("/program/tr_pgm_nope/clip", whole=True)) == (404, "not_found")
    assert director.client.post(f"{REPLAY}/stop").status_code == 200
    assert code(page.get(path, whole=True)) == (404, "not_found")
    director.client.post("/control-room/program-link/rotate", {})
    assert code(page.get(path, whole=True)) == (410, "link_expired")


def test_a_second_recording_of_the_session_has_clips_of_its_own(studio, director, camera):
    stopping.stop(actor=studio.actor(director), recording=camera.recording)
    MediaInput.objects.filter(session=camera.session).update(recording_settled=True)
    assert services.finish(camera.session.pk)
    assert code(director.client.post(f"{REPLAY}/quick", {"sessionId": camera.id})) == (409, "no_session_recording")
    with clock.frozen(camera.begins + timedelta(seconds=12)):
        second, _ = starting.start(actor=studio.actor(director), session_id=camera.session.pk, wish=Wish())
    footage.lay(services.folder_of(second), "2", states.unix_ms(camera.begins) + 12_000)
    with clock.frozen(camera.begins + timedelta(seconds=22)):
        assert field_codes(director.client.post(f"{REPLAY}/mark-in", {"sessionId": camera.id, "at": camera.at(8)})) == {"before_recording"}
        clip = camera.clip(director, 15.2, 18)
        assert (clip.status, clip.recording_id, clip.play_from_ms, clip.duration_ms, clip.gaps) == ("ready", second.pk, 200, 2800, [])
        body = {"recordingId": str(camera.recording.pk), "inSeconds": 3.2, "outSeconds": 6}
        made = studio.api(studio.owner).post("/replay-clips", body).json()["data"]["clip"]
        ReplayClip.objects.filter(pk=made["id"]).update(next_at=clock.now())
        processing.run_due()
        earlier = ReplayClip.objects.get(pk=made["id"])
    assert (earlier.status, earlier.duration_ms, earlier.recording_id) == ("ready", 2800, camera.recording.pk)


def test_the_output_lock_binds_the_recording_of_a_session(studio, director, camera):
    owner = studio.api(studio.owner)
    body, stop = {"sessionId": camera.id}, f"/recordings/{camera.recording.pk}/stop"
    assert director.lock("output").status_code == 200
    assert code(owner.post("/recordings", body)) == code(owner.post(stop, {})) == (409, "subsystem_locked")
    assert director.client.post(stop, {}).status_code == 202
    MediaInput.objects.filter(session=camera.session).update(recording_settled=True)
    assert services.finish(camera.session.pk)
    assert director.client.post("/recordings", body).status_code == 202
    assert code(director.client.post("/recordings", {"sessionId": str(studio.camera("Elsewhere", workspace=studio.suppliers).pk)})) == (
        404, "reference_not_found",
    )  # fmt: skip


def test_a_second_recording_of_a_session_is_refused_with_the_reason(studio, camera):
    owner = studio.api(studio.owner)

    def asked(session):
        return code(owner.post("/recordings", {"sessionId": str(session.pk)}))

    assert asked(camera.session) == (409, "active_recording_exists")
    # Of a provider that keeps nothing for us, or none at all.
    assert asked(studio.camera("Quay", record=False)) == (409, "session_recording_unsupported")
    assert asked(studio.camera("Later", state="REQUESTED")) == (409, "session_not_live")
