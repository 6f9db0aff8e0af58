"""Locks, silence, hand-overs and the guard on real commands (04 §2, acceptance 13–24)."""

from datetime import timedelta

import pytest

from config.kernel import clock
from config.kernel.access import Subsystem
from operators.access.models import Role
from operators.console import presence
from operators.console.models import ControlRoom, ControlRoomEvent, SubsystemLock
from operators.console.states import COMMANDS, ProductionRole
from recordings.library.models import Recording
from tests.factories.nodes import make_node
from tests.operators.console.conftest import code, field_codes

pytestmark = pytest.mark.django_db


def later(seconds):
    return clock.frozen(clock.now() + timedelta(seconds=seconds))


def events(*names):
    return list(ControlRoomEvent.objects.filter(event__in=names).order_by("seq").values_list("event", flat=True))


@pytest.mark.parametrize("role", ProductionRole.values)
def test_each_role_locks_what_it_commands_and_nothing_else(room, role):
    someone = room.join(role)
    for subsystem in Subsystem:
        wanted = 200 if subsystem in COMMANDS[role] else 403
        reply = someone.lock(subsystem.value)
        assert reply.status_code == wanted, (role, subsystem)
        if wanted == 403:
            assert reply.json()["code"] == "role_not_permitted"
            assert reply.json()["data"] == {"permission": "control-room:operate", "role": role, "subsystem": subsystem.value}


def test_bad_asks(room):
    viewer = room.join("viewer")
    for reply in (viewer.lock("nope"), viewer.client.post("/operator/lock", {}), viewer.client.post("/operator/lock", data=b"{")):
        assert reply.status_code == 400
    assert field_codes(viewer.lock("nope")) == {"subsystem_invalid"}
    assert room.api().post("/operator/lock", {"subsystem": "audio"}).status_code == 401
    assert code(room.api(room.user()).post("/operator/lock", {"subsystem": "audio"})) == (403, "operator_required")


def test_a_held_lock_names_its_holder_and_again_changes_nothing(room):
    audio, director = room.join("audio"), room.join()
    first = audio.lock("audio", reason="sound check").json()["data"]
    seq = ControlRoom.objects.get().seq
    refused = director.lock("audio")
    assert code(refused) == (409, "subsystem_locked") and refused.json()["transient"]
    assert refused.json()["data"] == {"subsystem": "audio", "holder": {"id": audio.id, "name": audio.name}, "acquiredAt": first["acquiredAt"]}
    assert audio.lock("audio").json()["data"] == first
    assert ControlRoom.objects.get().seq == seq


def test_silence_for_a_minute_loses_the_lock_without_any_sweep(room):
    a, b = room.join("audio"), room.join("audio")
    a.lock("audio")
    with later(59):
        assert b.heartbeat().status_code == 200
        assert b.lock("audio").status_code == 409
    with later(60):
        assert b.heartbeat().json()["data"]["revived"] is False
        assert b.lock("audio").status_code == 200
        assert a.heartbeat().json()["data"] == {"ok": True, "revived": True, "locks": [], "heartbeatSeconds": 10}
        refused = a.lock("audio")
        assert code(refused) == (409, "subsystem_locked") and refused.json()["data"]["holder"]["id"] == b.id


def test_a_revived_operator_has_lost_what_nobody_took(room):
    a = room.join("audio")
    a.lock("audio")
    with later(61):
        assert a.heartbeat().json()["data"]["locks"] == []
        assert not SubsystemLock.objects.exists()


def test_the_sweep_tells_once_of_who_is_gone(room):
    a = room.join("audio")
    a.lock("audio")
    with later(76):
        assert presence.sweep()["gone"] == 1 and presence.sweep()["gone"] == 0
        assert events("operator.disconnected", "lock.released") == ["lock.released", "operator.disconnected"]
        assert ControlRoomEvent.objects.get(event="lock.released").data["cause"] == "stale"
        assert code(a.lock("audio")) == (404, "operator_not_connected")
        assert a.heartbeat().json()["data"]["revived"] is True
        assert a.lock("audio").status_code == 200
        assert events("operator.connected") == ["operator.connected"]


