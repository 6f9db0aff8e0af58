"""WHIP and WHEP by the book (RFC 9725 and the WHEP draft), against the embedded server, with peers that are no browsers."""

import asyncio
import re
import time

import av
import pytest

from sessions.media.edge import codecs, negotiation
from tests.sessions.media.edge import OTHER, RECORDING
from tests.sessions.media.peers import SDP, Receiving, Sending, decodes, encoded, read

FRAGMENT = "application/trickle-ice-sdpfrag"


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


async def until(condition, seconds=15):
    async with asyncio.timeout(seconds):
        while not (found := condition()):
            await asyncio.sleep(0.05)
    return found


def offer() -> str:
    async def make():
        peer = Sending()
        text = await peer.offer()
        await peer.close()
        return text

    return run(make())


# --- the HTTP side ---


def test_options_say_what_may_be_posted(edge):
    for path in ("/whip/x", "/whep/x"):
        reply = edge.http.options(path)
        assert reply.status_code == 204
        assert reply.headers["Accept-Post"] == "application/sdp"
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert "Location" in reply.headers["Access-Control-Expose-Headers"]


def test_ice_servers_come_as_links(edge, settings):
    settings.MEDIA_ICE_SERVERS = [
        {"urls": "turn:turn.example.org?transport=udp", "username": "u", "credential": "c"},
        {"urls": "stun:stun.example.org"},
    ]
    links = edge.http.options("/whip/x").headers.get_list("Link")
    assert links == [
        '<turn:turn.example.org?transport=udp>; rel="ice-server"; username="u"; credential="c"; credential-type="password"',
        '<stun:stun.example.org>; rel="ice-server"',
    ]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_endpoint_takes_posts_only(edge, method):
    reply = edge.http.request(method, f"/whip/{edge.publish('a')}", headers={"Content-Type": FRAGMENT})
    assert reply.status_code in {404, 405}
    assert reply.json()["code"] in {"method_not_allowed", "not_found"}


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/json", "{}", 415, "unsupported_media_type"),
        ("application/sdp", "", 400, "validation_failed"),
        ("application/sdp", "hello", 400, "validation_failed"),
        ("application/sdp", "v=0\r\nm=video 9\r\n", 400, "validation_failed"),
        ("application/sdp", "v=0\r\no=- 0 0 IN IP4 0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", 400, "validation_failed"),
        ("application/sdp", "\x00" * 100, 400, "validation_failed"),
        ("application/sdp", "x" * 70_000, 413, "body_too_large"),
    ],
)
def test_a_bad_body_is_refused_in_words(edge, content_type, body, status, code):
    reply = edge.http.post(f"/whip/{edge.publish('a')}", content=body, headers={"Content-Type": content_type})
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.headers["Cache-Control"] == "no-store"


def test_an_offer_that_receives_or_has_two_cameras_is_unusable(edge):
    async def texts():
        receiving, two = Receiving(), Sending()
        two.pc.addTransceiver("video", direction="sendonly")
        found = [await receiving.offer(), await two.offer()]
        await receiving.close()
        await two.close()
        return found

    for text in run(texts()):
        reply = edge.http.post(f"/whip/{edge.publish('a')}", content=text, headers=SDP)
        assert (reply.status_code, reply.json()["code"]) == (422, "offer_unusable")


def test_tokens_open_their_own_door_only(edge):
    text = offer()
    assert edge.http.post("/whip/nonsense", content=text, headers=SDP).status_code == 401
    assert edge.http.post(f"/whip/{edge.view('a')}", content=text, headers=SDP).json()["code"] == "credential_not_accepted"
    assert edge.http.post(f"/whep/{edge.publish('a')}", content=text, headers=SDP).json()["code"] == "credential_not_accepted"
    token = edge.publish("closed")
    edge.closed.add("closed")
    assert edge.http.post(f"/whip/{token}", content=text, headers=SDP).status_code == 404


def test_nobody_to_watch_is_a_conflict_that_passes(edge):
    reply = edge.http.post(f"/whep/{edge.view('a')}", content=offer(), headers=SDP)
    assert (reply.status_code, reply.json()["code"], reply.json()["transient"]) == (409, "no_publisher", True)
    assert reply.headers["Retry-After"] == "1"


