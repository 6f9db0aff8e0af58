"""The certificate behind a signed JPEG: its active C2PA manifest's COSE signature, found in the JUMBF boxes of the APP11 segments. Pure.

`c2pa` validates the signature but does not hand out the certificate it was made with; this only reads, and trusts nothing that `c2pa` has not
called valid. (ISO 19566-5 for the boxes, C2PA 2.x §13 for the labels, RFC 9360 for `x5chain`.)
"""

from collections.abc import Iterator
from typing import Any

import cbor2

_APP11, _SOS, _EOI = 0xEB, 0xDA, 0xD9
_X5CHAIN = 33


class Unreadable(ValueError):
    """No such certificate where it should be."""


def certificate(jpeg: bytes, manifest: str) -> bytes:
    """DER of the end-entity certificate that signed `manifest` (its label); Unreadable."""
    for kind, store in _stores(jpeg):
        if kind == b"jumb" and _label(store) == "c2pa":
            found = _inside(_inside(store, manifest), "c2pa.signature")
            for inner, content in _boxes(found):
                if inner == b"cbor":
                    return _end_entity(content)
    raise Unreadable("no signature box")


def claims(jpeg: bytes) -> bool:
    """Whether there is the beginning of a C2PA manifest store, readable or not."""
    return any(segment[:2] == b"JP" and b"c2pa" in segment[8:64] for segment in _app11(jpeg))


def _stores(jpeg: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Top boxes of the file; one that is longer than a segment goes on in further ones of the same instance number."""
    parts: dict[int, list[tuple[int, bytes]]] = {}
    for segment in _app11(jpeg):
        if segment[:2] != b"JP" or len(segment) < 16:
            continue
        instance, sequence = int.from_bytes(segment[2:4]), int.from_bytes(segment[4:8])
        parts.setdefault(instance, []).append((sequence, segment[8:]))
    for pieces in parts.values():
        pieces.sort(key=lambda piece: piece[0])
        # Each segment repeats the box's header.
        header = 16 if pieces[0][1][:4] == b"\0\0\0\1" else 8
        whole = pieces[0][1] + b"".join(piece[header:] for _, piece in pieces[1:])
        yield from _boxes(whole)


def _app11(jpeg: bytes) -> Iterator[bytes]:
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if marker in (_SOS, _EOI):
            return
        length = int.from_bytes(jpeg[at + 2 : at + 4])
        if marker == _APP11:
            yield jpeg[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def _boxes(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, content) of the boxes that follow each other in `raw`."""
    at = 0
    while at + 8 <= len(raw):
        length, kind, start = int.from_bytes(raw[at : at + 4]), raw[at + 4 : at + 8], at + 8
        if length == 1:
            length, start = int.from_bytes(raw[at + 8 : at + 16]), at + 16
        elif length == 0:
            length = len(raw) - at
        if length < start - at or at + length > len(raw):
            raise Unreadable("a box is longer than what holds it")
        yield kind, raw[start : at + length]
        at += length


def _label(superbox: bytes) -> str | None:
    """What the description box of a superbox says it is called: a UUID, toggles, then the name if their second bit is set."""
    kind, description = next(_boxes(superbox), (b"", b""))
    if kind != b"jumd" or len(description) < 18 or not description[16] & 0x02:
        return None
    return description[17:].split(b"\0", 1)[0].decode("utf-8", "replace")


def _inside(superbox: bytes, label: str) -> bytes:
    for kind, content in _boxes(superbox):
        if kind == b"jumb" and _label(content) == label:
            return content
    raise Unreadable(f"no box {label}")


def _end_entity(cose: bytes) -> bytes:
    """The first of `x5chain`, which lies in the protected header (C2PA 2) or beside it (older)."""
    try:
        message: Any = cbor2.loads(cose)
        fields = message.value if isinstance(message, cbor2.CBORTag) else message
        protected = cbor2.loads(fields[0]) if fields[0] else {}
        headers = {**fields[1], **protected}
        chain = headers.get(_X5CHAIN) or headers.get("x5chain")
        first = chain[0] if isinstance(chain, list) else chain
    except (cbor2.CBORDecodeError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise Unreadable("the signature is no COSE message") from error
    if not isinstance(first, bytes):
        raise Unreadable("no certificate in the signature")
    return first
