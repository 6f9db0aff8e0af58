"""HTTP to a provider: short times, no redirects, retries where they are harmless, a circuit that opens when nothing answers (05 §5)."""

import threading
import time
from urllib.parse import urlsplit

import httpx
import structlog

from config.kernel.errors import ApiError

log = structlog.get_logger("media.provider")
CONNECT_SECONDS, TOTAL_SECONDS = 2.0, 5.0
RETRY_AFTER_SECONDS = (0.2, 0.8)
OPEN_AFTER, OPEN_SECONDS = 5, 30.0
_HARMLESS = {"GET", "DELETE", "HEAD"}
_MAX_BYTES = 8 * 1024 * 1024


class Circuit:
    """Opens for 30 s after five failures in a row; then one call tries again. Shared by the threads of a process."""

    def __init__(self):
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = 0.0

    def check(self) -> None:
        """ApiError provider_unavailable while it is open."""
        with self._lock:
            if time.monotonic() < self._open_until:
                raise ApiError("provider_unavailable", headers={"Retry-After": str(max(1, round(self._open_until - time.monotonic())))})
            if self._failures >= OPEN_AFTER:
                # Half open: this call tries; the others wait for how it goes.
                self._open_until = time.monotonic() + TOTAL_SECONDS

    def worked(self) -> None:
        with self._lock:
            self._failures, self._open_until = 0, 0.0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= OPEN_AFTER:
                self._open_until = time.monotonic() + OPEN_SECONDS


class Caller:
    """Calls to one server at `base`. Answers are `httpx.Response`s of status 2xx, or of one of `allow`."""

    def __init__(self, base: str, headers: dict[str, str] | None = None, auth: tuple[str, str] | None = None):
        self.base = base.rstrip("/")
        self.circuit = Circuit()
        timeout = httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS)
        # No proxy from the environment: this talks to the server that the settings name.
        self._http = httpx.Client(timeout=timeout, follow_redirects=False, headers=headers, auth=auth, trust_env=False)

    def call(self, method: str, path: str, *, allow: tuple[int, ...] = (), **options) -> httpx.Response:
        """ApiError provider_unavailable, provider_timeout, provider_error."""
        self.circuit.check()
        deadline = time.monotonic() + TOTAL_SECONDS
        pauses = RETRY_AFTER_SECONDS if method in _HARMLESS else ()
        for pause in (*pauses, None):
            try:
                reply = self._once(method, path, deadline, options, allow)
                break
            except ApiError:
                if pause is None or time.monotonic() + pause >= deadline:
                    self.circuit.failed()
                    raise
                time.sleep(pause)
        if reply.is_success or reply.status_code in allow:
            self.circuit.worked()
            return reply
        # It answers, so the circuit stays closed; what it says cannot be used.
        self.circuit.worked()
        log.warning("provider_refused", method=method, status=reply.status_code)
        raise ApiError("provider_error", data={"status": reply.status_code})

    def _once(self, method: str, path: str, deadline: float, options: dict, allow: tuple[int, ...]) -> httpx.Response:
        left = max(0.05, deadline - time.monotonic())
        try:
            with self._http.stream(method, self.base + path, timeout=httpx.Timeout(left, connect=min(left, CONNECT_SECONDS)), **options) as reply:
                self._read(reply, deadline)
        except httpx.TimeoutException as error:
            raise ApiError("provider_timeout" if not isinstance(error, httpx.ConnectTimeout) else "provider_unavailable") from error
        except httpx.TransportError as error:
            raise ApiError("provider_unavailable") from error
        except httpx.HTTPError as error:
            raise ApiError("provider_error") from error
        if reply.status_code in allow:
            return reply
        if reply.is_redirect:
            raise ApiError("provider_error", "The media server redirects, which is not followed.")
        if reply.status_code in (502, 503, 504):
            raise ApiError("provider_unavailable")
        if reply.status_code >= 500:
            raise ApiError("provider_error", data={"status": reply.status_code})
        return reply

    @staticmethod
    def _read(reply: httpx.Response, deadline: float) -> None:
        """The whole body, bounded in size and time: a server that drips would otherwise never time out."""
        parts, size = [], 0
        for part in reply.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > _MAX_BYTES:
                raise ApiError("provider_error", "The media server's answer is too large.")
            if time.monotonic() > deadline:
                raise ApiError("provider_timeout")
        reply._content = b"".join(parts)

    def json(self, method: str, path: str, *, allow: tuple[int, ...] = (), **options):
        """The JSON object or list of an answer, None for a status in `allow`."""
        reply = self.call(method, path, allow=allow, **options)
        if reply.status_code in allow and not reply.is_success:
            return None
        try:
            return reply.json()
        except ValueError as error:
            raise ApiError("provider_error", "The media server did not answer in JSON.") from error


def on_hosts(url: object, hosts: list[str]) -> str:
    """`url` if it is http(s) on one of `hosts` (`host`, `host:port`, `.domain`); ApiError provider_error otherwise."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        named = (parts.hostname or "").lower() if parts else ""
        port = parts.port if parts else None
    except ValueError:
        parts, named, port = None, "", None
    plain = parts is not None and parts.scheme in {"http", "https", "ws", "wss"} and not parts.username and named
    if plain and any(named == host or f"{named}:{port}" == host or (host.startswith(".") and named.endswith(host)) for host in hosts):
        return url
    raise ApiError("provider_error", "The media server named an address on a foreign host.")


def host_of(url: str) -> str:
    """`host:port` of a configured URL, or `host` where it names no port."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
