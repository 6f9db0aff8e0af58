"""One credential format for everything: `<prefix>_<43 base62><6 base62 of CRC-32>`, stored as SHA-256, shown once."""

import hashlib
import re
import secrets
import zlib
from typing import NamedTuple

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TOKEN = re.compile(r"(?P<prefix>tr_(?:[a-z]+_)+)(?P<secret>[0-9A-Za-z]{43})(?P<check>[0-9A-Za-z]{6})")
ANY_TOKEN = re.compile(r"(tr_[a-z_]+_)[0-9A-Za-z]{16,}([0-9A-Za-z]{4})")


class Minted(NamedTuple):
    """A new credential: `token` goes to its owner once; `digest` (32 bytes), `prefix` and `last_four` are stored."""

    token: str
    digest: bytes
    prefix: str
    last_four: str


def base62(number: int, width: int) -> str:
    """`number` in base 62, left-padded with zeros."""
    digits = []
    while number:
        number, rest = divmod(number, 62)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits)).rjust(width, "0")


def _checksum(text: str) -> str:
    return base62(zlib.crc32(text.encode()), 6)


def mint(prefix: str) -> Minted:
    """A fresh credential of 256 bits. `prefix` is as in 02, with its last underscore: `tr_usr_`."""
    return build(prefix, base62(secrets.randbits(256), 43))


def build(prefix: str, secret: str) -> Minted:
    """The credential for a given 43-character secret (derived invites)."""
    body = prefix + secret
    token = body + _checksum(body)
    return Minted(token, digest(token), prefix, token[-4:])


def digest(token: str) -> bytes:
    """What is stored and looked up."""
    return hashlib.sha256(token.encode()).digest()


def prefix_of(token: str) -> str | None:
    """The prefix if the format and checksum hold, else None: a typo never costs a query."""
    match = _TOKEN.fullmatch(token)
    if not match or _checksum(token[:-6]) != match["check"]:
        return None
    return match["prefix"]


def redacted(text: str) -> str:
    """`text` with every credential cut down to its prefix and last four characters."""
    return ANY_TOKEN.sub(r"\1…\2", text)
