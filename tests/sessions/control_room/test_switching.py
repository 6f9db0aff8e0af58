"""Preview, cut, take, tally, and what falls back by itself (04 §3, acceptance 21, 25, 26)."""

from datetime import timedelta

import pytest

from config.kernel import clock
from config.kernel.models import TopicEvent
from operators.console.models import ControlRoomEvent
from sessions.control_room import tick
from sessions.field.models import FieldSession
from tests.factories.sessions import key_token, make_workspace
from tests.factories.users import make_user
from tests.operators.console.conftest import code
from tests.sessions.control_room.conftest import on

pytestmark = pytest.mark.django_db


def last():
    return ControlRoomEvent.objects.latest("seq")


def command(someone, name, **body):
    return someone.client.post(f"/control-room/{name}", body)


def tally(client, session):
    return client.get(f"/sessions/{session.pk}/tally").json()["data"]["tally"]


def test_preview_then_take_then_cut_and_the_light_in_step(studio, director, api):
    bridge, quay = studio.camera("Bridge"), studio.camera("Quay")
    supplier = api(token=key_token(studio.suppliers, "sessions:read", owner=studio.suppliers.members.get().user))
    assert tally(supplier, bridge) == "off"
    made = command(director, "preview", source=on(bridge))
    assert made.status_code == 200 and set(made.json()["data"]) == {"seq", "program", "preview"}
    shown = made.json()["data"]["preview"]
    assert shown["source"] == on(bridge) and shown["by"] == {"kind": "console_operator", "id": director.id, "name": "Alice"}
    assert shown["reason"] == "preview" and tally(supplier, bridge) == "preview"
    assert last().event == "preview.changed"
    taken = command(director, "take").json()["data"]
    assert (taken["program"]["source"], taken["preview"]["source"]) == (on(bridge), "slate") and taken["program"]["reason"] == "take"
    assert tally(supplier, bridge) == "program" and last().event == "program.changed"
    assert {row["source"]: row["tally"] for row in last().data["sources"]} == {"slate": "preview", on(bridge): "program"}
    cut = command(director, "cut", source=on(quay)).json()["data"]
    assert cut["program"]["source"] == on(quay) and cut["preview"]["source"] == "slate"
    assert (tally(supplier, bridge), tally(supplier, quay)) == ("off", "program")
    again = command(director, "cut", source=on(quay)).json()["data"]
    assert again["seq"] == cut["seq"] == last().seq
    command(director, "preview", source=on(bridge))
    assert command(director, "cut").json()["data"]["program"]["source"] == on(bridge)
    stranger = make_workspace(roles=["SUPPLIER"], OWNER=make_user("stranger"))
    token = key_token(stranger, "sessions:read", owner=stranger.members.get().user)
    assert code(api(token=token).get(f"/sessions/{bridge.pk}/tally")) == (404, "not_found")


def test_what_can_not_be_shown(studio, director):
    asked, elsewhere = studio.camera(state="REQUESTED"), studio.camera(workspace=make_workspace(roles=["CONSUMER"], OWNER=make_user("other-owner")))
    seq = last().seq
    assert code(command(director, "preview", source=on(asked))) == (409, "session_not_live")
    for nothing in (on(elsewhere), "session:0196c8a1-7b00-7000-8000-000000000001", "session:x", "camera", f"session:{str(asked.pk).upper()}"):
        refused = command(director, "cut", source=nothing)
        assert code(refused) == (404, "reference_not_found") and refused.json()["data"] == {"path": "source"}, nothing
    assert code(command(director, "preview", source="replay")) == (409, "replay_empty")
    assert command(director, "preview").status_code == 400 and command(director, "cut", sorce="slate").json()["code"] == "unknown_parameter"
    refused = command(director, "take", expect="replay")
    assert code(refused) == (409, "preview_changed") and refused.json()["data"]["preview"]["source"] == "slate"
    assert command(director, "take", expect="slate").status_code == 200
    assert last().seq == seq


def test_a_held_lock_binds_every_other_director(studio, director):
    other, viewer, captioner = studio.join(name="Eve"), studio.join("viewer"), studio.join("captioner")
    bridge = studio.camera()
    director.lock("switching")
    for name in ("cut", "take", "preview", f"sessions/{bridge.pk}/end"):
        assert code(command(other, name)) == (409, "subsystem_locked")
        assert code(other.client.post(f"/control-room/{name}", data=b"x")) == (409, "subsystem_locked")
    assert other.client.head("/control-room/state").status_code == 200
    assert code(command(viewer, "cut", source="slate")) == (403, "role_not_permitted")
    assert code(command(captioner, "cut", source="slate")) == (403, "role_not_permitted")
    assert captioner.client.post("/control-room/captions", {"text": "Hello"}).status_code == 201
    assert code(studio.api().post("/control-room/cut", {"source": "slate"})) == (401, "not_authenticated")
    assert code(studio.api(studio.user()).post("/control-room/cut", {"source": "slate"})) == (403, "operator_required")
    assert command(director, "cut", source=on(bridge)).status_code == 200


