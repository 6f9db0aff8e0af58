"""Who watches by the program link is sent away with the source that left program: over the real server, HTTP and WebRTC (04 §14, 30)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from config.kernel import clock
from sessions.control_room import tick
from sessions.control_room.consumers import ProgramConsumer
from sessions.field.models import FieldSession
from sessions.media import admission, provider, services
from sessions.media.edge import database
from tests.realtime.client import Socket
from tests.sessions.control_room.conftest import Studio, on
from tests.sessions.media.peers import SDP, Receiving, Sending

ASKED = admission.publisher, admission.viewer


@pytest.fixture
def installed(db, edge, monkeypatch, settings):
    """The edge is the installation's, and asks its database who may come in: by threads of its own, whose connections end with this test."""
    threads = ThreadPoolExecutor(2)
    monkeypatch.setattr(database, "_THREADS", threads)
    monkeypatch.setattr(admission, "publisher", ASKED[0])
    monkeypatch.setattr(admission, "viewer", ASKED[1])
    settings.MEDIA_PROVIDER, settings.MEDIA_CONTROL_URL, settings.MEDIA_PUBLIC_URL = "embedded", edge.url, edge.url
    provider.reset()
    yield edge
    provider.reset()
    all_there = Barrier(2)

    def close():
        all_there.wait(10)
        connections.close_all()

    for closing in [threads.submit(close) for _ in range(2)]:
        closing.result(20)
    threads.shutdown()


async def until(condition, seconds=15):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def refused(edge, url: str, offer: str):
    reply = edge.http.post(url, content=offer, headers=SDP)
    return reply.status_code, reply.json()["code"]


@pytest.mark.django_db(transaction=True)
async def test_the_old_sources_viewers_are_gone_six_seconds_after_the_cut_and_so_are_their_urls(installed, api):
    off_loop = sync_to_async

    def prepared():
        studio = Studio(api)
        director = studio.join(name="Alice")
        token = director.client.post("/control-room/program-link/rotate", {}).json()["data"]["token"]
        bridge, quay = studio.camera(state="ASSIGNED"), studio.camera("Quay", state="ASSIGNED")
        urls = [services.open_input(session).whip_url for session in (bridge, quay)]
        FieldSession.objects.update(state="LIVE", started_at=clock.now())
        return director, token, bridge, quay, urls[0], services.viewer_access(bridge, studio.workspace).whep_url

    def cut_to(session, at):
        with clock.frozen(at):
            reply = director.client.post("/control-room/cut", {"source": on(session)})
            assert reply.status_code == 200, reply.content

    def later(at):
        with clock.frozen(at):
            tick.run()

    director, token, bridge, quay, whip_url, own_url = await off_loop(prepared)()
    start = clock.now()
    phone, watcher, member = Sending(sound=False), Receiving(sound=False), Receiving(sound=False)
    assert (await phone.post(whip_url)).status_code == 201
    await phone.connected()
    await until(lambda: installed.told.heard)
    await off_loop(cut_to)(bridge, start)
    async with Socket(consumer=ProgramConsumer) as page:
        await page.say(token=token)
        old_url = (await page.hear())["data"]["media"]["url"]
        assert old_url.startswith(f"{installed.url}/whep/tr_edge_")
        for peer, url in ((watcher, old_url), (member, own_url)):
            assert (await peer.post(url)).status_code == 201
            await peer.connected()
        await off_loop(cut_to)(quay, start + timedelta(seconds=1))
        assert (await page.hear())["data"]["media"]["url"].startswith(f"{installed.url}/whep/tr_edge_")
    await off_loop(later)(start + timedelta(seconds=5.9))
    assert watcher.pc.connectionState == "connected", "five seconds to change over"
    # The second hand's next round: six seconds after the cut.
    await off_loop(later)(start + timedelta(seconds=7))
    await until(lambda: watcher.pc.connectionState == "closed", 2)
    offer = await Receiving(sound=False).offer()
    assert await asyncio.to_thread(refused, installed, old_url, offer) == (404, "not_found")
    assert (await asyncio.to_thread(installed.http.delete, watcher.location)).status_code == 404
    assert member.pc.connectionState == "connected", "who watches the session itself stays"
    await off_loop(cut_to)(bridge, start + timedelta(seconds=8))
    assert await asyncio.to_thread(refused, installed, old_url, offer) == (404, "not_found"), "also when it is on program again"
    for peer in (phone, watcher, member):
        await peer.close()
    await off_loop(connections.close_all)()
