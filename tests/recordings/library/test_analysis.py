"""From a stored file to its waveform: decoded once, real codecs, failures kept apart from doubts."""

from datetime import timedelta

import numpy as np
import pytest

from config.kernel import clock
from nodes.health.models import HealthEvent
from recordings.library import analysing, storage
from recordings.library.models import RecordingFile
from tests.factories.recordings import audio, encode, start_recording, tone


@pytest.mark.parametrize("codec", ["flac", "wav", "mp3"])
def test_a_stored_file_gets_its_waveform(api, bob, cached, codec):
    recording = cached(audio(3, codec=codec, peak_dbfs=-23), codec=codec, seconds=3)
    waiting = api(bob).get(f"/recordings/{recording.pk}/waveform")
    assert (waiting.status_code, waiting.json()["code"], waiting.json()["transient"]) == (409, "analysis_pending", True)
    assert analysing.run(recording.primary_file.pk) and not analysing.run(recording.primary_file.pk)

    seen = api(bob).get(f"/recordings/{recording.pk}").json()["data"]
    assert seen["analysisStatus"] == "ready" and seen["playable"]
    assert seen["durationSeconds"] == pytest.approx(3, abs=0.06)
    assert seen["loudness"]["integratedLufs"] == pytest.approx(-23, abs=0.5)
    assert seen["waveformPreview"]["channelCount"] == 2 and max(seen["waveformPreview"]["peaks"]) == pytest.approx(10 ** (-23 / 20), abs=0.02)
    wave = api(bob).get(f"/recordings/{recording.pk}/waveform?points=100&from=1&to=2&channels=1,2")
    assert wave.json()["data"]["bucketsPerSecond"] == 64 and [row["channelIndex"] for row in wave.json()["data"]["channels"]] == [1, 2]
    assert api(bob).get(f"/recordings/{recording.pk}/waveform?points=100&from=1&to=2&channels=1,2", If_None_Match=wave["ETag"]).status_code == 304


@pytest.mark.parametrize(
    "query", ["points=15", "points=4001", "from=-1", "from=2&to=1", "to=nan", "channels=0", "channels=1,2,3,4,5,6,7,8,9", "channels=3", "x=1"]
)
def test_a_window_that_makes_no_sense_is_refused(api, bob, cached, query):
    recording = cached(seconds=1)
    analysing.run(recording.primary_file.pk)
    assert api(bob).get(f"/recordings/{recording.pk}/waveform?{query}").status_code == 400


def test_many_channels_are_heard_as_an_mp3_of_their_mix(api, bob, node, recorder, profiles):
    from tests.factories.nodes import make_interface

    interface = make_interface(node, channels=4, system_ref="hw:Q")
    start_recording(node, profile=profiles["Multitrack"], interface_id=interface.pk)
    job = recorder.claim().json()["data"]
    assert job["command"]["channels"] == 4 and job["command"]["output"]["codec"] == "wav"
    recorder.deliver(job, encode(tone(1, channels=4), codec="wav"), codec="wav")
    path = f"/recordings/{job['recordingId']}"
    assert api(bob).post(f"{path}/playback", {}).json()["code"] == "rendition_pending"
    analysing.run(RecordingFile.objects.get().pk)
    link = api(bob).post(f"{path}/playback", {}).json()["data"]
    assert (link["mode"], link["mimeType"]) == ("rendition", "audio/mpeg")
    reply = api(bob).get(link["streamUrl"], Range="bytes=0-99")
    assert reply.status_code == 206 and len(b"".join(reply.streaming_content)) == 100


def test_what_cannot_be_decoded_is_kept_and_told(api, bob, cached):
    recording = cached(b"RIFF" + bytes(5000), codec="wav")
    analysing.run(recording.primary_file.pk)
    seen = api(bob).get(f"/recordings/{recording.pk}").json()["data"]
    assert (seen["analysisStatus"], seen["playable"], seen["cacheState"]) == ("failed", False, "cached")
    assert HealthEvent.objects.get(type="controller.recording.unplayable").severity == "critical"
    assert api(bob).post(f"/recordings/{recording.pk}/playback", {}).json()["code"] == "recording_unplayable"
    assert api(bob).get(f"/recordings/{recording.pk}/waveform").json()["code"] == "analysis_failed"
    assert api(bob).post(f"/recordings/{recording.pk}/download", {}).status_code == 201


def test_a_failure_of_ours_is_tried_again_three_times_and_then_told(cached, monkeypatch):
    file = cached().primary_file

    def fail(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write_whole", fail)
    waits = []
    for _ in range(4):
        assert analysing.due() == [file.pk]
        analysing.run(file.pk)
        file.refresh_from_db()
        if file.analysis_due_at:
            waits.append(round((file.analysis_due_at - clock.now()).total_seconds() / 60))
            RecordingFile.objects.update(analysis_due_at=clock.now() - timedelta(seconds=1))
    assert waits == [1, 5, 30] and file.analysis_status == "failed" and analysing.due() == []
    assert HealthEvent.objects.filter(type="controller.recording.analysis_failed", severity="warning").count() == 1


def test_silence_is_marked_and_cannot_be_unmarked(api, bob, cached):
    values = np.concatenate([tone(1), np.zeros((3 * 48000, 2), dtype=np.float32), tone(1)])
    recording = cached(encode(values), seconds=5)
    analysing.run(recording.primary_file.pk)
    path = f"/recordings/{recording.pk}/markers"
    assert api(bob).post(path, {"atSeconds": 0.5, "label": "Intro"}).status_code == 201
    marks = api(bob).get(path).json()["data"]
    assert [(mark["kind"], mark["derived"]) for mark in marks] == [("mark", False), ("silence", True)]
    refused = api(bob).delete(f"{path}/{marks[1]['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "marker_derived")
    assert api(bob).delete(f"{path}/{marks[0]['id']}").status_code == 204
    assert api(bob).delete(f"{path}/{marks[0]['id']}").status_code == 404
