"""From the segments of a session to a recording in the library."""

import asyncio

import pytest
from django.db import transaction

from config.kernel import clock
from recordings.jobs.models import Job
from recordings.library import analysing
from recordings.library.models import Recording, RecordingFile
from recordings.profiles.models import RecordingProfile
from recordings.profiles.seeds import seed
from recordings.sessions import services
from sessions.field.models import FieldSession
from sessions.media import provider
from sessions.media.edge import codecs
from sessions.media.edge.recorder import Recorder
from sessions.media.edge.timeline import Line
from sessions.media.models import MediaInput
from sessions.media.signals import input_gone, media_began
from tests.factories.sessions import make_operator, make_session, make_workspace
from tests.sessions.media.peers import encoded, opus, read

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_PROVIDER = "embedded"
    provider.reset()
    # A test that commits leaves no seeds to the next one.
    seed(RecordingProfile)
    made = make_session(make_workspace(roles=["CONSUMER"]), "LIVE", operator=make_operator(make_workspace()), label="Bridge")
    now = clock.now()
    MediaInput.objects.create(session=made, provider="embedded", state="READY", ref="in", minting_at=now, ready_at=now)
    yield made
    provider.reset()


def begin(session):
    with transaction.atomic():
        media_began.send(sender=None, session_id=session.pk, at=clock.now())


def write(session, name, codec, at, *, frames=60, sound=True):
    """A publication of so many pictures, beginning at `at` Unix seconds, through the real recorder."""
    lines = {"video": Line(90_000), "audio": Line(48_000)}
    recorder = Recorder(
        services.folder_of(Recording.objects.get(session_id=session.pk, status="recording")), name, lines, lambda: (None, None), lambda: None
    )
    for index in range(frames):
        if sound:
            for piece in range(index * 50 // 30, (index + 1) * 50 // 30):
                recorder.audio(opus()[piece % 50], lines["audio"].at(piece * 960), at + piece / 50)
        data = encoded(codec)[index % 45]
        recorder.video(codec, data, lines["video"].at(index * 3000), codecs.is_keyframe(codec, data), at + index / 30)
    asyncio.run(recorder.close())
    assert recorder.failed == ""


def over(session):
    FieldSession.objects.filter(pk=session.pk).update(state="ENDED", ended_at=clock.now())
    MediaInput.objects.filter(session=session).update(state="GONE", gone_at=clock.now())
    with transaction.atomic():
        input_gone.send(sender=None, session_id=session.pk)


def path_of(settings, file):
    return settings.MEDIA_ROOT / file.path


def test_a_gap_stays_a_gap_and_what_was_cut_off_is_read_as_far_as_it_goes(session, settings):
    begin(session)
    recording = Recording.objects.get()
    assert (recording.status, recording.source, recording.session_id, recording.kind) == ("recording", "session", session.pk, "video")
    assert recording.name.startswith("Bridge ")
    zero = clock.now().timestamp()
    write(session, "1", "vp8", zero)
    write(session, "2", "vp8", zero + 5, frames=150)
    killed = services.folder_of(recording) / "2.1.webm"
    killed.write_bytes(killed.read_bytes()[: int(killed.stat().st_size * 0.6)])
    over(session)
    assert services.waiting() == [session.pk]
    assert services.finish(session.pk)
    assert not services.finish(session.pk)
    recording.refresh_from_db()
    file = RecordingFile.objects.get()
    assert (recording.status, recording.primary_file, Job.objects.get().status) == ("cached", file, "completed")
    (gap,) = recording.gaps
    assert gap["cause"] == "publisher_lost" and gap["atSeconds"] == pytest.approx(2, abs=0.1) and gap["lengthSeconds"] == pytest.approx(3, abs=0.1)
    assert recording.partial and recording.partial_reasons == ["gap"]
    kinds, pictures, seconds = read(path_of(settings, file))
    assert kinds == {"video": "vp8", "audio": "opus"}
    assert 60 + 40 < pictures < 60 + 150
    assert seconds == pytest.approx(recording.duration_seconds, abs=0.3) and 6.5 < seconds < 10
    assert file.mime_type == "video/webm" and file.path.endswith(".webm")
    assert analysing.run(file.pk)
    file.refresh_from_db()
    assert file.analysis_status == "ready" and file.playable and file.codec == "opus" and file.waveform_preview["peaks"]
    assert file.duration_seconds == pytest.approx(recording.duration_seconds)
    assert not services.folder_of(recording).parent.exists()


def test_another_codec_is_the_next_track(session, settings):
    begin(session)
    zero = clock.now().timestamp()
    write(session, "1", "vp8", zero)
    write(session, "2", "h264", zero + 3, sound=False)
    over(session)
    assert services.finish(session.pk)
    first, second = Recording.objects.order_by("track_index")
    assert (first.track_total, second.track_total, second.track_index) == (2, 2, 2)
    files = [RecordingFile.objects.get(recording=recording) for recording in (first, second)]
    assert [read(path_of(settings, file))[0] for file in files] == [{"video": "vp8", "audio": "opus"}, {"video": "h264"}]
    for file in files:
        assert analysing.run(file.pk)
        file.refresh_from_db()
        assert file.playable and file.analysis_status == "ready"
    assert {recording.status for recording in Recording.objects.all()} == {"cached"}


def test_nothing_captured_is_a_cancelled_recording(session):
    begin(session)
    over(session)
    assert services.finish(session.pk)
    assert (Recording.objects.get().status, Job.objects.get().status) == ("cancelled", "cancelled")
    assert not RecordingFile.objects.exists()


def test_who_does_not_want_a_recording_gets_none(session):
    FieldSession.objects.filter(pk=session.pk).update(record=False)
    begin(session)
    assert not Recording.objects.exists()
    over(session)
    assert not services.finish(session.pk)
