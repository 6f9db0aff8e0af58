"""Every list of recordings is searched by name."""

import pytest

from tests.factories.recordings import start_recording

pytestmark = pytest.mark.django_db


def test_jobs_and_profiles_are_found_by_name(api, alice, node):
    start_recording(node, name="Evening service")
    for path, words, count in (
        ("/recording-jobs", "evening", 1),
        ("/recording-jobs", "morning", 0),
        ("/settings/recording-profiles", "speech small", 1),
    ):
        reply = api(alice).get(f"{path}?search={words}")
        assert reply.status_code == 200 and len(reply.json()["data"]) == count
    assert api(alice).get("/replay-clips?search=goal").json()["data"] == []
    assert api(alice).get("/recording-jobs/facets?search=evening").json()["data"]["status"] == [{"value": "queued", "count": 1}]
