"""MediaMTX 1.20 (docs/media.md has its configuration): paths made by its API, publishers admitted by asking us, facts by the poll."""

import subprocess

from django.conf import settings

from config.kernel.errors import ApiError
from sessions.media.adapters.calling import Caller
from sessions.media.provider import Capabilities, Input, Listed, MediaEvent, Playback, Status
from sessions.media.states import Flow, Kick

FRAME_SECONDS = 5
_PAGE = 500


class MediaMtx:
    """A path is an input; its name is the input's id, so `ref` and name are the same."""

    name = "mediamtx"
    capabilities = Capabilities(unaltered=True, kick=True, edge_admission=True, whep=True, edge_tokens=True)

    def __init__(self):
        user = settings.MEDIAMTX_API_USER
        self._caller = Caller(settings.MEDIAMTX_API_URL, auth=(user, settings.MEDIAMTX_API_PASSWORD) if user else None)

    def create(self, name: str, publish_token: str) -> Input:
        body = {"source": "publisher", "overridePublisher": True}
        reply = self._caller.call("POST", f"/v3/config/paths/add/{name}", allow=(400,), json=body)
        # 400 says as well that the path is there already.
        if reply.status_code == 400 and not self._configured(name):
            raise ApiError("provider_error", data={"status": 400})
        return self.urls(name, publish_token)

    def _configured(self, name: str) -> bool:
        return self._caller.json("GET", f"/v3/config/paths/get/{name}", allow=(404,)) is not None

    def urls(self, ref: str, publish_token: str) -> Input:
        return Input(ref, f"{settings.MEDIAMTX_WEBRTC_URL.rstrip('/')}/{ref}/whip?t={publish_token}", None)

    def find(self, name: str) -> str | None:
        return name if self._configured(name) else None

    def get(self, ref: str) -> Input | None:
        from sessions.media import tokens

        return self.urls(ref, tokens.publish(ref).token) if self._configured(ref) else None

    def delete(self, ref: str) -> None:
        # Without its configuration the path admits nobody; then those who are there are sent away.
        self._caller.call("DELETE", f"/v3/config/paths/delete/{ref}", allow=(404,))
        self.kick(ref, Kick.ALL)

    def inputs(self) -> list[Listed]:
        found, page = [], 0
        while True:
            answer = self._caller.json("GET", f"/v3/config/paths/list?page={page}&itemsPerPage={_PAGE}")
            found += [Listed(row["name"], row["name"]) for row in answer.get("items", []) if row.get("source") == "publisher"]
            page += 1
            if page >= int(answer.get("pageCount", 1)):
                return found

    def status(self, ref: str) -> Status:
        facts = self._caller.json("GET", f"/v3/paths/get/{ref}", allow=(404,))
        if facts is None:
            return Status(Flow.IDLE)
        octets = int(facts.get("inboundBytes", facts.get("bytesReceived", 0)))
        if not facts.get("available", facts.get("ready")):
            return Status(Flow.CONNECTING if facts.get("source") else Flow.IDLE, octets)
        # "available" is no more than a claim: the poll waits for bytes that grow, so no time of its own is given.
        return Status(Flow.FLOWING, octets)

    def kick(self, ref: str, what: Kick, group: str = "") -> None:
        wanted = {Kick.PUBLISHER: ("publish",), Kick.VIEWERS: ("read",), Kick.ALL: ("publish", "read")}[what]
        answer = self._caller.json("GET", f"/v3/webrtcsessions/list?itemsPerPage={_PAGE}")
        for row in answer.get("items", []):
            if row.get("path") == ref and row.get("state") in wanted:
                self._caller.call("POST", f"/v3/webrtcsessions/kick/{row['id']}", allow=(404,))

    def viewer(self, ref: str, token: str | None) -> Playback:
        return Playback(f"{settings.MEDIAMTX_WEBRTC_URL.rstrip('/')}/{ref}/whep?t={token}")

    def verify_webhook(self, headers: dict[str, str], raw_body: bytes) -> list[MediaEvent]:
        """`runOnAvailable` and `runOnUnavailable`, as docs/media.md writes them: signed like events of our own server."""
        from sessions.media.adapters.embedded import signed_event

        return [signed_event(headers, raw_body)]

    def frame(self, ref: str, max_width: int) -> bytes:
        """One picture by ffmpeg, which must be on PATH."""
        source = f"{settings.MEDIAMTX_RTSP_URL.rstrip('/')}/{ref}"
        scale = f"scale='min({max_width},iw)':-2"
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", source, "-frames:v", "1", "-vf", scale]
        try:
            done = subprocess.run([*command, "-f", "mjpeg", "pipe:1"], capture_output=True, timeout=FRAME_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise ApiError("provider_timeout") from error
        except FileNotFoundError as error:
            raise ApiError("provider_error", "ffmpeg is not installed; MediaMTX pictures need it.") from error
        if not done.stdout.startswith(b"\xff\xd8"):
            raise ApiError("frame_not_available")
        return done.stdout
