"""A camera on air that is being recorded: ten seconds are on disk, the last one is now."""

from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel import clock
from recordings.library.models import Recording
from recordings.profiles.models import RecordingProfile
from recordings.profiles.seeds import seed
from recordings.replay import processing, states
from recordings.replay.models import ReplayClip
from recordings.sessions import services as session_recordings
from recordings.sessions import starting
from sessions.media import provider
from sessions.media.models import MediaInput
from tests.recordings.replay import footage
from tests.sessions.control_room.conftest import Studio


class Camera:
    """`session`, its running `recording`, and when its footage begins."""

    def __init__(self, studio, label="Bridge"):
        now = clock.now()
        self.begins = (now - timedelta(seconds=footage.SECONDS)).replace(microsecond=0)
        self.session = studio.camera(label)
        MediaInput.objects.create(session=self.session, provider="embedded", state="READY", ref=label, minting_at=now, ready_at=now)
        with transaction.atomic():
            self.recording = starting.begin(session_id=self.session.pk, at=self.begins)
        self.folder = session_recordings.folder_of(self.recording)
        footage.lay(self.folder, "1", states.unix_ms(self.begins))

    @property
    def id(self):
        return str(self.session.pk)

    def at(self, seconds) -> str:
        return clock.wire(self.begins + timedelta(seconds=seconds))

    def mark(self, who, since, until, **body):
        """A clip from here to there; the answer of mark-out."""
        assert who.client.post("/control-room/replay/mark-in", {"sessionId": self.id, "at": self.at(since)}).status_code == 201
        return who.client.post("/control-room/replay/mark-out", {"sessionId": self.id, "at": self.at(until), **body})

    def clip(self, who, since=3.2, until=6.0, **body) -> ReplayClip:
        """A clip that is ready."""
        made = self.mark(who, since, until, **body)
        assert made.status_code == 202, made.content
        ReplayClip.objects.filter(pk=made.json()["data"]["clip"]["id"]).update(next_at=clock.now())
        processing.run_due()
        return ReplayClip.objects.get(pk=made.json()["data"]["clip"]["id"])

    def over(self):
        """The session is over and its recording in the library."""
        type(self.session).objects.filter(pk=self.session.pk).update(state="ENDED", ended_at=clock.now())
        MediaInput.objects.filter(session=self.session).update(state="GONE", gone_at=clock.now())
        assert session_recordings.finish(self.session.pk)
        self.recording = Recording.objects.get(pk=self.recording.pk)


@pytest.fixture
def studio(api, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_PROVIDER = "embedded"
    provider.reset()
    seed(RecordingProfile)
    processing.storage.prepare()
    yield Studio(api)
    provider.reset()


@pytest.fixture
def director(studio):
    return studio.join(name="Alice")


@pytest.fixture
def camera(studio):
    return Camera(studio)