def test_unlock_and_force(room):
    director, audio = room.join(), room.join("audio")
    assert code(director.unlock("audio")) == (400, "not_locked")
    audio.lock("audio")
    assert code(director.unlock("audio")) == (400, "lock_not_owned")
    force = lambda who: who.client.post("/operator/force-unlock", {"subsystem": "audio"})  # noqa: E731
    assert code(force(audio)) == (403, "director_required")
    assert audio.unlock("audio").json()["data"] == {"ok": True}
    assert code(force(audio)) == (403, "director_required") and code(force(director)) == (400, "not_locked")
    audio.lock("audio")
    assert force(director).status_code == 200
    assert not SubsystemLock.objects.exists()
    assert ControlRoomEvent.objects.latest("seq").data["cause"] == "forced"


def test_a_lock_is_handed_over_when_its_holder_yields(room):
    a, b, viewer = room.join("audio"), room.join("audio"), room.join("viewer")
    ask = lambda who: who.client.post("/operator/handovers", {"subsystem": "audio", "note": "mix check"})  # noqa: E731
    assert code(ask(b)) == (400, "not_locked")
    a.lock("audio")
    assert code(ask(a)) == (409, "already_holder") and code(ask(viewer)) == (403, "role_not_permitted")
    made = ask(b)
    assert made.status_code == 201
    shown = made.json()["data"]
    assert shown["from"] == {"id": a.id, "name": a.name} and shown["to"] == {"id": b.id, "name": b.name} and shown["note"] == "mix check"
    assert code(ask(room.join())) == (409, "handover_pending")
    path = f"/operator/handovers/{shown['id']}"
    assert code(b.client.post(f"{path}/yield")) == (400, "lock_not_owned")
    assert a.client.post(f"{path}/yield").json()["data"]["outcome"] == "yielded"
    assert SubsystemLock.objects.get().operator.public_id == b.id
    assert code(a.client.post(f"{path}/yield")) == (409, "handover_closed")


def test_who_was_silent_for_a_minute_has_nothing_to_hand_over(room):
    a, b = room.join("audio"), room.join("audio")
    a.lock("audio")
    with later(45):
        b.heartbeat()
        asked = b.client.post("/operator/handovers", {"subsystem": "audio"}).json()["data"]["id"]
    with later(65):
        assert code(a.client.post(f"/operator/handovers/{asked}/yield")) == (409, "handover_closed")
        assert b.lock("audio").status_code == 200
    assert ControlRoomEvent.objects.filter(event="handover.closed").last().data["outcome"] == "void"


def test_silence_refusal_and_withdrawal_leave_the_lock_where_it_is(room):
    a, b = room.join("audio"), room.join("audio")
    a.lock("audio")
    ask = lambda: b.client.post("/operator/handovers", {"subsystem": "audio"}).json()["data"]["id"]  # noqa: E731
    late = ask()
    with later(31):
        assert code(a.client.post(f"/operator/handovers/{late}/yield")) == (409, "handover_closed")
        refused = ask()
        assert a.client.post(f"/operator/handovers/{refused}/refuse").json()["data"]["outcome"] == "refused"
        taken_back = ask()
        assert code(a.client.delete(f"/operator/handovers/{taken_back}")) == (403, "not_self_or_director")
        assert b.client.delete(f"/operator/handovers/{taken_back}").status_code == 204
        void = ask()
        a.unlock("audio")
        assert code(a.client.post(f"/operator/handovers/{void}/yield"))[1] in ("handover_closed", "lock_not_owned")
    outcomes = [event.data["outcome"] for event in ControlRoomEvent.objects.filter(event="handover.closed").order_by("seq")]
    assert outcomes == ["expired", "refused", "withdrawn", "void"]


def test_a_held_output_binds_everyone_who_starts_a_recording(room, api):
    node = make_node()
    holder, other, operator = room.join(), room.join(), room.user(Role.OPERATOR)
    start = lambda client: client.post("/recordings", {"nodeId": str(node.pk), "durationSeconds": 60})  # noqa: E731
    holder.lock("output")
    refused = start(room.api(operator))
    assert code(refused) == (409, "subsystem_locked") and refused.json()["data"]["holder"]["id"] == holder.id
    assert code(start(room.api(room.user(Role.VIEWER)))) == (403, "permission_denied")
    assert code(start(other.client)) == (409, "subsystem_locked")
    assert code(start(room.join("viewer").client)) == (403, "role_not_permitted")
    assert code(room.api(operator).post("/recordings", data=b"x")) == (409, "subsystem_locked")
    assert not Recording.objects.exists()
    assert start(holder.client).status_code == 202
    made = ControlRoomEvent.objects.get(event="command.made")
    assert made.data["subsystem"] == "output" and made.data["action"] == "create" and made.actor_id == holder.id
    holder.unlock("output")
    assert start(room.api(operator)).status_code in (202, 409)  # 409 only for the capacity of one


