"""The controller as the agent sees it: one method a route, an `Answer` or `Unreachable`.

No status raises: what an answer means for a capture is decided where the capture is (06 §7).
"""

import base64
import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from nodes.agent.config import Settings, is_loopback

log = logging.getLogger("tallyroom.agent.client")

VERSION = "2026-11-23"
BASE = "/api/v1"


class Unreachable(Exception):
    """No answer: a refused or cut connection, a time-out, an answer that is no HTTP."""


@dataclass(frozen=True)
class Answer:
    """What came back. `data` is the envelope's data, `code` and `error_data` those of an error."""

    status: int
    data: object = None
    code: str = ""
    error_data: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retryable(self) -> bool:
        """429 and 5xx: the same request may succeed later."""
        return self.status == 429 or self.status >= 500

    @property
    def retry_after_seconds(self) -> float | None:
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdigit() else None


def sha256_field(hex_digest: str) -> str:
    """A digest as RFC 9530 writes it."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(hex_digest)).decode()}:"


def read_credential(path: Path) -> str:
    """The token, without whitespace; "" if there is none."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


class Controller:
    """Keeps one pool of connections and the credential. Use from one asyncio loop."""

    def __init__(self, settings: Settings, token: str):
        self._settings = settings
        self.token = token
        self.node = settings.node
        self._http = self._connect()

    def _connect(self) -> httpx.AsyncClient:
        timing = self._settings.timing
        url = self._settings.url
        return httpx.AsyncClient(
            base_url=url + BASE,
            verify=self.tls() or False,
            timeout=httpx.Timeout(timing.read_seconds, connect=timing.connect_seconds),
            headers={"Operator-Version": VERSION, "User-Agent": "tallyroom-agent"},
            follow_redirects=False,
            trust_env=not is_loopback(urlsplit(url).hostname or ""),
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=4),
        )

    def tls(self) -> ssl.SSLContext | None:
        """None for plain http."""
        if not self._settings.url.startswith("https:"):
            return None
        context = ssl.create_default_context()
        if self._settings.ca_file is not None:
            context.load_verify_locations(cafile=str(self._settings.ca_file))
        return context

    def socket_url(self) -> str:
        return "ws" + self._settings.url[len("http") :] + "/ws/node"

    async def reload(self, token: str) -> None:
        """After SIGHUP or a rotation: new credential, CA bundle read again."""
        old, self.token = self._http, token
        self._http = self._connect()
        await old.aclose()

    async def close(self) -> None:
        await self._http.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """Raises Unreachable."""
        given = {"Authorization": f"Bearer {token or self.token}", **(headers or {})}
        try:
            response = await self._http.request(method, path, json=json, content=content, headers=given)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        return _answer(response)

    # -- routes --------------------------------------------------------------------------------

    async def heartbeat(self, body: dict, token: str | None = None) -> Answer:
        return await self.request("POST", f"/nodes/{self.node}/heartbeat", json=body, token=token)

    async def config(self, etag: str | None) -> Answer:
        headers = {"If-None-Match": etag} if etag else None
        return await self.request("GET", f"/nodes/{self.node}/config", headers=headers)

    async def claim_next(self, body: dict) -> Answer:
        path = f"/nodes/{self.node}/recording-jobs/claim-next"
        return await self.request("POST", path, json=body)

    async def job_heartbeat(self, job_id: str, body: dict) -> Answer:
        return await self.request("POST", f"/recording-jobs/{job_id}/heartbeat", json=body)

    async def meter_frames(self, frames: list[dict]) -> Answer:
        body = frames[0] if len(frames) == 1 else {"frames": frames}
        return await self.request("POST", f"/nodes/{self.node}/meter-frame", json=body)

    async def cache_file(self, method: str, recording_id: str, headers: dict[str, str], content: bytes | None = None) -> Answer:
        path = f"/recordings/{recording_id}/cache-file"
        return await self.request(method, path, content=content, headers=headers)


def _answer(response: httpx.Response) -> Answer:
    try:
        body = response.json() if response.content else {}
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    headers = {key.lower(): value for key, value in response.headers.items()}
    if response.is_success or response.status_code == 304:
        return Answer(response.status_code, data=body.get("data"), headers=headers)
    error_data = body.get("data")
    return Answer(
        response.status_code,
        code=str(body.get("code") or ""),
        error_data=error_data if isinstance(error_data, dict) else {},
        headers=headers,
    )
