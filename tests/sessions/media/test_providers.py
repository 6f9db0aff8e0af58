"""One contract for every provider, against a server that speaks its API. Another server is one more class here."""

import time
from uuid import UUID

import pytest

from config.kernel import clock
from config.kernel.errors import ApiError
from sessions.media import provider, tokens
from sessions.media.adapters import calling
from sessions.media.adapters.cloudflare import Cloudflare
from sessions.media.adapters.embedded import Embedded
from sessions.media.adapters.livekit import LiveKit
from sessions.media.adapters.mediamtx import MediaMtx
from sessions.media.models import MediaInput
from sessions.media.provider import Take
from sessions.media.states import EventKind, Flow, Kick
from tests.sessions.media import servers

NAME, OTHER = "0196c8a1-7b00-7000-8000-000000000001", "0196c8a1-7b00-7000-8000-000000000002"


class EmbeddedServer(servers.Server):
    """What the control routes of our own server answer (the real ones: test_whip.py)."""

    def __init__(self):
        super().__init__()
        self.rows: dict[str, dict] = {}
        self.groups: list[tuple[str, str, str]] = []

    def handle(self, method, path, query, body, headers):
        if headers.get("authorization") != f"Bearer {tokens.control()}":
            return 401, {}
        if path == "/control/inputs":
            return 200, [{"ref": ref, "createdAt": 1778661723.0, **row} for ref, row in self.rows.items()]
        ref, _, rest = path.removeprefix("/control/inputs/").partition("/")
        if method == "PUT":
            if rest == "recording":
                return (204, b"") if self._record(ref, body) else (404, {"code": "not_found"})
            self.rows.setdefault(ref, {"status": "idle", "since": 1778661723.5, "inboundBytes": 0, "recording": body["take"]["recording"] or ""})
            return 201, {"ref": ref}
        if method == "DELETE":
            self.rows.pop(ref, None)
            return 204, b""
        if ref not in self.rows:
            return 404, {"code": "not_found"}
        if rest == "kick":
            self.groups.append((ref, body["what"], body["group"]))
            return 204, b""
        if rest == "frame":
            return (200, b"\xff\xd8") if self.rows[ref]["status"] == "flowing" else (404, {})
        return 200, {"ref": ref, **self.rows[ref]}

    def _record(self, ref, body):
        if ref in self.rows:
            self.rows[ref]["recording"] = body["recording"] or ""
        return ref in self.rows

    def flow(self, ref, flow):
        self.rows[ref]["status"] = flow

    def names(self):
        return list(self.rows)

    event = servers.MediaMtx.event


PROVIDERS = {
    "embedded": (Embedded, EmbeddedServer), "mediamtx": (MediaMtx, servers.MediaMtx), "cloudflare": (Cloudflare, servers.Cloudflare),
    "livekit": (LiveKit, servers.LiveKit),
}  # fmt: skip


@pytest.fixture(params=list(PROVIDERS))
def peer(request, settings, monkeypatch):
    """A server of each kind, `.adapter` of ours before it."""
    adapter_class, server_class = PROVIDERS[request.param]
    server = server_class()
    settings.MEDIA_CONTROL_URL = settings.MEDIAMTX_API_URL = settings.MEDIAMTX_WEBRTC_URL = settings.CLOUDFLARE_API_URL = settings.LIVEKIT_URL = (
        server.url
    )
    settings.CLOUDFLARE_ACCOUNT_ID, settings.CLOUDFLARE_API_TOKEN = servers.Cloudflare.ACCOUNT, servers.Cloudflare.TOKEN
    settings.CLOUDFLARE_WEBHOOK_SECRET = servers.Cloudflare.SECRET
    settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET = servers.LiveKit.KEY, servers.LiveKit.SECRET
    monkeypatch.setattr(calling, "RETRY_AFTER_SECONDS", (0.02, 0.05))
    server.adapter = adapter_class()
    server.kind = request.param
    if request.param == "embedded":
        monkeypatch.setattr(MediaInput.objects, "get", lambda pk: MediaInput(pk=pk, session_id=pk))
    if request.param == "cloudflare":
        monkeypatch.setattr(server.adapter, "_plays", lambda result: result["status"]["current"]["state"] == "reconnected")
    yield server
    server.stop()


