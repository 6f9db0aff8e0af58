"""Which entered addresses may be called (05 §11, 13): https to public addresses, so that nobody reaches into the network through us.

http is for this very machine and with DEBUG only; `OUTBOUND_ALLOW_PRIVATE` opens private addresses to https. Names are resolved once for each
attempt, and what was judged is what is connected to: an answer that changes after the check changes nothing.
"""

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from django.conf import settings

URL_LIMIT = 2048
RESOLVE_SECONDS = 3.0
_PORTS = {"https": 443, "http": 80}
# Addresses that carry an IPv4 address in their last 32 bits, and are judged by it: NAT64, its local form, IPv4-compatible.
_CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
# A resolver that hangs must not hold its caller; it ends by its own time-outs.
_resolvers = ThreadPoolExecutor(16, thread_name_prefix="resolve")

Address = IPv4Address | IPv6Address


class Refused(Exception):
    """This address must not be called; `str()` says why, for people."""


class Unresolved(Exception):
    """The name has no address now; it may have one later."""


@dataclass(frozen=True)
class Target:
    """A URL taken apart: `host` without brackets, `path` with its query, as sent in the request line."""

    scheme: str
    host: str
    port: int
    path: str


def parse(url: str) -> Target:
    """The parts of `url`; Refused for what is no URL that we would call, whatever its host resolves to."""
    if len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Refused(f"A URL is at most {URL_LIMIT} ASCII characters, without spaces.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused("This is no valid URL.") from error
    if parts.scheme not in _PORTS or not host or port == 0:
        raise Refused("Give a URL that starts with https:// and names a host.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Refused("User names, passwords and fragments don't belong into this URL.")
    if parts.scheme == "http" and not settings.DEBUG:
        raise Refused("Only https is called.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could be meant. Unwraps IPv4 that hides in IPv6."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.is_site_local or address.teredo is not None:
            return False
        if address.sixtofour is not None and not is_public(address.sixtofour):
            return False
        if any(address in network for network in _CARRIERS):
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast and not address.is_reserved


def judge(target: Target, addresses: list[str]) -> None:
    """Refused unless every address that the host has may be called by this scheme: one bad answer among good ones is no accident."""
    for text in addresses:
        address = ip_address(text)
        plain = getattr(address, "ipv4_mapped", None) or address
        if plain.is_multicast or plain.is_unspecified:
            raise Refused("The host has no address that can be called.")
        if target.scheme == "http":
            if not plain.is_loopback:
                raise Refused("http is called on this machine only.")
        elif not settings.OUTBOUND_ALLOW_PRIVATE and not is_public(address):
            raise Refused("The host is not public: its address is private, local or reserved.")


def lookup(host: str, port: int) -> list[str]:
    """The addresses of `host`, in the order to try them. OSError or UnicodeError if it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(entry[4][0] for entry in found))


def addresses(target: Target, *, seconds: float = RESOLVE_SECONDS) -> list[str]:
    """Resolve once and judge. Refused, Unresolved."""
    try:
        found = _resolvers.submit(lookup, target.host, target.port).result(seconds)
    except (OSError, UnicodeError, TooLate) as error:
        raise Unresolved(f"The host {target.host} has no address.") from error
    judge(target, found)
    return found


def check(url: str, *, seconds: float = 2.0) -> None:
    """For the moment when someone enters a URL: Refused now rather than at the first delivery. A name that does not resolve yet is let pass."""
    try:
        addresses(parse(url), seconds=seconds)
    except Unresolved:
        return
