"""LiveKit: WHIP ingresses by its Twirp API; viewers use LiveKit's own client with a token, since it has no WHEP."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

from django.conf import settings
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from config.kernel import clock
from config.kernel.errors import ApiError
from config.kernel.ids import uuid7
from sessions.media import tokens
from sessions.media.adapters.calling import Caller, host_of, on_hosts
from sessions.media.provider import Capabilities, Input, Listed, MediaEvent, Playback, Status
from sessions.media.states import EventKind, Flow, Kick

_FLOWS = {"ENDPOINT_INACTIVE": Flow.IDLE, "ENDPOINT_BUFFERING": Flow.CONNECTING, "ENDPOINT_PUBLISHING": Flow.FLOWING}
_NUMBERS = ("ENDPOINT_INACTIVE", "ENDPOINT_BUFFERING", "ENDPOINT_PUBLISHING", "ENDPOINT_ERROR", "ENDPOINT_COMPLETE")
_KINDS = {"ingress_started": EventKind.FLOWING, "ingress_ended": EventKind.LOST}
IDENTITY = "publisher"
VIEW_SECONDS = 900


class LiveKit:
    """The room of an input is named after it; `ref` is the ingress id."""

    name = "livekit"
    capabilities = Capabilities(unaltered=True, kick=True, edge_admission=False, whep=False)

    def __init__(self):
        self._key = OctKey.import_key(settings.LIVEKIT_API_SECRET or "unset")
        # The same host serves the API over HTTP and clients over WebSocket.
        base = settings.LIVEKIT_URL.replace("wss://", "https://").replace("ws://", "http://")
        self._caller = Caller(base)
        self._hosts = [host_of(base), *settings.LIVEKIT_HOSTS]

    def _token(self, grants: dict, *, identity: str = "tallyroom", seconds: int = 60) -> str:
        now = int(clock.now().timestamp())
        claims = {"iss": settings.LIVEKIT_API_KEY, "sub": identity, "nbf": now - 5, "exp": now + seconds, "video": grants, "jti": str(uuid7())}
        return jwt.encode({"alg": "HS256"}, claims, self._key)

    def _call(self, service: str, method: str, body: dict, *, allow: tuple[int, ...] = (), grants: dict | None = None):
        headers = {"Authorization": f"Bearer {self._token(grants or {'ingressAdmin': True})}"}
        return self._caller.json("POST", f"/twirp/livekit.{service}/{method}", json=body, headers=headers, allow=allow)

    def create(self, name: str, publish_token: str) -> Input:
        known = self._named(name)
        if known is not None:
            return self._input(known)
        body = {
            "input_type": "WHIP_INPUT", "name": name, "room_name": name, "participant_identity": IDENTITY, "enable_transcoding": False, "enabled": True,
        }  # fmt: skip
        return self._input(self._call("Ingress", "CreateIngress", body))

    def _input(self, row) -> Input:
        try:
            ref, url, key = row["ingress_id"], row["url"], row["stream_key"]
        except (KeyError, TypeError) as error:
            raise ApiError("provider_error") from error
        return Input(str(ref), on_hosts(f"{str(url).rstrip('/')}/{key}", self._hosts), None)

    def _list(self, body: dict) -> list[dict]:
        answer = self._call("Ingress", "ListIngress", body)
        items = answer.get("items", []) if isinstance(answer, dict) else None
        if not isinstance(items, list):
            raise ApiError("provider_error")
        return items

    def _named(self, name: str) -> dict | None:
        return next((row for row in self._list({"room_name": name}) if row.get("name") == name), None)

    def _by_ref(self, ref: str) -> dict | None:
        return next((row for row in self._list({"ingress_id": ref}) if row.get("ingress_id") == ref), None)

    def find(self, name: str) -> str | None:
        row = self._named(name)
        return str(row["ingress_id"]) if row else None

    def get(self, ref: str) -> Input | None:
        row = self._by_ref(ref)
        return self._input(row) if row else None

    def delete(self, ref: str) -> None:
        self._call("Ingress", "DeleteIngress", {"ingress_id": ref}, allow=(404,))

    def inputs(self) -> list[Listed]:
        return [Listed(str(row["ingress_id"]), str(row.get("name", ""))) for row in self._list({})]

    def status(self, ref: str) -> Status:
        row = self._by_ref(ref)
        if row is None:
            return Status(Flow.IDLE)
        state = row.get("state") or {}
        said = state.get("status", "ENDPOINT_INACTIVE")
        said = _NUMBERS[said] if isinstance(said, int) and 0 <= said < len(_NUMBERS) else str(said)
        flow = _FLOWS.get(said, Flow.LOST)
        moment = state.get("started_at") if flow is Flow.FLOWING else state.get("ended_at") if flow is Flow.LOST else None
        return Status(flow, 0, _nanoseconds(moment))

    def kick(self, ref: str, what: Kick, group: str = "") -> None:
        row = self._by_ref(ref)
        if row is None:
            return
        room = str(row.get("room_name") or row.get("name"))
        grants = {"roomAdmin": True, "room": room}
        answer = self._call("RoomService", "ListParticipants", {"room": room}, allow=(404,), grants=grants) or {}
        for one in answer.get("participants", []):
            publishes = one.get("identity") == IDENTITY
            if what is Kick.ALL or publishes == (what is Kick.PUBLISHER):
                body = {"room": room, "identity": one.get("identity")}
                self._call("RoomService", "RemoveParticipant", body, allow=(404,), grants=grants)

    def viewer(self, ref: str, token: str | None) -> Playback:
        row = self._by_ref(ref)
        if row is None:
            raise ApiError("not_started")
        room = str(row.get("room_name") or row.get("name"))
        grants = {"roomJoin": True, "room": room, "canPublish": False, "canPublishData": False, "canSubscribe": True}
        made = self._token(grants, identity=f"viewer-{uuid7()}", seconds=VIEW_SECONDS)
        return Playback(None, {"livekit": {"url": settings.LIVEKIT_URL, "token": made}})

    def verify_webhook(self, headers: dict[str, str], raw_body: bytes) -> list[MediaEvent]:
        """A JWT by our API key over the SHA-256 of the raw body."""
        try:
            claims = jwt.decode(headers.get("authorization", "").removeprefix("Bearer ").strip(), self._key, algorithms=["HS256"]).claims
            said = base64.b64encode(hashlib.sha256(raw_body).digest()).decode()
            fresh = int(claims.get("exp", 0)) > clock.now().timestamp() - 60
            if claims.get("iss") != settings.LIVEKIT_API_KEY or not fresh or not tokens.same(str(claims.get("sha256", "")), said):
                raise ApiError("signature_invalid")
            body = json.loads(raw_body)
            kind = _KINDS.get(body.get("event"))
            if kind is None:
                return []
            info = body.get("ingressInfo") or body.get("ingress_info")
            ref = str(info.get("ingressId") or info["ingress_id"])
            at = datetime.fromtimestamp(int(body.get("createdAt") or body["created_at"]), UTC)
            return [MediaEvent(str(body["id"]), ref, kind, at)]
        except (JoseError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ApiError("signature_invalid") from error

    def frame(self, ref: str, max_width: int) -> bytes:
        """LiveKit hands pictures to its own SDK only."""
        raise ApiError("frame_not_available")


def _nanoseconds(value) -> datetime | None:
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(value) // 1000) if value and int(value) > 0 else None
    except (ValueError, OverflowError):
        return None
