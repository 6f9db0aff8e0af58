"""Profiles edited by several people at once: real threads on the real database."""

import pytest

from operators.access.models import seed_policies
from recordings.profiles.models import RecordingProfile
from tests.at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/settings/recording-profiles"


@pytest.fixture
def edit(db, profiles, alice, api):
    """`edit(name, body, …)` as the owner, `(status, code)`."""
    seed_policies()

    def send(name, body, **headers):
        reply = api(alice).patch(f"{URL}/{profiles[name].pk}", body, **headers)
        return reply.status_code, reply.json().get("code")

    return send


def test_several_defaults_at_once_leave_one(edit):
    for _ in range(3):
        answers = at_once(*[lambda name=name: edit(name, {"isDefault": True}) for name in ("Speech", "Speech small", "Music", "Multitrack") * 2])
        assert set(answers) == {(200, None)}
        assert RecordingProfile.objects.filter(kind="audio", is_default=True).count() == 1


def test_of_edits_that_saw_the_same_state_one_is_made(edit, profiles, alice, api):
    tag = api(alice).get(f"{URL}/{profiles['Music'].pk}")["ETag"]
    answers = at_once(*[lambda seconds=seconds: edit("Music", {"maxTrackSeconds": seconds}, If_Match=tag) for seconds in range(60, 66)])
    assert sorted(answers) == [(200, None), *[(412, "edit_conflict")] * 5]


def test_what_each_fits_alone_must_fit_together(edit, profiles):
    lossless, lossy = {"codec": "flac", "bitDepth": 24, "bitrateKbps": None}, {"bitrateKbps": 64}
    for _ in range(3):
        assert edit("Speech small", {"codec": "mp3", "bitDepth": None, "bitrateKbps": 96, "sampleRate": None})[0] == 200
        answers = at_once(lambda: edit("Speech small", lossless), lambda: edit("Speech small", lossy))
        assert answers[0] == (200, None) and answers[1] in {(200, None), (400, "validation_failed")}
