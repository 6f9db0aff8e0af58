"""`Content-Range` of a part and RFC 9530 digests. Pure."""

import base64
import binascii
import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)
_DIGEST = re.compile(r"\s*([a-z0-9-]+)\s*=\s*:([A-Za-z0-9+/=]*):\s*(?:,|$)")


class Invalid(ValueError):
    """The header does not describe this body."""


@dataclass(frozen=True)
class Part:
    """`length` bytes from `start` of a file of `total` bytes."""

    start: int
    length: int
    total: int

    @property
    def end(self) -> int:
        """First byte after this part."""
        return self.start + self.length

    @property
    def is_last(self) -> bool:
        return self.end == self.total


def parse(header: str | None, length: int) -> Part:
    """The part that `header` and the body's `length` describe; no header: the body is the whole file. Invalid otherwise."""
    if header is None:
        return Part(0, length, length)
    found = _RANGE.fullmatch(header.strip())
    if not found:
        raise Invalid("must be like bytes 0-8388607/20971520")
    first, last, total = (int(value) for value in found.groups())
    if not first <= last < total:
        raise Invalid("must not be reversed or end beyond the total")
    if last - first + 1 != length:
        raise Invalid("must cover exactly the body")
    return Part(first, length, total)


def sha256_of(header: str | None) -> str | None:
    """The sha-256 (hex) of a `Content-Digest` or `Repr-Digest` field; None if there is none or it is malformed."""
    for name, value in _DIGEST.findall(header or ""):
        if name == "sha-256":
            try:
                raw = base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                return None
            return raw.hex() if len(raw) == 32 else None
    return None


def field(sha256_hex: str) -> str:
    """`sha-256=:…:` of a hex digest."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256_hex)).decode()}:"
