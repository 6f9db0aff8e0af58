"""The media server of this product (05b): asked on loopback, told by signed events. Its tokens are ours, so URLs need not be stored."""

import json
from datetime import UTC, datetime

from django.conf import settings
from django.utils.dateparse import parse_datetime

from config.kernel.errors import ApiError
from sessions.media import tokens
from sessions.media.adapters.calling import Caller
from sessions.media.provider import Capabilities, Input, Listed, MediaEvent, Playback, Status, Take
from sessions.media.states import EventKind, Flow, Kick

SIGNATURE = "tallyroom-media-signature"


def _wire(take: Take | None) -> dict:
    return take.wire() if take else {"recording": None}


def signed_event(headers: dict[str, str], raw_body: bytes) -> MediaEvent:
    """`{id, ref, kind, at}` with our own signature, by this server or by a hook that a person wrote. ApiError signature_invalid."""
    if not tokens.same(headers.get(SIGNATURE, ""), tokens.events_signature(raw_body)):
        raise ApiError("signature_invalid")
    try:
        body = json.loads(raw_body)
        name, ref, at = str(body["id"]), str(body["ref"]), parse_datetime(body["at"])
        if at is None or at.tzinfo is None or "\0" in name + ref:
            raise ValueError("no moment, or no name")
        return MediaEvent(name, ref, EventKind(body["kind"]), at.astimezone(UTC))
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ApiError("signature_invalid") from error


class Embedded:
    name = "embedded"
    capabilities = Capabilities(unaltered=True, kick=True, edge_admission=True, whep=True, edge_tokens=True, recording=True)

    def __init__(self):
        self._caller = Caller(settings.MEDIA_CONTROL_URL, {"Authorization": f"Bearer {tokens.control()}"})

    def create(self, name: str, publish_token: str) -> Input:
        from sessions.media import takes
        from sessions.media.models import MediaInput

        row = MediaInput.objects.get(pk=name)
        body = {"digest": tokens.publish(name).digest.hex(), "sessionId": str(row.session_id), "take": _wire(takes.of(row))}
        made = self._caller.json("PUT", f"/control/inputs/{name}", json=body)
        if not isinstance(made, dict) or made.get("ref") != name:
            raise ApiError("provider_error")
        return self.urls(name, publish_token)

    def urls(self, ref: str, publish_token: str) -> Input:
        """The URLs of an input; `whep_url` lacks the viewer's token, see `viewer`."""
        return Input(ref, f"{settings.MEDIA_PUBLIC_URL}/whip/{publish_token}", None)

    def find(self, name: str) -> str | None:
        return name if self._known(name) else None

    def get(self, ref: str) -> Input | None:
        return self.urls(ref, tokens.publish(ref).token) if self._known(ref) else None

    def _known(self, ref: str) -> dict | None:
        return self._caller.json("GET", f"/control/inputs/{ref}", allow=(404,))

    def delete(self, ref: str) -> None:
        self._caller.call("DELETE", f"/control/inputs/{ref}")

    def inputs(self) -> list[Listed]:
        found = self._caller.json("GET", "/control/inputs")
        return [Listed(row["ref"], row["ref"], datetime.fromtimestamp(row["createdAt"], UTC)) for row in found]

    def status(self, ref: str) -> Status:
        facts = self._known(ref)
        if facts is None:
            return Status(Flow.IDLE)
        try:
            since = datetime.fromtimestamp(float(facts["since"]), UTC)
            return Status(Flow(facts["status"]), int(facts["inboundBytes"]), since, facts.get("recording"))
        except (KeyError, ValueError, TypeError) as error:
            raise ApiError("provider_error") from error

    def record(self, ref: str, take: Take | None) -> None:
        self._caller.call("PUT", f"/control/inputs/{ref}/recording", allow=(404,), json=_wire(take))

    def stats(self) -> list[dict]:
        """What the embedded server measures, one object for each input (`Channel.stats`)."""
        return self._caller.json("GET", "/control/inputs")

    def kick(self, ref: str, what: Kick, group: str = "") -> None:
        self._caller.call("POST", f"/control/inputs/{ref}/kick", allow=(404,), json={"what": what.value, "group": group})

    def viewer(self, ref: str, token: str | None) -> Playback:
        return Playback(f"{settings.MEDIA_PUBLIC_URL}/whep/{token}")

    def verify_webhook(self, headers: dict[str, str], raw_body: bytes) -> list[MediaEvent]:
        return [signed_event(headers, raw_body)]

    def frame(self, ref: str, max_width: int) -> bytes:
        reply = self._caller.call("GET", f"/control/inputs/{ref}/frame?maxWidth={max_width}", allow=(404, 504))
        if reply.status_code == 404:
            raise ApiError("frame_not_available")
        if reply.status_code == 504:
            raise ApiError("provider_timeout")
        return reply.content