def test_a_full_server_says_when_to_come_back(edge, settings):
    settings.MEDIA_MAX_PUBLISHERS = 0
    reply = edge.http.post(f"/whip/{edge.publish('a')}", content=offer(), headers=SDP)
    assert reply.status_code == 503
    assert int(reply.headers["Retry-After"]) > 0


def test_the_control_routes_want_their_own_secret(edge):
    for path in ("/control/inputs", "/control/inputs/a", "/control/inputs/a/frame"):
        assert edge.http.get(path).status_code == 401
    assert edge.http.get("/healthz").json() == {"publishers": 0, "viewers": 0, "inputs": 0}


def test_a_made_input_is_made_once_and_gone_when_deleted(edge):
    body = {"digest": "00" * 32, "sessionId": "s", "take": {"recording": None}}
    assert edge.control.put("/inputs/a", json=body).status_code == 201
    assert edge.control.put("/inputs/a", json=body).status_code == 201
    assert [row["ref"] for row in edge.control.get("/inputs").json()] == ["a"]
    assert edge.control.put("/inputs/b", json={"digest": "zz"}).status_code == 400
    for wrong in (
        {},
        {"recording": "../x"},
        {"recording": 7},
        {"recording": str(OTHER), "until": "soon"},
        [],
        {"recording": str(OTHER), "until": 1e99},
    ):
        assert edge.control.put("/inputs/a/recording", json=wrong).status_code == 400, wrong
    for _ in range(2):
        assert edge.record("a", OTHER).status_code == 204
        assert edge.stats("a")["recording"] == str(OTHER)
    assert edge.record("a", None).status_code == 204 and edge.stats("a")["recording"] == ""
    assert edge.record("b", OTHER).status_code == 404
    for _ in range(2):
        assert edge.control.delete("/inputs/a").status_code == 204
    assert edge.control.get("/inputs/a").status_code == 404


# --- with media ---


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_what_goes_in_comes_out_and_is_recorded_unchanged(edge, codec):
    async def story():
        phone, screen = Sending(codec), Receiving()
        reply = await phone.post(f"{edge.url}/whip/{edge.publish('a')}")
        assert reply.status_code == 201
        assert reply.headers["Content-Type"].startswith("application/sdp")
        assert re.fullmatch(r"/whip/[^/]+/[\w-]{16,}", phone.location)
        assert phone.etag.startswith('"')
        assert f"x-google-start-bitrate={negotiation.START_KBPS}" in reply.text
        began = time.time()
        await phone.connected()
        await until(lambda: edge.told.heard)
        assert (await screen.post(f"{edge.url}/whep/{edge.view('a')}")).status_code == 201
        await screen.connected()
        await until(lambda: len(screen.pictures) >= 40 and len(screen.sounds) >= 40)
        stats = await asyncio.to_thread(edge.stats, "a")
        picture = await asyncio.to_thread(edge.control.get, "/inputs/a/frame?maxWidth=160")
        left = await asyncio.to_thread(edge.http.delete, phone.location)
        await screen.close()
        await phone.close()
        return began, phone, screen, stats, picture, left

    began, phone, screen, stats, picture, left = run(story())
    assert left.status_code == 200
    assert edge.http.delete(phone.location).status_code == 404
    # Byte for byte, beginning with a keyframe.
    assert codecs.is_keyframe(codec, screen.pictures[0])
    assert _is_run_of([bare(codec, data) for data in screen.pictures[:40]], [bare(codec, data) for data in encoded(codec)])
    assert decodes(codec, screen.pictures[:40]) == 40
    assert set(screen.sounds) <= set(phone.audio.sent)
    assert picture.status_code == 200 and picture.content[:2] == b"\xff\xd8" and len(picture.content) > 500
    assert stats["status"] == "flowing" and stats["codec"] == codec and (stats["width"], stats["height"]) == (320, 180)
    assert stats["inboundBytes"] > 10_000 and stats["viewers"] == 1
    (_, first, at), (_, last, lost) = edge.told.heard
    assert (first, last) == ("flowing", "lost")
    assert began - 1 < at < lost < time.time()
    (path,) = edge.kept("a")
    kinds, pictures, seconds = read(path)
    assert kinds == {"video": codec, "audio": "opus"}
    assert pictures >= 40 and abs(seconds - pictures / 30) < 0.7
    assert [bare(codec, data) for data in recorded(path)[:30]] == [bare(codec, data) for data in phone.video.sent[:30]]


