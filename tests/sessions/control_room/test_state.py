"""ControlRoomState and its events: what a client folds is what the server shows (04 §4, acceptance 31)."""

import random
from datetime import timedelta
from uuid import UUID

import pytest

from config.kernel import clock
from config.kernel.access import ports
from config.kernel.errors import ApiError
from operators.console import locks
from operators.console.models import ConsoleOperator, ControlRoom, ControlRoomEvent
from sessions.control_room import replay_channel, services, tick
from sessions.field import services as field_sessions
from sessions.field.models import FieldSession
from sessions.field.states import Side
from tests.operators.console.conftest import code
from tests.sessions.control_room.conftest import on

pytestmark = pytest.mark.django_db
WHOLE = {
    "slate.changed": "slate",
    "lowerThird.changed": "lowerThird",
    "captions.changed": "captions",
    "replay.changed": "replay",
    "programLink.changed": "programLink",
}


def fold(state: dict, event: ControlRoomEvent) -> None:
    """A client: it drops what is old, and replaces, never merges."""
    assert event.seq == state["seq"] + 1, "a gap"
    state["seq"] = event.seq
    state["lastChangedBy"] = {"kind": event.actor_kind, "id": event.actor_id, "name": event.actor_name}
    data, rows = event.data, {row["source"]: row for row in state["sources"]}
    match event.event:
        case "program.changed" | "preview.changed":
            state |= {bus: data[bus] for bus in ("program", "preview") if bus in data}
            rows |= {row["source"]: row for row in data["sources"]}
        case "source.changed":
            rows[data["source"]["source"]] = data["source"]
        case "source.removed":
            rows.pop(data["source"], None)
        case "lock.acquired":
            state["locks"][data["subsystem"]] = data["lock"]
        case "lock.released":
            state["locks"].pop(data["subsystem"])
        case "command.made":
            pass
        case name:
            state[WHOLE[name]] = data[WHOLE[name]]
    state["sources"] = list(rows.values())


def test_five_hundred_random_commands_folded_are_the_snapshot(studio, director):
    from operators.console import state as server

    dice, start = random.Random(4), clock.now()
    actor, me = studio.actor(director), ConsoleOperator.objects.get(public_id=director.id)
    cameras = [studio.camera(f"Camera {number}") for number in range(4)]
    clips = [replay_channel.Clip(UUID(int=number), cameras[0].pk, f"Clip {number}", 3000 * number, 0) for number in (1, 2)]
    sources = ["slate", "replay", "session:x", *map(on, cameras)]

    def shown() -> dict:
        from config.kernel import wire
        from config.kernel.names import camelized

        return wire.loads(wire.dumps(camelized(server.state())))

    def lock_or_free():
        held = dice.choice(["audio", "switching", "graphics"])
        if held in locks.of_operator(me):
            locks.release(actor=actor, operator=me, subsystem=held)
        else:
            locks.acquire(actor=actor, operator=me, subsystem=held)

    commands = [
        lambda: services.preview(actor=actor, source=dice.choice(sources)),
        lambda: services.cut(actor=actor, source=dice.choice([*sources, None])),
        lambda: services.take(actor=actor, expect=dice.choice([None, None, "slate"])),
        lambda: services.set_gain(actor=actor, source=dice.choice(sources), gain_db=dice.randint(-600, 120) / 10),
        lambda: services.set_mute(actor=actor, source=dice.choice(sources), muted=dice.random() < 0.5),
        lambda: services.edit_lower_third(actor=actor, title=f"Title {dice.randint(1, 3)}"),
        lambda: services.show_lower_third(actor=actor, duration_seconds=dice.choice([None, 2])),
        lambda: services.hide_lower_third(actor=actor),
        lambda: services.edit_slate(actor=actor, title=f"Slate {dice.randint(1, 3)}"),
        lambda: services.post_caption(actor=actor, text=f"Line {dice.randint(1, 99)}"),
        lambda: services.clear_captions(actor=actor),
        lambda: replay_channel.load_and_play(actor=actor, clip=dice.choice(clips), rate=dice.choice([0.25, 0.5, 1])),
        lambda: replay_channel.resume(actor=actor, rate=dice.choice([None, 0.5]), from_ms=dice.choice([None, 500, 99_999])),
        lambda: replay_channel.pause(actor=actor),
        lambda: replay_channel.stop(actor=actor),
        tick.run,
        lock_or_free,
    ]
    known, before, done, failed = shown(), ControlRoom.objects.get().seq, 0, 0
    for number in range(500):
        with clock.frozen(start + timedelta(seconds=number * 0.05)):
            seq = ControlRoom.objects.get().seq if number % 25 == 0 else None
            try:
                if number in (150, 300):
                    field_sessions.end(actor=actor, session_id=cameras[number // 150].pk, side=Side.CONSUMER)
                else:
                    dice.choice(commands)()
                done += 1
            except ApiError:
                failed += 1
                assert seq is None or ControlRoom.objects.get().seq == seq, "a failed command used a number"
    assert done > 250 and failed > 30
    for event in ControlRoomEvent.objects.filter(seq__gt=before).order_by("seq"):
        fold(known, event)
    with clock.frozen(start + timedelta(seconds=25)):
        wanted = shown()
    # A session of which nobody was told yet is no surprise: the next tick tells.
    for state in (known, wanted):
        state.pop("at")
        state["sources"] = sorted(state["sources"], key=lambda row: row["source"])
        for row in state["operators"]:
            row.pop("lastSeenAt")
            row.pop("connected")
    assert known == wanted
    for camera in FieldSession.objects.filter(state="LIVE"):
        tally = {row["source"]: row["tally"] for row in wanted["sources"]}[on(camera)]
        assert camera.tally == tally


def test_who_reads_it_and_what_it_holds(studio, director):
    bridge = studio.camera()
    shown = studio.state()
    assert list(shown["sources"][2]) == ["source", "label", "signal", "since", "tally", "gainDb", "muted"]
    assert shown["sources"][2]["source"] == on(bridge) and shown["program"]["reason"] == "initial" and shown["program"]["by"]["kind"] == "system"
    assert shown["program"]["since"] and shown["programLink"] == {"enabled": False, "generation": 0}
    assert code(studio.api(studio.user("auditor")).get("/control-room/state")) == (403, "permission_denied")


def test_the_actions_say_what_the_guards_say(studio, director):
    viewer, captioner = studio.join("viewer"), studio.join("captioner")
    of = lambda who: who.client.get("/control-room/actions").json()["data"]["actions"]  # noqa: E731
    # What needs a clip in the replay channel finds none.
    assert {name for name, action in of(director).items() if not action["enabled"]} == {"replayPause", "replayStop"}
    assert of(director)["cut"]["href"] == "/api/v1/control-room/cut"
    assert not any(action["enabled"] for action in of(viewer).values())
    assert of(captioner)["caption"]["enabled"] and of(captioner)["cut"]["code"] == "role_not_permitted"
    captioner.lock("captions")
    assert of(director)["caption"]["code"] == "subsystem_locked"


def test_the_guard_is_asked_again_under_the_rooms_row(studio, director, monkeypatch):
    """Who gets the lock between the door and the desk is not overrun."""
    other = studio.join(name="Eve")
    director.lock("switching")
    monkeypatch.setattr(ports, "check_lock", lambda *_: None)
    assert code(other.client.post("/control-room/cut", {"source": "slate"})) == (409, "subsystem_locked")
