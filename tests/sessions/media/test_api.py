"""The picture and the figures of a session, and the question of a media server whether somebody may come in."""

import json
import time

import pytest

from config.kernel import broker, clock
from config.kernel.access import ANONYMOUS
from sessions.field.models import FieldSession
from sessions.media import admission, services, stats, tokens
from sessions.media.models import MediaInput
from tests.factories.sessions import key_token, make_operator, make_session, owned_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def sides(fake):
    """(session LIVE with an input, its two keys and a stranger's, by name)."""
    supplier, consumer, stranger = owned_workspace("supplier"), owned_workspace("consumer", ["CONSUMER"]), owned_workspace("stranger", ["CONSUMER"])
    session = make_session(consumer, "ASSIGNED", operator=make_operator(supplier))
    services.open_input(session)
    FieldSession.objects.filter(pk=session.pk).update(state="LIVE", started_at=clock.now())
    session.refresh_from_db()
    keys = {
        name: key_token(workspace, "sessions:read") for name, workspace in (("supplier", supplier), ("consumer", consumer), ("stranger", stranger))
    }
    return session, keys


def get(client, path, token):
    return client.get(f"/api/v1/sessions/{path}", headers={"Authorization": f"Bearer {token}"})


def test_both_sides_see_the_picture_and_a_stranger_does_not(client, sides):
    session, keys = sides
    for name in ("supplier", "consumer"):
        reply = get(client, f"{session.pk}/frame", keys[name])
        assert (reply.status_code, reply["Content-Type"], reply["Cache-Control"]) == (200, "image/jpeg", "no-store")
        assert reply.content[:2] == b"\xff\xd8"
    assert get(client, f"{session.pk}/frame", keys["stranger"]).json()["code"] == "not_found"
    assert client.get(f"/api/v1/sessions/{session.pk}/frame").status_code == 401


def test_a_session_that_is_over_or_not_live_shows_none(client, sides):
    session, keys = sides
    for state, ended in (("ASSIGNED", None), ("ENDED", clock.now())):
        FieldSession.objects.filter(pk=session.pk).update(state=state, ended_at=ended, started_at=None if state == "ASSIGNED" else clock.now())
        reply = get(client, f"{session.pk}/frame", keys["consumer"])
        assert (reply.status_code, reply.json()["code"]) == (404, "frame_not_available")


def test_pictures_come_twice_a_second_at_most(client, sides, settings):
    settings.RATE_LIMIT_ENABLED = True
    session, keys = sides
    statuses = [get(client, f"{session.pk}/frame", keys["consumer"]).status_code for _ in range(6)]
    assert statuses[:2] == [200, 200] and 429 in statuses


def test_a_provider_that_is_down_is_said_so(client, sides, fake):
    session, keys = sides
    fake.down = True
    reply = get(client, f"{session.pk}/frame", keys["consumer"])
    assert (reply.status_code, reply.json()["transient"]) == (503, True)


def test_figures_are_the_newest_that_were_measured(client, sides):
    session, keys = sides
    ref = MediaInput.objects.get().ref
    none = get(client, f"{session.pk}/media", keys["consumer"]).json()["data"]
    assert (none["measured"], none["flow"], none["bitrateKbps"]) == (False, "idle", 0)
    row = {"ref": ref, "session": str(session.pk), "status": "flowing", "bitrateKbps": 900, "fps": 29.9, "width": 1280, "height": 720, "codec": "vp8"}
    row |= {"packetsLost": 3, "nacks": 2, "plis": 1, "viewers": 4}
    broker.client().hset(stats.KEY, "0", json.dumps({"at": time.time(), "rows": [row]}))
    shown = get(client, f"{session.pk}/media", keys["supplier"]).json()["data"]
    assert (shown["measured"], shown["flow"], shown["bitrateKbps"], shown["width"], shown["viewers"]) == (True, "flowing", 900, 1280, 4)
    assert get(client, f"{session.pk}/media", keys["stranger"]).status_code == 404
    samples = {sample.name: sample for family in stats.collect(ANONYMOUS) for sample in family.samples}
    assert samples["tallyroom_media_flowing"].value == 1
    assert samples["tallyroom_media_bitrate_bits_per_second"].labels == {"session": str(session.pk)}
    broker.client().hset(stats.KEY, "0", json.dumps({"at": time.time() - 11, "rows": [row]}))
    assert stats.newest() == {}


def test_a_media_server_may_ask_who_comes_in(client, sides):
    session, _ = sides
    opened = services.publish_access(session)
    ref = str(opened.video_backend_ref)

    def ask(path=None, **body):
        path = f"/api/v1/video/auth/{path or tokens.events_path()}"
        return client.post(path, data=json.dumps({"path": ref, "ip": "", "id": "1", **body}), content_type="application/json").status_code

    publish, view = opened.edge.publish_token, opened.edge.view_token
    assert ask(action="publish", query=f"t={publish}") == 204
    assert ask(action="publish", token=publish) == 204
    assert ask(action="read", query=f"t={view}") == 204
    for refused in (
        {"action": "read", "token": publish}, {"action": "publish", "token": view}, {"action": "publish"}, {"action": "api", "token": publish},
        {"action": "publish", "token": publish, "path": "other"}, {"action": "publish", "token": publish[:-1] + "x"}, {"action": "publish", "token": 7},
        {"action": "publish", "query": 7},
    ):  # fmt: skip
        assert ask(**refused) == 401, refused
    assert ask(path="wrong", action="publish", token=publish) == 401


def test_tier_three_is_let_in_from_inside_the_fence_only(sides, monkeypatch):
    session, _ = sides
    token = services.publish_access(session).edge.publish_token
    FieldSession.objects.filter(pk=session.pk).update(required_trust_tier=3, mode="telemetry")
    proven = []
    monkeypatch.setattr(admission, "_proven", lambda asked: bool(proven))
    with pytest.raises(admission.Refused) as caught:
        admission.publisher(token)
    assert caught.value.code == "permission_denied"
    proven.append(True)
    assert admission.publisher(token).session_id == str(session.pk)


def test_an_edge_token_opens_nothing_of_the_api(client, sides):
    session, _ = sides
    edge = services.publish_access(session).edge
    for token in (edge.publish_token, edge.view_token):
        assert get(client, str(session.pk), token).status_code == 401
