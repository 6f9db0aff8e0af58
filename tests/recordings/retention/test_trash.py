"""A person's delete: 24 h in trash, back on request, then gone; whatever crashes in between."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from config.kernel import clock
from recordings.jobs.models import Job
from recordings.library import storage
from recordings.library.models import Recording, RecordingFile
from recordings.retention import disposal, tasks
from recordings.retention.models import Disposal
from tests.factories.recordings import audio, start_recording


def lies_at(row) -> bool:
    return bool(row) and (storage.root() / row).is_file()


def test_deleted_hidden_restored_and_playable_again(api, alice, carol, cached):
    recording = cached()
    path = recording.primary_file.path
    assert api(alice).delete(f"/recordings/{recording.pk}").status_code == 204
    assert disposal.move_owed() == 1 and disposal.move_owed() == 0
    assert not lies_at(path) and lies_at(Disposal.objects.get().trash_path)
    assert api(carol).get(f"/recordings/{recording.pk}").status_code == 404
    assert api(alice).get("/recordings").json()["data"] == []
    assert [row["id"] for row in api(alice).get("/recordings?deleted=true").json()["data"]] == [str(recording.pk)]
    assert api(carol).get("/recordings?deleted=true").status_code == 403

    back = api(alice).post(f"/recordings/{recording.pk}/restore")
    assert back.status_code == 200 and back.json()["data"]["cacheState"] == "cached" and back.json()["data"]["deletedAt"] is None
    assert lies_at(path) and lies_at(f"{path}.etag")
    again = api(alice).post(f"/recordings/{recording.pk}/restore")
    assert (again.status_code, again.json()["code"]) == (409, "not_in_trash")
    assert api(carol).post(f"/recordings/{recording.pk}/playback", {}).status_code == 201


def test_after_its_time_the_file_and_the_rows_go_and_the_manifest_stays(api, alice, cached):
    recording = cached()
    api(alice).delete(f"/recordings/{recording.pk}")
    disposal.move_owed()
    assert disposal.unlink_due() == 0
    trash = Disposal.objects.get().trash_path
    with clock.frozen(clock.now() + timedelta(hours=25)):
        assert disposal.unlink_due() == 1 and disposal.unlink_due() == 0
    assert not lies_at(trash) and not Recording.objects.exists() and not RecordingFile.objects.exists()
    manifest = Disposal.objects.get()
    assert (manifest.state, manifest.cause, manifest.sha256) == ("unlinked", "person", recording.primary_file.sha256)
    assert manifest.actor_label and manifest.recording_name == recording.name


@pytest.mark.parametrize("step", ["before_rename", "after_rename", "after_unlink"])
def test_one_pass_after_a_crash_disk_and_rows_agree(api, alice, cached, step):
    recording = cached()
    api(alice).delete(f"/recordings/{recording.pk}")
    row = Disposal.objects.get()
    if step != "before_rename":
        storage.move(row.path, row.trash_path)
    if step == "after_unlink":
        storage.unlink(row.trash_path)
    with clock.frozen(clock.now() + timedelta(hours=25)):
        disposal.move_owed()
        disposal.unlink_due()
    assert not lies_at(row.path) and not lies_at(row.trash_path) and not Recording.objects.exists()


def test_what_runs_is_held_or_hidden_is_not_deleted(api, alice, bob, node, cached):
    recording = cached()
    denied = api(bob).delete(f"/recordings/{recording.pk}")
    assert (denied.status_code, denied.json()["code"]) == (403, "permission_denied")
    running, _ = start_recording(node)
    refused = api(alice).delete(f"/recordings/{running.pk}")
    assert (refused.status_code, refused.json()["code"]) == (409, "recording_active")
    Recording.objects.filter(pk=recording.pk).update(legal_hold=True)
    held = api(alice).delete(f"/recordings/{recording.pk}")
    assert (held.status_code, held.json()["code"]) == (409, "legal_hold")
    bulk = api(alice).post("/recordings/bulk-delete", {"ids": [str(recording.pk), str(running.pk)]})
    assert bulk.status_code == 409 and {row["code"] for row in bulk.json()["data"]["failures"]} == {"recording_active", "legal_hold"}
    assert not Disposal.objects.exists()


def test_a_hold_beats_sql_too(cached):
    recording = cached()
    Recording.objects.filter(pk=recording.pk).update(legal_hold=True)
    with pytest.raises(IntegrityError, match="legal hold"), transaction.atomic():
        Disposal.objects.create(state="trashed", cause="person", recording_id=recording.pk, recording_name="x", created_at=clock.now())


def test_a_recording_without_bytes_goes_at_once(api, alice, node):
    recording, _ = start_recording(node)
    api(alice).post(f"/recordings/{recording.pk}/stop", {})
    assert api(alice).delete(f"/recordings/{recording.pk}").status_code == 204
    assert api(alice).get(f"/recordings/{recording.pk}").status_code == 404
    assert not Recording.objects.exists() and Disposal.objects.get().state == "unlinked"


def test_two_hundred_at_once_or_none(api, alice, cached, recorder):
    first = cached()
    second = cached(audio(1, hz=300))
    reply = api(alice).post("/recordings/bulk-delete", {"ids": [str(first.pk), str(second.pk)], "reason": "old"})
    assert reply.status_code == 200 and reply.json()["data"]["count"] == 2
    assert Recording.objects.exclude(deleted_at=None).count() == 2
    assert set(Disposal.objects.values_list("reason", flat=True)) == {"old"}


def test_a_mount_that_is_away_loses_nothing(api, alice, cached):
    recording = cached()
    api(alice).delete(f"/recordings/{recording.pk}")
    disposal.move_owed()
    trash = Disposal.objects.get().trash_path
    here, away = storage.root(), storage.root().with_name("away")
    here.rename(away)
    here.mkdir()
    refused = api(alice).post(f"/recordings/{recording.pk}/restore")
    assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
    with clock.frozen(clock.now() + timedelta(hours=25)):
        assert tasks.run.run_once() == {}
        assert list(here.iterdir()) == [] and Recording.objects.exists()
        here.rmdir()
        away.rename(here)
        assert lies_at(trash) and tasks.run.run_once()["unlinked"] == 1


@pytest.fixture
def day(node, recorder, profiles):
    """A job of two tracks, the second one in the library: what the node says of the first is up to the test."""
    start_recording(node, profile=profiles["Multitrack"], name="Day")
    job = recorder.claim().json()["data"]
    recorder.report(job, "capturing", results=[recorder.result(SECOND, 1, track=2, final=False)])
    assert recorder.put(job, SECOND, codec="wav", track=2, final=False).status_code == 201
    return job


SECOND = audio(1, codec="wav", hz=300)


def tracks_left() -> list[int]:
    return list(Recording.objects.order_by("track_index").values_list("track_index", flat=True))


def test_the_first_track_goes_by_itself_and_the_others_keep_their_file_and_job(api, alice, recorder, day):
    first = audio(1, codec="wav")
    assert recorder.put(day, first, codec="wav").status_code == 201
    one, two = Recording.objects.order_by("track_index")
    for track, left in ((one, [2]), (two, [])):
        assert api(alice).delete(f"/recordings/{track.pk}").status_code == 204
        with clock.frozen(clock.now() + timedelta(hours=25)):
            tasks.run.run_once()
            assert tracks_left() == left
        if left:
            seen = api(alice).get(f"/recordings/{two.pk}/context").json()["data"]
            assert [row["id"] for row in seen["jobs"]] == [day["id"]] and [row["state"] for row in seen["files"]] == ["present"]
            assert lies_at(RecordingFile.objects.get().path)
            assert api(alice).get(f"/recordings/{two.pk}/actions").json()["data"]["actions"]["retryJob"]["code"] == "job_not_retryable"
    assert not Job.objects.exists() and not RecordingFile.objects.exists()


def test_a_first_track_without_a_file_goes_at_once_and_alone(api, alice, recorder, day):
    body = {"claimEpoch": 1, "reason": "encoder_failed", "detail": ""}
    assert recorder.client.post(f"/recording-jobs/{day['id']}/failed", body).status_code == 200
    assert api(alice).delete(f"/recordings/{day['recordingId']}").status_code == 204
    assert tracks_left() == [2] and Job.objects.get().recording.track_index == 2
    # What the node still has of the removed track is taken in, as any late file is.
    assert recorder.put({**day, "recordingId": str(Recording.objects.get().pk)}, SECOND, codec="wav", track=2).status_code == 200
    assert api(alice).delete(f"/recordings/{Recording.objects.get().pk}").status_code == 204


def test_one_that_cannot_be_unlinked_holds_up_no_other(api, alice, cached, monkeypatch):
    for recording in (cached(), cached(audio(1, hz=300)), cached(audio(1, hz=200))):
        api(alice).delete(f"/recordings/{recording.pk}")
    poisoned = Disposal.objects.order_by("pk")[1]
    real = {"move": storage.move, "unlink": storage.unlink}

    def broken(name):
        def act(path, *rest):
            if path in {poisoned.path, poisoned.trash_path}:
                raise OSError(5, "I/O")
            return real[name](path, *rest)

        return act

    with monkeypatch.context() as patched:
        patched.setattr(storage, "move", broken("move"))
        assert disposal.move_owed() == 2
    assert disposal.move_owed() == 1
    with clock.frozen(clock.now() + timedelta(hours=25)):
        with monkeypatch.context() as patched:
            patched.setattr(storage, "unlink", broken("unlink"))
            assert disposal.unlink_due() == 2
        assert disposal.unlink_due() == 1
