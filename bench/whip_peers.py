"""The processes of the row `whip`: `ours FOLDER` or `peer FOLDER` serves WHIP and prints where; `peers FACTS VIEWERS` publishes and watches."""

import asyncio
import json
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django  # noqa: E402

django.setup()
for _quiet in ("aioice", "aiohttp.access"):
    logging.getLogger(_quiet).setLevel(logging.WARNING)


async def ours(folder: str) -> None:
    """The embedded server, letting everybody in."""
    from config.kernel import credentials
    from config.kernel.ids import uuid7
    from sessions.media import admission, tokens
    from sessions.media.edge.server import Server
    from sessions.media.provider import Take

    token, view = tokens.publish("in").token, credentials.mint(tokens.PREFIX).token
    admission.publisher = lambda _: admission.Publishing("in", credentials.digest(token), "bench", Take(uuid7()))
    admission.viewer = lambda _: admission.Viewing("in", "bench")
    server = Server("127.0.0.1", 0)
    await server.start()
    base = f"http://127.0.0.1:{server.port}"
    print(json.dumps({"whip": f"{base}/whip/{token}", "whep": f"{base}/whep/{view}"}), flush=True)
    await asyncio.Event().wait()


async def peer(folder: str) -> None:
    """aiortc as its documentation has it: decode, encode again into a file."""
    from aiohttp import web
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
    from aiortc.contrib.media import MediaRecorder

    from sessions.media.edge import tap

    tap.use_addresses(loopback=True, only=["127.0.0.1"])
    kept = []

    async def whip(request):
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        recorder = MediaRecorder(f"{folder}/peer.mp4")
        connection.on("track", recorder.addTrack)
        await connection.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        await recorder.start()
        kept.append((connection, recorder))
        return web.Response(status=201, text=connection.localDescription.sdp, content_type="application/sdp")

    app = web.Application()
    app.add_routes([web.post("/whip", whip)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(json.dumps({"whip": f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/whip"}), flush=True)
    await asyncio.Event().wait()


async def peers(facts: str, viewers: str) -> None:
    """A phone that sends frames encoded beforehand, and screens that drop what they get."""
    from sessions.media.edge import tap
    from tests.sessions.media.peers import Receiving, Sending, encoded

    tap.use_addresses(loopback=True, only=["127.0.0.1"])
    urls = json.loads(facts)
    phone = Sending("vp8", frames=encoded("vp8", 1280, 720, 60, 60))
    await phone.post(urls["whip"])
    await phone.connected(30)
    await asyncio.sleep(2)
    screens = []
    for _ in range(int(viewers)):
        screen = Receiving()
        screens.append(screen)
        await screen.post(urls["whep"])
        await screen.connected(30)
    print("ready", flush=True)
    while True:
        await asyncio.sleep(1)
        for screen in screens:
            screen.pictures.clear()
            screen.sounds.clear()


if __name__ == "__main__":
    asyncio.run({"ours": ours, "peer": peer, "peers": peers}[sys.argv[1]](*sys.argv[2:]))