def _is_run_of(got, circle) -> bool:
    """Whether these frames follow one another in the circle that was played."""
    at = circle.index(got[0])
    return list(got) == [circle[(at + index) % len(circle)] for index in range(len(got))]


def recorded(path) -> list[bytes]:
    """The encoded pictures of a file, as they lie in it."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def bare(codec: str, data: bytes):
    """A frame without its framing: H.264's units lie between start codes of three or four bytes, in a file behind their lengths."""
    if codec == "vp8":
        return data
    if data.startswith((b"\x00\x00\x00\x01", b"\x00\x00\x01")):
        return tuple(unit for unit in re.split(b"\x00\x00\x00?\x01", data) if unit)
    units, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        units.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return tuple(units)


def test_the_newest_publisher_wins_viewers_stay_and_recordings_go_on_until_they_are_ended(edge):
    edge.take = None
    read_back = {}

    async def told(recording, until=None):
        assert (await asyncio.to_thread(edge.record, "a", recording, until)).status_code == 204

    async def story():
        token = edge.publish("a")
        first, second, screen = Sending(), Sending(), Receiving()
        await first.post(f"{edge.url}/whip/{token}")
        await first.connected()
        await until(lambda: edge.told.heard)
        await screen.post(f"{edge.url}/whep/{edge.view('a')}")
        await screen.connected()
        await until(lambda: screen.pictures)
        assert not (edge.root / "sessions").exists()
        asked = time.time()
        await told(RECORDING)
        (file,) = await until(lambda: edge.kept("a"))
        assert time.time() - asked < 2
        assert (await second.post(f"{edge.url}/whip/{token}")).status_code == 201
        await second.connected()
        seen = len(screen.pictures)
        await until(lambda: len(screen.pictures) > seen + 20 and len(edge.told.heard) == 3)
        assert codecs.is_keyframe("vp8", screen.pictures[0])
        gone = await asyncio.to_thread(edge.http.delete, first.location)
        assert gone.status_code == 404
        assert edge.channel("a").publisher.resource == second.location.rpartition("/")[2]
        # Who comes back goes on in the same recording; another one takes its place at once, and the first is whole by then.
        await until(lambda: len(edge.kept("a")) == 2)
        await told(OTHER)
        read_back[RECORDING] = [await asyncio.to_thread(read, path) for path in edge.kept("a")]
        await until(lambda: edge.kept("a", OTHER))
        await told(OTHER, time.time() + 0.6)
        await until(lambda: edge.channel("a")._recorder is None)
        read_back[OTHER] = [await asyncio.to_thread(read, path) for path in edge.kept("a", OTHER)]
        await told(None)
        assert len(edge.kept("a")) == 2 and len(edge.kept("a", OTHER)) == 1
        for peer in (first, second, screen):
            await peer.close()

    run(story())
    assert [kind for _, kind, _ in edge.told.heard][:3] == ["flowing", "lost", "flowing"]
    assert [kinds["video"] for kinds, _, _ in read_back[RECORDING]] == ["vp8", "vp8"]
    assert all(pictures for _, pictures, _ in read_back[RECORDING]) and sum(pictures for _, pictures, _ in read_back[RECORDING]) > 20, read_back
    ((kinds, pictures, seconds),) = read_back[OTHER]
    assert kinds == {"video": "vp8", "audio": "opus"} and pictures > 5 and 0.3 < seconds < 2.5


def test_no_packet_for_two_seconds_is_a_loss_at_the_last_packet_and_a_keyframe_ends_it(edge):
    async def story():
        phone = Sending()
        await phone.post(f"{edge.url}/whip/{edge.publish('a')}")
        await phone.connected()
        await until(lambda: edge.told.heard)
        await asyncio.sleep(0.5)
        phone.video.paused = True
        stopped = time.time()
        # Its last keyframe is too old to be shown, and the loss not noticed yet.
        await asyncio.sleep(1.2)
        assert len(edge.told.heard) == 1
        frame = await asyncio.to_thread(edge.control.get, "/inputs/a/frame")
        assert (frame.status_code, time.time() - stopped < 3.5) == (404, True)
        await until(lambda: len(edge.told.heard) == 2)
        noticed = time.time()
        frame = await asyncio.to_thread(edge.control.get, "/inputs/a/frame")
        assert frame.status_code == 404
        phone.video.paused = False
        resumed = time.time()
        await until(lambda: len(edge.told.heard) == 3)
        await phone.close()
        return stopped, noticed, resumed

    stopped, noticed, resumed = run(story())
    (_, _, _), (_, lost, lost_at), (_, again, again_at) = edge.told.heard[:3]
    assert (lost, again) == ("lost", "flowing")
    assert abs(lost_at - stopped) < 0.3
    assert 1.8 < noticed - stopped < 3.5
    assert resumed <= again_at < resumed + 2