def test_a_refused_command_stands_in_no_history(room):
    director = room.join()
    seq = ControlRoom.objects.get().seq
    assert director.client.post("/recordings", {"nodeId": "0196c8a1-7b00-7000-8000-000000000001", "durationSeconds": 60}).status_code == 404
    assert ControlRoom.objects.get().seq == seq


def test_a_guest_reads_production_and_nothing_else(room, api):
    node = make_node()
    guest = room.guest("audio", room.join())
    assert [row["id"] for row in guest.client.get("/nodes").json()["data"]] == [str(node.pk)]
    for path in ("/recordings", "/health-events", "/control-room/state", "/operator/list"):
        assert guest.client.get(path).status_code == 200, path
    for path in ("/audit-events", "/auth/users", "/nodes/export", "/recordings/export", "/workspaces"):
        assert code(guest.client.get(path)) == (401, "credential_not_accepted"), path
    assert code(guest.client.patch(f"/nodes/{node.pk}", {"alias": "x"})) == (401, "credential_not_accepted")


def test_the_reach_of_the_room_can_be_narrowed(room):
    near, far = make_node(), make_node()
    guest = room.guest("viewer", room.join())
    ControlRoom.objects.update(sites=[near.site_id])
    assert [row["id"] for row in guest.client.get("/nodes").json()["data"]] == [str(near.pk)]
    assert guest.client.get(f"/nodes/{far.pk}").status_code == 404 and guest.client.get(f"/nodes/{near.pk}").status_code == 200


def test_a_role_is_worth_what_it_was_picked_with(room):
    user = room.user(Role.OPERATOR)
    someone = room.someone(room.register(user, name="A", role="audio"))
    someone.lock("audio")
    user.role_rows.all().delete()
    assert presence.sweep()["lost"] == 1
    assert ControlRoomEvent.objects.latest("seq").data["cause"] == "permission_lost"
    refused = someone.lock("audio")
    assert code(refused) == (403, "permission_denied") and refused.json()["data"]["permission"] == "control-room:operate"


def test_the_party_line_keeps_its_contract_until_it_is_built(room):
    viewer = room.join("viewer")
    assert code(viewer.client.post("/comms/join")) == (503, "comms_unavailable")
    assert viewer.client.post("/comms/join").json()["transient"] is False
    assert code(viewer.client.post("/comms/join", {"operatorId": viewer.id})) == (400, "unknown_parameter")
    assert code(room.api().post("/comms/join")) == (401, "not_authenticated")
    assert code(viewer.client.get("/comms/status")) == (503, "comms_unavailable")


def test_the_history_lists_filters_and_exports(room):
    director = room.join()
    director.lock("audio")
    reader = room.api(room.user(Role.VIEWER))
    rows = reader.get("/control-room/events?type=lock.acquired").json()["data"]
    assert [row["event"] for row in rows] == ["lock.acquired"] and rows[0]["by"]["id"] == director.id
    assert reader.get(f"/control-room/events?actor={director.id}&from=2020-01-01T00:00:00Z").json()["data"]
    assert reader.get("/control-room/events/facets").status_code == 200
    exported = reader.get("/control-room/events/export?format=csv")
    assert exported.status_code == 200 and b"lock.acquired" in b"".join(exported.streaming_content)
    exported = director.client.get("/control-room/events/export?format=csv")
    assert exported.status_code == 200 and b"lock.acquired" in b"".join(exported.streaming_content)
    assert director.client.post("/control-room/events/export", {"ids": [rows[0]["id"]]}).status_code == 200
    assert code(room.api(room.user(Role.AUDITOR)).get("/control-room/events")) == (403, "permission_denied")


def test_the_state_holds_people_and_locks_and_no_secret(room):
    director = room.join(name="Alice")
    director.lock("audio", reason="sound check")
    shown = room.api(room.user(Role.VIEWER)).get("/control-room/state").json()["data"]
    assert shown["seq"] == ControlRoom.objects.get().seq and shown["lastChangedBy"]["name"] == "Alice"
    assert shown["locks"]["audio"]["holder"] == {"id": director.id, "name": "Alice"} and shown["locks"]["audio"]["reason"] == "sound check"
    assert shown["operators"][0]["connected"] and shown["comms"] is None
    assert director.token not in str(shown)
    assert code(room.api(room.user(Role.AUDITOR)).get("/control-room/state")) == (403, "permission_denied")
    assert code(room.api().get("/control-room/state")) == (401, "not_authenticated")
