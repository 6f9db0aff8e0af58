"""The replay channel: one clip, played, paused, on air or not (04 §3, acceptance 29)."""

from datetime import timedelta
from uuid import UUID

import pytest

from config.kernel import clock
from config.kernel.errors import ApiError
from operators.console.models import ControlRoomEvent
from sessions.control_room import replay_channel, switching, tick
from sessions.control_room.replay_channel import Clip
from tests.sessions.control_room.conftest import on

pytestmark = pytest.mark.django_db
CLIP = Clip(UUID(int=7), UUID(int=8), "Goal", 10_000, 400)


@pytest.fixture
def actor(studio, director):
    return studio.actor(director)


@pytest.fixture
def later():
    """`with later(3):` three seconds after the beginning, however long the test takes."""
    start = clock.now()
    return lambda seconds: clock.frozen(start + timedelta(seconds=seconds))


def refused(call) -> str:
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value.code


def test_an_empty_channel_has_nothing_to_play_or_show(studio, actor):
    assert refused(lambda: replay_channel.resume(actor=actor)) == "replay_empty"
    assert refused(lambda: replay_channel.pause(actor=actor)) == "replay_empty"
    assert refused(lambda: replay_channel.stop(actor=actor)) == "replay_empty"
    assert refused(lambda: switching.preview(actor=actor, source="replay")) == "replay_empty"
    assert replay_channel.loaded_clip() is None
    assert studio.state()["replay"] == {"state": "empty", "clip": None, "positionMs": 0, "startedAt": None, "endsAt": None, "rate": 1.0}


def test_what_may_be_done_follows_what_the_channel_holds(director, actor):
    def enabled() -> set[str]:
        told = director.client.get("/control-room/actions").json()["data"]["actions"]
        return {name for name in ("replayPlay", "replayPause", "replayStop") if told[name]["enabled"]}

    assert enabled() == {"replayPlay"}
    assert director.client.get("/control-room/actions").json()["data"]["actions"]["replayStop"]["code"] == "replay_empty"
    replay_channel.load_and_play(actor=actor, clip=CLIP)
    assert enabled() == {"replayPlay", "replayPause", "replayStop"}
    replay_channel.stop(actor=actor)
    assert enabled() == {"replayPlay"}


def test_a_source_of_any_length_is_absent(director):
    for path in ("/control-room/preview", "/control-room/cut"):
        reply = director.client.post(path, {"source": "session:" + "a" * 400})
        assert (reply.status_code, reply.json()["code"]) == (404, "reference_not_found"), path
    reply = director.client.post("/control-room/take", {"expect": "x" * 400})
    assert (reply.status_code, reply.json()["code"]) == (409, "preview_changed")


def test_play_pause_seek_speed_and_stop(studio, actor):
    with clock.frozen(clock.now()):
        start = clock.now()
        shown = replay_channel.load_and_play(actor=actor, clip=CLIP, rate=1.0)["replay"]
        assert shown["state"] == "playing" and shown["ends_at"] - shown["started_at"] == timedelta(seconds=10)
        assert replay_channel.loaded_clip() == CLIP.id
        slow = replay_channel.resume(actor=actor, rate=0.5)["replay"]
        assert slow["ends_at"] - slow["started_at"] == timedelta(seconds=20)
        seq = replay_channel.resume(actor=actor)["seq"]
        assert seq == replay_channel.resume(actor=actor, rate=0.5)["seq"]  # as it was: nothing to tell
    with clock.frozen(start + timedelta(seconds=4)):
        paused = replay_channel.pause(actor=actor)["replay"]
        assert paused["state"] == "paused" and 1999 <= paused["position_ms"] <= 2001 and paused["ends_at"] is None
        assert refused(lambda: replay_channel.resume(actor=actor, from_ms=10_000)) == "clip_out_of_range"
        again = replay_channel.resume(actor=actor, rate=1.0, from_ms=9_000)["replay"]
        assert again["ends_at"] - again["started_at"] == timedelta(seconds=1)
    stopped = replay_channel.stop(actor=actor)["replay"]
    assert stopped["state"] == "empty" and stopped["clip"] is None and replay_channel.loaded_clip() is None


def test_cut_to_replay_restarts_it_and_its_end_returns_to_the_session(studio, actor, later):
    bridge = studio.camera()
    switching.cut(actor=actor, source=on(bridge))
    with later(1):
        replay_channel.load_and_play(actor=actor, clip=CLIP, rate=0.5, from_ms=5_000)
    with later(3):
        shown = switching.cut(actor=actor, source="replay")["program"]
        assert shown["return_to"] == on(bridge)
        assert studio.state()["replay"]["positionMs"] == 0 and studio.state()["replay"]["state"] == "playing"
    with later(3 + 19):
        tick.run()
        assert studio.state()["program"]["source"] == "replay"
    with later(3 + 21):
        tick.run()
        state = studio.state()
        assert state["program"]["source"] == on(bridge) and state["program"]["reason"] == "replay_ended"
        assert state["program"]["by"]["kind"] == "system" and state["replay"]["state"] == "ended"
        bridge.refresh_from_db()
        assert bridge.tally == "program"
        assert tick.run() == {}


def test_a_stopped_replay_leaves_both_buses(studio, actor):
    replay_channel.load_and_play(actor=actor, clip=CLIP, rate=1.0)
    switching.preview(actor=actor, source="replay")
    switching.cut(actor=actor, source="replay")
    replay_channel.stop(actor=actor)
    state = studio.state()
    assert (state["program"]["source"], state["preview"]["source"]) == ("slate", "slate")
    assert state["preview"]["reason"] == "replay_ended" and state["program"]["returnTo"] is None
    told = list(ControlRoomEvent.objects.order_by("seq").values_list("seq", flat=True))
    assert told == list(range(1, len(told) + 1))


def test_the_session_it_would_return_to_is_gone(studio, actor, later):
    from sessions.field import services
    from sessions.field.states import Side

    bridge = studio.camera()
    switching.cut(actor=actor, source=on(bridge))
    replay_channel.load_and_play(actor=actor, clip=CLIP, rate=1.0)
    switching.cut(actor=actor, source="replay")
    services.end(actor=actor, session_id=bridge.pk, side=Side.CONSUMER)
    assert studio.state()["program"]["returnTo"] is None
    with later(600):
        tick.run()
        assert studio.state()["program"]["source"] == "slate"
