"""`/ws/node` in, `meters:<id>` and SSE out, over the real broker."""

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.db import connections
from django.test import AsyncClient

from config.kernel import broker
from config.kernel.live.consumer import LiveConsumer
from nodes.fleet import credentials, hints
from nodes.fleet.models import Interface
from nodes.meters import events, wire
from nodes.meters.consumers import NodeConsumer
from tests.cast import token_of
from tests.factories.nodes import issue_token, make_node

pytestmark = pytest.mark.django_db(transaction=True)


def binary(interface, seq=1, kind=wire.FEATURES, rms=-20.0) -> bytes:
    from nodes.meters import ring

    level = wire.ChannelLevel(channel_index=1, rms_dbfs=rms, peak_dbfs=rms)
    period = 100 if kind == wire.LEVELS else 1000
    return wire.encode(
        wire.MeterFrame(interface_id=interface.pk, seq=seq, captured_at_us=ring.now_us(), period_ms=period, levels=(level,), kind=kind)
    )


@pytest.fixture(autouse=True)
async def _threads_let_go_of_the_database():
    yield
    await sync_to_async(connections.close_all)()


class NodeSocket:
    def __init__(self, token: str = "", **headers):
        pairs = [(b"authorization", f"Bearer {token}".encode())] if token else []
        self.wire = WebsocketCommunicator(
            NodeConsumer.as_asgi(), "/ws/node", headers=[*pairs, *((name.encode(), value.encode()) for name, value in headers.items())]
        )

    async def __aenter__(self):
        assert (await self.wire.connect(timeout=5))[0]
        return self.wire

    async def __aexit__(self, *_):
        await self.wire.disconnect()


async def caller(user):
    """GET as that user, over ASGI."""
    token = await sync_to_async(token_of)(user)
    return lambda path: AsyncClient().get(path, headers={"Authorization": f"Bearer {token}", "Accept": "text/event-stream"})


async def gone(stream) -> None:
    """What the server does when the client has left: it cancels the request while it waits for the next chunk."""
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def closing(socket) -> tuple[str, int]:
    """(code of the error message, close code)."""
    said = json.loads(await socket.receive_from(timeout=5))
    while said["type"] == "hints":
        said = json.loads(await socket.receive_from(timeout=5))
    closed = await socket.receive_output(timeout=5)
    assert closed["type"] == "websocket.close"
    return said["code"], closed["code"]


@pytest.fixture
def world(alice):
    """(node, its interface, its token)."""
    node = make_node(channels=1)
    return node, node.interfaces.get(), issue_token(node)


async def test_only_a_node_without_a_browser_gets_in(world, alice):
    _, _, token = world
    refused = [({}, "not_authenticated", 4401), ({"origin": "http://testserver", "token": token}, "permission_denied", 4403)]
    refused.append(({"token": await sync_to_async(token_of)(alice)}, "credential_not_accepted", 4401))
    refused.append(({"token": token[:-1] + ("a" if token[-1] != "a" else "b")}, "credential_invalid", 4401))
    for options, code, number in refused:
        async with NodeSocket(**options) as socket:
            assert await closing(socket) == (code, number)


async def test_frames_reach_a_viewer_who_may_see_them_and_watching_asks_for_more(world, carol):
    node, interface, token = world
    async with NodeSocket(token) as socket:
        first = json.loads(await socket.receive_from(timeout=5))
        assert (first["type"], first["meterPeriodMs"]) == ("hints", 1000)
        await socket.send_to(bytes_data=binary(interface, seq=41))
        await asyncio.sleep(0.3)
        viewer = WebsocketCommunicator(
            LiveConsumer.as_asgi(), "/ws", headers=[(b"authorization", f"Bearer {await sync_to_async(token_of)(carol)}".encode())]
        )
        assert (await viewer.connect(timeout=5))[0]
        await viewer.send_to(text_data=json.dumps({"type": "subscribe", "topic": f"meters:{node.pk}"}))
        snapshot = json.loads(await viewer.receive_from(timeout=5))
        assert snapshot["data"]["frames"][0]["seq"] == 41 and snapshot["data"]["interfaces"][0]["id"] == str(interface.pk)
        assert json.loads(await socket.receive_from(timeout=5))["meterPeriodMs"] == 100, "watching asks the node for ten frames a second"
        await asyncio.sleep(0.3)
        await socket.send_to(bytes_data=binary(interface, seq=7, kind=wire.LEVELS))
        message = await viewer.receive_from(timeout=5)
        assert [wire.decode(frame).seq for frame in events.frames_in(message)] == [7] and len(message) < 200
        await viewer.disconnect()


