"""Cloudflare Stream: live inputs by its API, events by webhook, publishers and viewers with secrets of its own (no edge tokens)."""

import hashlib
import json
import re
from datetime import datetime
from urllib.parse import quote

from django.conf import settings
from django.utils.dateparse import parse_datetime

from config.kernel import clock
from config.kernel.errors import ApiError
from sessions.media import tokens
from sessions.media.adapters.calling import Caller, host_of, on_hosts
from sessions.media.provider import Capabilities, Input, Listed, MediaEvent, Playback, Status
from sessions.media.states import EventKind, Flow, Kick

# `live_input.connected` is no media yet: it makes the poll look, which believes a picture.
_KINDS = {"live_input.disconnected": EventKind.LOST, "live_input.errored": EventKind.LOST}
_LOST = ("reconnecting", "client_disconnect", "ttl_exceeded")


class Cloudflare:
    name = "cloudflare"
    # Viewers are kicked only with the publisher, by new keys, when all is over anyway.
    capabilities = Capabilities(unaltered=True, kick=False, edge_admission=False, whep=True)

    def __init__(self):
        self._caller = Caller(settings.CLOUDFLARE_API_URL, {"Authorization": f"Bearer {settings.CLOUDFLARE_API_TOKEN}"})
        self._base = f"/client/v4/accounts/{quote(settings.CLOUDFLARE_ACCOUNT_ID, safe='')}/stream/live_inputs"
        # (ref, since when connected) → when a picture was seen.
        self._seen: dict[tuple[str, str], datetime] = {}
        self._hosts = [host_of(settings.CLOUDFLARE_API_URL), *settings.CLOUDFLARE_STREAM_HOSTS]

    def _result(self, method: str, path: str = "", *, allow: tuple[int, ...] = (), **options):
        answer = self._caller.json(method, self._base + path, allow=allow, **options)
        if answer is None:
            return None
        if not isinstance(answer, dict) or not answer.get("success", True) or "result" not in answer:
            raise ApiError("provider_error")
        return answer["result"]

    def create(self, name: str, publish_token: str) -> Input:
        ref = self.find(name)
        if ref is not None:
            return self._input(self._result("GET", f"/{ref}"))
        return self._input(self._result("POST", json={"meta": {"name": name}, "recording": {"mode": "off"}}))

    def _input(self, result) -> Input:
        try:
            ref, whip, whep = result["uid"], result["webRTC"]["url"], result["webRTCPlayback"]["url"]
        except (KeyError, TypeError) as error:
            raise ApiError("provider_error") from error
        return Input(str(ref), on_hosts(whip, self._hosts), on_hosts(whep, self._hosts))

    def find(self, name: str) -> str | None:
        return next((row.ref for row in self.inputs() if row.name == name), None)

    def get(self, ref: str) -> Input | None:
        result = self._result("GET", f"/{ref}", allow=(404,))
        return self._input(result) if result is not None else None

    def delete(self, ref: str) -> None:
        self._caller.call("DELETE", f"{self._base}/{ref}", allow=(404,))

    def inputs(self) -> list[Listed]:
        rows = self._result("GET")
        # The list is bare in some versions of the API and named in others.
        rows = rows.get("liveInputs", []) if isinstance(rows, dict) else rows
        return [Listed(str(row["uid"]), str((row.get("meta") or {}).get("name", "")), _moment(row.get("created"))) for row in rows]

    def status(self, ref: str) -> Status:
        result = self._result("GET", f"/{ref}", allow=(404,))
        if result is None:
            return Status(Flow.IDLE)
        current = ((result.get("status") or {}).get("current") or {}) if isinstance(result.get("status"), dict) else {}
        state, since = str(current.get("state", "")), _moment(current.get("statusEnteredAt") or current.get("statusLastSeen"))
        if state in ("connected", "reconnected"):
            # Connected is no picture yet: one that can be pulled by WHEP is, and then it flows as long as it stays connected.
            key = (ref, str(since))
            if key not in self._seen and self._plays(result):
                self._seen[key] = clock.now()
            return Status(Flow.FLOWING, 0, self._seen[key]) if key in self._seen else Status(Flow.CONNECTING)
        if state in _LOST or state.startswith("failed_to_"):
            return Status(Flow.LOST, 0, since)
        return Status(Flow.IDLE)

    def _plays(self, result) -> bool:
        from sessions.media.pulling import pull_frame

        try:
            return pull_frame(self._input(result).whep_url, 64) is not None
        except ApiError:
            return False

    def kick(self, ref: str, what: Kick, group: str = "") -> None:
        """New keys send everybody away, and the URLs with them: at the end only."""
        if what is Kick.ALL:
            self._caller.call("POST", f"{self._base}/{ref}/rotate_keys", allow=(404,))

    def viewer(self, ref: str, token: str | None) -> Playback:
        # The URL is stored with the input.
        return Playback(None)

    def verify_webhook(self, headers: dict[str, str], raw_body: bytes) -> list[MediaEvent]:
        secret = settings.CLOUDFLARE_WEBHOOK_SECRET
        if not secret or not tokens.same(headers.get("cf-webhook-auth", ""), secret):
            raise ApiError("signature_invalid")
        try:
            data = json.loads(raw_body)["data"]
            kind = _KINDS.get(data["event_type"])
            at = _moment(data["updated_at"]) or clock.now()
            ref = str(data["input_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise ApiError("signature_invalid") from error
        return [MediaEvent(hashlib.sha256(raw_body).hexdigest(), ref, kind, at)] if kind else []

    def frame(self, ref: str, max_width: int) -> bytes:
        from sessions.media.pulling import pull_frame

        found = self.get(ref)
        picture = pull_frame(found.whep_url, max_width) if found else None
        if picture is None:
            raise ApiError("frame_not_available")
        return picture


def _moment(text) -> datetime | None:
    """A time with nanoseconds, cut to milliseconds."""
    return parse_datetime(re.sub(r"(\.\d{3})\d+", r"\1", text)) if isinstance(text, str) else None
