"""Recording profiles: five to begin with, one default for each kind, nothing that does not fit together."""

import pytest
from django.db import IntegrityError, transaction

from recordings.profiles.models import RecordingProfile
from recordings.profiles.states import carries, problems
from tests.factories.recordings import start_recording

BASE = {"kind": "audio", "codec": "mp3", "bitrate_kbps": 128, "bit_depth": None, "sample_rate": None, "max_track_seconds": 0}
URL = "/settings/recording-profiles"


def test_a_new_installation_has_five(api, carol, profiles):
    rows = api(carol).get(URL).json()["data"]
    assert {row["name"] for row in rows} == {"Speech", "Speech small", "Music", "Multitrack", "Field video"}
    assert {row["name"] for row in rows if row["isDefault"]} == {"Speech", "Field video"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, None),
        ({"bitrate_kbps": 31}, "bitrate_kbps"),
        ({"bitrate_kbps": None}, "bitrate_kbps"),
        ({"sample_rate": 96000}, "sample_rate"),
        ({"bit_depth": 16}, "bit_depth"),
        ({"codec": "flac", "bitrate_kbps": None, "bit_depth": 24}, None),
        ({"codec": "flac", "bitrate_kbps": None, "bit_depth": 32}, "bit_depth"),
        ({"codec": "wav", "bitrate_kbps": None, "bit_depth": 32}, None),
        ({"codec": "opus", "sample_rate": 44100}, "sample_rate"),
        ({"codec": "passthrough", "bitrate_kbps": None}, "codec"),
        ({"kind": "video"}, "codec"),
        ({"max_track_seconds": 59}, "max_track_seconds"),
    ],
)
def test_what_fits_together(change, field):
    assert list(problems(**{**BASE, **change})) == ([field] if field else [])


def test_how_many_channels_a_codec_carries():
    assert [carries("mp3", 2), carries("mp3", 3), carries("flac", 8), carries("flac", 9), carries("wav", 512)] == [True, False, True, False, True]


def test_one_default_for_each_kind_always(api, alice, profiles):
    speech, music = profiles["Speech"], profiles["Music"]
    for body in ({"isDefault": False}, {"enabled": False}):
        reply = api(alice).patch(f"{URL}/{speech.pk}", body)
        assert (reply.status_code, reply.json()["code"]) == (409, "default_required")
    assert api(alice).delete(f"{URL}/{speech.pk}").json()["code"] == "default_required"
    assert api(alice).patch(f"{URL}/{music.pk}", {"isDefault": True}).status_code == 200
    assert list(RecordingProfile.objects.filter(kind="audio", is_default=True)) == [music]
    with pytest.raises(IntegrityError), transaction.atomic():
        RecordingProfile.objects.filter(pk=speech.pk).update(is_default=True)


def test_a_disabled_one_is_no_default(api, alice, profiles):
    speech, music = profiles["Speech"], profiles["Music"]
    assert api(alice).patch(f"{URL}/{music.pk}", {"enabled": False}).status_code == 200
    refused = [
        api(alice).patch(f"{URL}/{music.pk}", {"isDefault": True}),
        api(alice).patch(f"{URL}/{speech.pk}", {"isDefault": True, "enabled": False}),
        api(alice).post(URL, {"name": "Off", "codec": "mp3", "bitrateKbps": 64, "enabled": False, "isDefault": True}),
    ]
    assert [(reply.status_code, reply.json()["code"]) for reply in refused] == [(409, "default_required")] * 3
    assert list(RecordingProfile.objects.filter(kind="audio", is_default=True)) == [speech]
    assert api(alice).patch(f"{URL}/{music.pk}", {"isDefault": True, "enabled": True}).status_code == 200
    assert list(RecordingProfile.objects.filter(kind="audio", is_default=True)) == [music]


def test_names_are_unique_ignoring_case_and_used_profiles_stay(api, alice, bob, node, profiles):
    made = api(alice).post(URL, {"name": "SPEECH", "codec": "mp3", "bitrateKbps": 64})
    assert (made.status_code, made.json()["code"]) == (409, "duplicate_name")
    wrong = api(alice).post(URL, {"name": "x", "codec": "mp3", "bitrateKbps": 5})
    assert wrong.json()["data"]["errors"][0]["path"] == "bitrateKbps"
    start_recording(node, profile=profiles["Music"])
    assert api(alice).delete(f"{URL}/{profiles['Music'].pk}").json()["code"] == "profile_in_use"
    assert api(alice).delete(f"{URL}/{profiles['Multitrack'].pk}").status_code == 204
    denied = api(bob).patch(f"{URL}/{profiles['Music'].pk}", {"name": "Mine"})
    assert (denied.status_code, denied.json()["data"]["permission"]) == (403, "settings:manage")


def test_a_stale_edit_is_refused(api, alice, profiles):
    path = f"{URL}/{profiles['Music'].pk}"
    read = api(alice).get(path)
    assert api(alice).patch(path, {"vbr": True}, If_Match=read["ETag"]).status_code == 200
    assert api(alice).patch(path, {"vbr": False}, If_Match=read["ETag"]).status_code == 412