def test_a_viewer_that_joins_asks_for_a_keyframe_but_not_more_often_than_twice_a_second(edge):
    async def story():
        phone = Sending()
        await phone.post(f"{edge.url}/whip/{edge.publish('a')}")
        await phone.connected()
        await until(lambda: edge.told.heard)
        channel = edge.channel("a")
        before = channel.publisher.receiving["video"].counters.plis
        for _ in range(20):
            edge.loop.call_soon_threadsafe(channel.want_keyframe)
            await asyncio.sleep(0.05)
        after = channel.publisher.receiving["video"].counters.plis
        await phone.close()
        return after - before

    assert 1 <= run(story()) <= 4


def test_kicked_viewers_are_sent_away_by_their_group(edge):
    async def story():
        phone, mine, program = Sending(), Receiving(), Receiving()
        await phone.post(f"{edge.url}/whip/{edge.publish('a')}")
        await phone.connected()
        await until(lambda: edge.told.heard)
        await mine.post(f"{edge.url}/whep/{edge.view('a', 'workspace:1')}")
        await program.post(f"{edge.url}/whep/{edge.view('a', 'program')}")
        await mine.connected()
        await program.connected()
        await asyncio.to_thread(edge.control.post, "/inputs/a/kick", json={"what": "viewers", "group": "program"})
        await until(lambda: program.pc.connectionState == "closed")
        assert mine.pc.connectionState == "connected"
        assert list(edge.channel("a").viewers) == [mine.location.rpartition("/")[2]]
        await asyncio.to_thread(edge.control.post, "/inputs/a/kick", json={"what": "all"})
        await until(lambda: mine.pc.connectionState == "closed" and phone.pc.connectionState == "closed")
        for peer in (phone, mine, program):
            await peer.close()

    run(story())


def test_candidates_may_trickle_in_and_another_ice_session_is_refused(edge):
    async def story():
        phone = Sending()
        await phone.post(f"{edge.url}/whip/{edge.publish('a')}")
        await phone.connected()
        return phone, phone.pc.localDescription.sdp

    async def whole():
        phone, local = await story()
        ufrag = re.search(r"a=ice-ufrag:(\S+)", local)[1]
        password = re.search(r"a=ice-pwd:(\S+)", local)[1]
        candidate = re.search(r"a=candidate:.*", local)[0].strip()
        good = f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n{candidate}\r\na=end-of-candidates\r\n"

        def patch(body, etag=phone.etag, content_type=FRAGMENT, path=phone.location):
            headers = {"Content-Type": content_type} | ({"If-Match": etag} if etag else {})
            return edge.http.patch(path, content=body, headers=headers)

        def all_of_them():
            assert patch(good).status_code == 204
            assert patch(good, etag=None).status_code == 204
            assert patch(good, etag='"other"').status_code == 412
            assert patch(good, content_type="text/plain").status_code == 415
            assert patch(good.replace(ufrag, "other"), etag="*").json()["code"] == "offer_unusable"
            assert patch("nothing at all").status_code == 400
            assert patch("a=mid:0\r\na=candidate:garbage\r\n").status_code == 400
            assert patch(good, path=phone.location + "x").status_code == 404
            wrong = phone.location.replace("/whip/", "/whep/")
            assert patch(good, path=wrong).status_code == 404

        await asyncio.to_thread(all_of_them)
        await phone.close()

    run(whole())


def test_further_addresses_are_offered_as_candidates(edge, settings):
    settings.MEDIA_PUBLIC_ADDRESSES = ["203.0.113.9"]
    reply = edge.http.post(f"/whip/{edge.publish('a')}", content=offer(), headers=SDP)
    assert reply.status_code == 201
    ports = set(re.findall(r"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) typ host", reply.text))
    assert ports and ports == set(re.findall(r"a=candidate:\S+ 1 udp \d+ 203\.0\.113\.9 (\d+) typ host", reply.text))
