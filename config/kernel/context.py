"""What is known about the request being served, for logs, audit and errors, without passing it through every call."""

import ipaddress
import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.conf import settings

from config.kernel.ids import uuid7


@dataclass
class RequestContext:
    """Facts of one request, task or socket message. `route` is the template, never a path with ids or tokens; `permission` is the one its door asked for."""

    request_id: str
    method: str = ""
    route: str = ""
    ip: str | None = None
    user_agent: str = ""
    actor: object | None = None
    permission: str | None = None
    version: str = ""
    refusals: list = field(default_factory=list)


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def current() -> RequestContext:
    """The context in force; outside any, a fresh one that belongs to nobody."""
    return _current.get() or RequestContext(request_id=str(uuid7()))


@contextmanager
def use(context: RequestContext):
    """Make `context` the current one; reset by token, so nothing leaks into the next request of the thread."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def request_id_from(value: str | None) -> str:
    """A caller's own Request-Id if it is harmless, else a new one."""
    return value if value and re.fullmatch(r"[A-Za-z0-9._-]{8,64}", value) else str(uuid7())


def _address(text: str):
    try:
        # Through which interface a link-local address was reached is no part of it: the database takes none.
        return ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None


def _trusted(address) -> bool:
    return any(address in ipaddress.ip_network(entry, strict=False) for entry in settings.TRUSTED_PROXIES)


def client_address(request) -> str | None:
    """The peer, or the right-most `X-Forwarded-For` entry that is no trusted proxy; parsed, never raw."""
    return resolve_address(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def resolve_address(peer: str, forwarded: str) -> str | None:
    """The same for any server interface: `peer` is the socket's address, `forwarded` the header's text."""
    # A unix socket has no peer address: only a proxy of this host can be behind it.
    address = _address(peer) if peer else _address("127.0.0.1")
    if address is None:
        return None
    for entry in reversed(forwarded.split(",")) if forwarded else ():
        if not _trusted(address):
            break
        candidate = _address(entry)
        if candidate is None:
            break
        address = candidate
    return str(address)