async def test_a_frame_of_another_nodes_interface_or_none_at_all_closes_the_socket(world):
    _, interface, token = world
    other = await sync_to_async(make_node)()
    foreign = await sync_to_async(other.interfaces.get)()
    for bad in (binary(foreign), binary(interface)[:-1], b"\x07" * 50, b"x" * (512 * 1024 + 1)):
        async with NodeSocket(token) as socket:
            await socket.send_to(bytes_data=bad)
            assert await closing(socket) == ("frame_invalid", 4400)
    async with NodeSocket(token) as socket:
        await socket.send_to(text_data=json.dumps("x" * 65 * 1024))
        assert await closing(socket) == ("frame_invalid", 4400)


async def test_a_newer_socket_takes_the_older_ones_place_and_a_revoked_credential_closes(world):
    node, _, token = world
    async with NodeSocket(token) as older:
        await asyncio.sleep(0.3)
        async with NodeSocket(token) as newer:
            assert (await closing(older))[1] == 4409
            await asyncio.sleep(0.3)
            await sync_to_async(_revoke)(node)
            assert await closing(newer) == ("credential_revoked", 4401)


def _revoke(node):
    from django.db import transaction

    from config.kernel import clock

    with transaction.atomic():
        credentials.revoke_all(credentials.lock(node.pk), clock.now())


async def test_events_start_with_the_newest_and_carry_only_what_is_in_reach(world, carol):
    node, interface, token = world
    other = await sync_to_async(make_node)()
    async with NodeSocket(token) as socket:
        await socket.send_to(bytes_data=binary(interface, seq=3))
        await asyncio.sleep(0.3)
        get = await caller(carol)
        hidden = await get("/api/v1/meter-events?nodeId=01900000-0000-7000-8000-000000000000")
        assert hidden.status_code == 404
        reply = await get(f"/api/v1/meter-events?nodeId={node.pk}&nodeId={other.pk}")
        assert reply.status_code == 200 and reply.headers["Content-Type"] == "text/event-stream"
        stream = aiter(reply.streaming_content)
        assert (await anext(stream)).startswith(b"event: meter\nid: 3\ndata: {")
        await asyncio.sleep(0.3)
        await socket.send_to(bytes_data=binary(interface, seq=4, kind=wire.LEVELS))
        await socket.send_to(bytes_data=binary(interface, seq=5))
        chunk = await asyncio.wait_for(anext(stream), 5)
        assert chunk.startswith(b"event: meter\nid: 5\n") and chunk.count(b"event:") == 1, "rate 1 is one lane: features"
        body = json.loads(chunk.partition(b"data: ")[2])
        assert (body["nodeId"], body["stale"]) == (str(node.pk), False)
        await gone(stream)


def _with_another():
    make_node(channels=1)
    return {row.pk: row for row in Interface.objects.select_related("node").prefetch_related("channels")}


async def test_frames_of_two_nodes_in_one_tick_both_arrive(world, carol):
    interfaces = await sync_to_async(_with_another)()
    feed = events.Feed(carol, events.Chosen(node_ids=(), rate=10), interfaces, None, epoch=None)
    filled = asyncio.Event()
    watches = feed._watches(filled)
    hub = watches[0].hub
    for watch in watches:
        watch.seen = 0
    try:
        for seq in range(1, 6):
            for interface in interfaces.values():
                hub.take(binary(interface, seq=seq, kind=wire.LEVELS))
            hub.push()
            await asyncio.wait_for(filled.wait(), 5)
            await asyncio.sleep(0.02)
            filled.clear()
            assert feed.take(watches).count(b"event: meter") == 2
    finally:
        for watch in watches:
            watch.close()


async def test_a_person_has_eight_streams_and_a_closed_one_is_free_again(world, carol):
    get = await caller(carol)
    open_streams = []
    for _ in range(8):
        reply = await get("/api/v1/meter-events")
        stream = aiter(reply.streaming_content)
        await anext(stream)
        open_streams.append(stream)
    refused = await get("/api/v1/meter-events")
    assert (refused.status_code, refused.json()["data"]) == (429, {"scope": "user", "limit": 8})
    await gone(open_streams.pop())
    reply = await get("/api/v1/meter-events")
    assert reply.status_code == 200
    open_streams.append(aiter(reply.streaming_content))
    for stream in open_streams:
        await gone(stream)


def test_under_wsgi_the_stream_ends_and_is_no_async_one(world, api, carol, monkeypatch):
    monkeypatch.setattr(events, "POLLED_SECONDS", 0.2)
    monkeypatch.setattr(events.time, "sleep", lambda seconds: monkeypatch.setattr(events, "POLLED_SECONDS", 0))
    reply = api(carol).get("/meter-events")
    assert reply.status_code == 200 and not reply.is_async
    from itertools import islice

    assert list(islice(reply.streaming_content, 1)) == [b": still here\n\n"]
    reply.close()


def test_the_grant_lasts_thirty_seconds(world):
    from nodes.meters import hub

    node, _, _ = world
    hub.grant([node.pk])
    assert hints.current(node)["meterPeriodMs"] == 100
    assert 25 < broker.client().ttl(hints.grant_key(node.pk)) <= 30
