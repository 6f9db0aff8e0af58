"""The names and addresses under which this machine can be reached, for the certificate and the allowed hosts."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from pathlib import Path

_SIOCGIFADDR = 0x8915
LOOPBACK = ("127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def interface_addresses() -> list[str]:
    """Every IPv4 and IPv6 address of this machine but loopback and link-local ones, in the order of the interfaces."""
    found = [address for _, name in socket.if_nameindex() for address in _ipv4_of(name)]
    table = Path("/proc/net/if_inet6")
    if table.exists():
        for line in table.read_text().splitlines():
            digits = line.split()[0]
            found.append(str(ipaddress.IPv6Address(int(digits, 16))))
    usable = (ipaddress.ip_address(address) for address in found)
    return list(dict.fromkeys(str(ip) for ip in usable if not ip.is_loopback and not ip.is_link_local))


def _ipv4_of(interface: str) -> list[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            # An interface without an IPv4 address.
            return []
    return [socket.inet_ntoa(answer[20:24])]


def primary_address() -> str:
    """The address other machines most likely use: the one on the default route; loopback when there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; it only asks for the route.
            probe.connect(("192.0.2.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            address = ""
    if address and not is_loopback(address):
        return address
    return next(iter(interface_addresses()), LOOPBACK[0])


def bracketed(host: str) -> str:
    """`host` as it stands in a URL: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def reachable_names(bind: str) -> list[str]:
    """Host names and addresses under which a server bound to `bind` answers, the primary one first."""
    if is_loopback(bind):
        return list(dict.fromkeys([bind, LOOPBACK[0], "localhost", LOOPBACK[1]]))
    everywhere = ipaddress.ip_address(bind).is_unspecified
    addresses = [primary_address(), *interface_addresses()] if everywhere else [bind]
    return list(dict.fromkeys([*addresses, socket.gethostname().lower(), "localhost", *LOOPBACK]))
