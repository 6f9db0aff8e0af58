"""One POST to an entered address: guarded, pinned to what was resolved, no redirect, bounded in time and in what is read.

`http.client` on a socket that we connect ourselves: the address that was judged is the one that is called, and TLS still checks the name.
"""

import http.client
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from config.kernel.outbound import guard

SECONDS = 10.0
READ_LIMIT_BYTES = 64 * 1024
AGENT = "Tallyroom-Webhooks/1"


@dataclass(frozen=True)
class Reply:
    """What came of an attempt: a status, or why there is none.

    error  url_refused · dns_failed · connect_failed · tls_failed · timeout · protocol_error · redirect_refused (with its status)
    body   of a reply that came, cut at the limit
    """

    status: int | None = None
    error: str | None = None
    duration_ms: int = 0
    body: bytes = b""

    @property
    def ok(self) -> bool:
        return self.error is None and self.status is not None and 200 <= self.status < 300


class _Deadline:
    """Ends a connection when the time for all of it is over, however slowly the other side drips."""

    def __init__(self, seconds: float):
        self.ends = time.monotonic() + seconds
        self.over = False
        self._socket = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self):
        self._timer.start()
        return self

    def __exit__(self, *_exception):
        self._timer.cancel()
        if self._socket is not None:
            self._socket.close()

    @property
    def left(self) -> float:
        return max(0.01, self.ends - time.monotonic())

    def hold(self, one: socket.socket) -> None:
        self._socket = one
        if self.over:
            self._end()

    def _end(self) -> None:
        self.over = True
        if self._socket is not None:
            # Not SSLSocket's own, which has more to it. An error: it is closed already.
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@lru_cache(1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def post(url: str, body: bytes, headers: dict[str, str], *, seconds: float = SECONDS, content_type: str = "application/json") -> Reply:
    """Send `body`; never raises for what the other side or the network does. `seconds` is for all of it, from resolving to the last byte."""
    began = time.monotonic()
    status, error, read = None, None, b""
    with _Deadline(seconds) as deadline:
        try:
            target = guard.parse(url)
            connection = _connect(target, deadline)
            connection.request("POST", target.path, body, {"Content-Type": content_type, "User-Agent": AGENT, "Connection": "close", **headers})
            with connection.getresponse() as response:
                status = response.status
                read = response.read(READ_LIMIT_BYTES)
            error = "redirect_refused" if 300 <= status < 400 else None
        except guard.Refused:
            error = "url_refused"
        except guard.Unresolved:
            error = "dns_failed"
        except TimeoutError:
            error = "timeout"
        except ssl.SSLError:
            error = "tls_failed"
        except http.client.HTTPException:
            error = "protocol_error"
        except OSError:
            error = "connect_failed" if status is None else "protocol_error"
        if deadline.over:
            error = "timeout"
    return Reply(status, error, round((time.monotonic() - began) * 1000), read)


def _connect(target: guard.Target, deadline: _Deadline) -> http.client.HTTPConnection:
    """Connected to the first of the judged addresses that answers, TLS done."""
    found = guard.addresses(target, seconds=min(guard.RESOLVE_SECONDS, deadline.left))
    plain = _first(found, target.port, deadline)
    if target.scheme == "http":
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = plain
        return connection
    secured = _tls().wrap_socket(plain, server_hostname=target.host, do_handshake_on_connect=False)
    deadline.hold(secured)
    secured.do_handshake()
    connection = http.client.HTTPSConnection(target.host, target.port, context=_tls())
    connection.sock = secured
    return connection


def _first(found: list[str], port: int, deadline: _Deadline) -> socket.socket:
    failed: OSError = OSError("no address")
    for address in found:
        try:
            # One dead address must not eat the time of the others.
            one = socket.create_connection((address, port), timeout=deadline.left / 2)
        except OSError as error:
            failed = error
            continue
        one.settimeout(deadline.left)
        deadline.hold(one)
        return one
    raise failed
