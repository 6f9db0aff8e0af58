"""The topic `control-room`: snapshot, gapless changes, replay, and presence by being there (04 §4)."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async

from config.kernel import clock
from operators.console import state
from operators.console.models import ConsoleOperator, ControlRoomEvent
from tests.operators.console.conftest import Room
from tests.realtime.client import Socket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def director(api):
    return Room(api).join(name="Alice")


async def test_a_snapshot_then_changes_with_who_did_it(director):
    async with Socket(director.token) as socket:
        await socket.say(type="subscribe", topic="control-room")
        snapshot = await socket.hear()
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", 1) and snapshot["data"]["operators"][0]["name"] == "Alice"
        await sync_to_async(director.lock)("audio")
        change = await socket.hear()
        assert (change["type"], change["topic"], change["seq"], change["event"]) == ("change", "control-room", 2, "lock.acquired")
        assert change["by"] == {"kind": "console_operator", "id": director.id, "name": "Alice"}
        assert change["data"]["lock"]["holder"]["id"] == director.id and change["at"].endswith("Z")


async def test_who_missed_changes_gets_them_and_who_missed_too_many_a_snapshot(director):
    for subsystem in ("audio", "graphics", "output"):
        await sync_to_async(director.lock)(subsystem)
    async with Socket(director.token) as socket:
        await socket.say(type="subscribe", topic="control-room", after=1)
        assert [(await socket.hear())["seq"] for _ in range(3)] == [2, 3, 4]
    async with Socket(director.token) as socket:
        await socket.say(type="subscribe", topic="control-room", after=99)
        assert (await socket.hear())["type"] == "snapshot"
    await sync_to_async(ControlRoomEvent.objects.update)(at=clock.now() - timedelta(hours=25))
    async with Socket(director.token) as socket:
        await socket.say(type="subscribe", topic="control-room", after=1)
        assert (await socket.hear())["type"] == "snapshot"


async def test_following_the_room_is_being_there(director):
    long_ago = clock.now() - timedelta(seconds=50)
    await sync_to_async(ConsoleOperator.objects.update)(last_seen=long_ago)
    async with Socket(director.token) as socket:
        await socket.follow("control-room")
        for _ in range(100):
            if (await sync_to_async(ConsoleOperator.objects.get)()).last_seen > long_ago:
                break
            await sync_to_async(__import__("time").sleep)(0.02)
        assert (await sync_to_async(ConsoleOperator.objects.get)()).last_seen > long_ago


async def test_a_deleted_operators_socket_ends(director, api):
    other = await sync_to_async(Room(api).join)("audio")
    async with Socket(other.token) as socket:
        await socket.follow("control-room")
        await sync_to_async(director.client.delete)(f"/operator/{other.id}")
        heard = [await socket.hear(6) for _ in range(2)]
        while heard[-1]["type"] == "change":
            heard.append(await socket.hear(6))
        assert ("unsubscribed", "credential_revoked") in [(message["type"], message.get("code")) for message in heard]


def test_rest_and_snapshot_say_the_same(director, alice, api):
    shown = api(alice).get("/control-room/state").json()["data"]
    assert shown["seq"] == state.state()["seq"] and [row["id"] for row in shown["operators"]] == [director.id]