def test_program_that_ends_turns_to_slate_in_one_commit(studio, director, api):
    bridge = studio.camera()
    director.lock("switching")
    command(director, "preview", source=on(bridge))
    command(director, "cut", source=on(bridge))
    before = last().seq
    supplier = api(token=key_token(studio.suppliers, "sessions:read", "sessions:operate", owner=studio.suppliers.members.get().user))
    assert supplier.post(f"/sessions/{bridge.pk}/end").status_code == 200
    told = list(ControlRoomEvent.objects.filter(seq__gt=before).order_by("seq"))
    assert [event.event for event in told] == ["program.changed", "source.removed"]
    assert told[0].data["program"]["source"] == told[0].data["preview"]["source"] == "slate" and told[0].actor_kind == "system"
    assert told[0].data["program"]["reason"] == "source_ended" and told[1].data == {"source": on(bridge)}
    assert FieldSession.objects.get(pk=bridge.pk).tally == "off"
    lights = [event.data["tally"] for event in TopicEvent.objects.filter(topic=f"session:{bridge.pk}", event="tally").order_by("seq")]
    assert lights == ["preview", "program", "off"]
    assert on(bridge) not in {row["source"] for row in studio.state()["sources"]}


def test_silence_is_told_after_two_seconds_and_left_after_ten(studio, director):
    bridge, start = studio.camera(), clock.now()
    with clock.frozen(start):
        tick.run()
        command(director, "cut", source=on(bridge))
        FieldSession.objects.filter(pk=bridge.pk).update(media_lost_at=start)

    def at(seconds):
        with clock.frozen(start + timedelta(seconds=seconds)):
            director.heartbeat()
            tick.run()
            state = studio.state()
            return state["program"]["source"], state["program"]["reason"], {row["source"]: row["signal"] for row in state["sources"]}[on(bridge)]

    assert at(1.9) == (on(bridge), "cut", "ok")
    assert at(2) == (on(bridge), "cut", "lost")
    assert at(9) == (on(bridge), "cut", "lost")
    assert at(10) == ("slate", "signal_lost", "lost")
    FieldSession.objects.filter(pk=bridge.pk).update(media_lost_at=None)
    assert at(11) == ("slate", "signal_lost", "ok")
    with clock.frozen(start + timedelta(seconds=12)):
        assert tick.run() == {}


def test_the_verbs_of_a_session_for_its_consumer(studio, director):
    bridge, asked = studio.camera(), studio.camera("Asked", state="REQUESTED")
    hidden = studio.camera("Hidden", workspace=make_workspace(roles=["CONSUMER"], OWNER=make_user("hidden-owner")))
    end = director.client.post(f"/control-room/sessions/{bridge.pk}/end")
    assert end.status_code == 200 and end.json()["data"]["endReason"] == "consumer"
    made = ControlRoomEvent.objects.filter(event="command.made").latest("seq")
    assert made.data == {"subsystem": "switching", "action": "end", "target": {"type": "session", "id": str(bridge.pk), "label": "Bridge"}}
    assert code(director.client.post(f"/control-room/sessions/{bridge.pk}/end")) == (409, "invalid_state")
    assert code(director.client.post(f"/control-room/sessions/{hidden.pk}/end")) == (404, "not_found")
    assert code(director.client.post(f"/control-room/sessions/{asked.pk}/dispatch", {"operatorId": str(asked.pk)})) == (404, "reference_not_found")
    assert director.client.post(f"/control-room/sessions/{asked.pk}/dispatch").json()["data"]["state"] == "ASSIGNED"
    assert director.client.post(f"/control-room/sessions/{asked.pk}/cancel").json()["data"]["state"] == "CANCELLED"
    assert code(studio.join("audio").client.post(f"/control-room/sessions/{asked.pk}/cancel")) == (403, "role_not_permitted")


def test_sources_come_and_go_with_the_reach_of_the_room(studio, director):
    bridge = studio.camera()
    assert [row["source"] for row in studio.state()["sources"]] == ["slate", "replay", on(bridge)]
    assert tick.run()["sources"] == 1 and last().event == "source.changed" and last().data["source"]["label"] == "Bridge"
    command(director, "cut", source=on(bridge))
    where = last().control_room
    where.workspaces = []
    where.save(update_fields=["workspaces"])
    tick.run()
    assert last().event == "source.removed" and studio.state()["program"]["source"] == "slate"
    assert FieldSession.objects.get(pk=bridge.pk).tally == "off"