def made(peer, name=NAME):
    return peer.adapter.create(name, tokens.publish(name).token)


def code(call, *arguments):
    with pytest.raises(ApiError) as caught:
        call(*arguments)
    return caught.value.code


def test_create_is_idempotent_by_name(peer):
    first, second, other = made(peer), made(peer), made(peer, OTHER)
    assert (first.ref, first.whip_url, first.whep_url) == (second.ref, second.whip_url, second.whep_url)
    assert first.whip_url != other.whip_url
    assert sorted(peer.names()) == [NAME, OTHER]
    assert peer.adapter.get(first.ref) == first
    assert peer.adapter.find(NAME) == first.ref
    assert NAME not in repr(first) or "http" not in repr(first)


def test_delete_makes_it_absent_and_absent_is_success(peer):
    ref = made(peer).ref
    for _ in range(2):
        peer.adapter.delete(ref)
    assert peer.names() == []
    assert peer.adapter.get(ref) is None
    assert peer.adapter.find(NAME) is None
    assert peer.adapter.status(ref).flow is Flow.IDLE


def test_the_sweep_sees_what_is_there(peer):
    refs = {made(peer).ref, made(peer, OTHER).ref}
    listed = peer.adapter.inputs()
    assert {row.ref for row in listed} == refs
    assert {row.name for row in listed} == {NAME, OTHER}


@pytest.mark.parametrize("flow", [Flow.IDLE, Flow.CONNECTING, Flow.FLOWING, Flow.LOST])
def test_status(peer, flow):
    ref = made(peer).ref
    peer.flow(ref, flow.value)
    found = peer.adapter.status(ref)
    # MediaMTX knows no loss: a path without its publisher is there and not available.
    assert found.flow is (Flow.CONNECTING if peer.kind == "mediamtx" and flow is Flow.LOST else flow)
    if flow is Flow.FLOWING and peer.kind != "mediamtx":
        assert found.since is not None
    if peer.kind == "mediamtx" and flow is Flow.FLOWING:
        assert found.since is None and found.inbound_bytes > 0


def test_kick_sends_away_whom_it_names(peer):
    ref = made(peer).ref
    if peer.kind == "embedded":
        peer.adapter.kick(ref, Kick.VIEWERS, "program")
        assert peer.groups == [(ref, "viewers", "program")]
        return
    if peer.kind == "cloudflare":
        peer.adapter.kick(ref, Kick.VIEWERS)
        assert peer.rotated == []
        peer.adapter.kick(ref, Kick.ALL)
        assert peer.rotated == [ref]
        return
    for publishes in (True, False, False):
        peer.join(ref, publishes=publishes)
    peer.adapter.kick(ref, Kick.VIEWERS)
    assert peer.there(ref) == ["publish"]
    peer.join(ref, publishes=False)
    peer.adapter.kick(ref, Kick.PUBLISHER)
    assert peer.there(ref) == ["read"]
    peer.adapter.kick(ref, Kick.ALL)
    assert peer.there(ref) == []


def test_who_records_says_what(peer):
    if not peer.adapter.capabilities.recording:
        return
    ref, take = made(peer).ref, Take(UUID(OTHER), clock.now())
    assert peer.adapter.status(ref).recording == ""
    for wanted in (take, take, None):
        peer.adapter.record(ref, wanted)
        assert peer.adapter.status(ref).recording == (OTHER if wanted else "")
    peer.adapter.record("gone", take)
    assert peer.adapter.status("gone").recording is None
    assert Take.read(take.wire()) == take


def test_playback(peer):
    ref = made(peer).ref
    own = peer.adapter.capabilities.edge_tokens
    playback = peer.adapter.viewer(ref, "tr_edge_x" if own else None)
    if own:
        assert playback.whep_url.startswith("http") and "tr_edge_x" in playback.whep_url
    if peer.kind == "livekit":
        assert playback.whep_url is None
        assert playback.extra["livekit"]["token"].count(".") == 2
        assert code(peer.adapter.viewer, "gone", None) == "not_started"
    assert peer.adapter.capabilities.unaltered


def test_a_webhook_counts_with_its_proof_only(peer):
    ref = made(peer).ref
    headers, body = peer.event(ref, "lost")
    (event,) = peer.adapter.verify_webhook(headers, body)
    assert (event.ref, event.kind) == (ref, EventKind.LOST)
    assert event.at.tzinfo is not None
    (again,) = peer.adapter.verify_webhook(headers, body)
    assert again == event
    for broken in ({}, dict.fromkeys(headers, "wrong")):
        assert code(peer.adapter.verify_webhook, broken, body) == "signature_invalid"
    if peer.kind != "cloudflare":
        assert code(peer.adapter.verify_webhook, headers, body + b" ") == "signature_invalid"
    assert code(peer.adapter.verify_webhook, headers, b"") == "signature_invalid"


# --- when it goes wrong ---


def test_a_read_is_tried_again_and_a_create_is_not(peer):
    ref = made(peer).ref
    peer.down_times = 2
    if peer.kind == "livekit":
        # All of Twirp is POST: nothing is harmless to repeat.
        assert code(peer.adapter.status, ref) == "provider_unavailable"
        return
    assert peer.adapter.status(ref).flow is Flow.IDLE
    peer.down_times = 2
    peer.adapter.delete(ref)
    if peer.kind in {"mediamtx", "embedded"}:
        peer.down_times = 1
        method = "PUT" if peer.kind == "embedded" else "POST"
        before = len([one for one in peer.requests if one[0] == method])
        assert code(made, peer, OTHER) == "provider_unavailable"
        assert len([one for one in peer.requests if one[0] == method]) == before + 1


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("redirect", "provider_error"), ("error", "provider_error"), ("cut", "provider_unavailable"), ("nonsense", "provider_error")],
)
def test_answers_that_cannot_be_right(peer, mode, expected):
    ref = made(peer).ref
    peer.mode = mode
    assert code(peer.adapter.status, ref) == expected


def test_a_foreign_host_in_an_answer_is_refused(peer):
    if not hasattr(peer, "media_url"):
        assert made(peer).whip_url
        return
    peer.media_url = "https://evil.example"
    assert code(made, peer) == "provider_error"


def test_five_failures_in_a_row_open_the_circuit(peer, monkeypatch):
    ref = made(peer).ref
    peer.mode = "error"
    for _ in range(calling.OPEN_AFTER):
        assert code(peer.adapter.status, ref) == "provider_error"
    asked = len(peer.requests)
    assert code(peer.adapter.status, ref) == "provider_unavailable"
    assert len(peer.requests) == asked
    peer.mode = ""
    monkeypatch.setattr(time, "monotonic", lambda real=time.monotonic: real() + 31)
    assert peer.adapter.status(ref).flow is Flow.IDLE
    assert peer.adapter.status(ref).flow is Flow.IDLE


def test_a_server_that_never_answers_times_out(peer, monkeypatch):
    ref = made(peer).ref
    monkeypatch.setattr(calling, "TOTAL_SECONDS", 0.4)
    peer.mode = "slow"
    began = time.monotonic()
    assert code(peer.adapter.status, ref) == "provider_timeout"
    assert time.monotonic() - began < 2


def test_nobody_at_the_port_is_unavailable(peer):
    ref = made(peer).ref
    peer.stop()
    # Not over a connection that was open before.
    peer.adapter = type(peer.adapter)()
    assert code(peer.adapter.status, ref) == "provider_unavailable"


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://customer-x.cloudflarestream.com/a", True), ("http://127.0.0.1:9/a", True), ("https://cloudflarestream.com.evil.example/a", False),
        ("https://evil.example", False), ("https://127.0.0.1:10/a", False), ("file:///etc/passwd", False), ("https://u@127.0.0.1:9/a", False),
        ("http://127.0.0.1:99999/", False), ("", False), (None, False), (["https://127.0.0.1:9"], False),
    ],
)  # fmt: skip
def test_hosts(url, fine):
    hosts = [".cloudflarestream.com", "127.0.0.1:9"]
    if fine:
        assert calling.on_hosts(url, hosts) == url
    else:
        assert code(calling.on_hosts, url, hosts) == "provider_error"


def test_every_named_adapter_can_be_made(settings):
    settings.LIVEKIT_URL, settings.LIVEKIT_API_SECRET = "wss://livekit.example", servers.LiveKit.SECRET
    provider.reset()
    for name in provider.ADAPTERS:
        assert provider.named(name).name == name
    provider.reset()
