"""A database of addresses, written by hand: half of all of them on one continent."""


def text(value: str) -> bytes:
    return bytes([0x40 | len(value)]) + value.encode() if len(value) < 29 else bytes([0x5D, len(value) - 29]) + value.encode()


def whole(kind: int, value: int, size: int) -> bytes:
    """An unsigned number: kinds over 7 have their type in a second byte."""
    head = bytes([kind << 5 | size]) if kind <= 7 else bytes([size, kind - 7])
    return head + value.to_bytes(size)


def mapping(**pairs: bytes) -> bytes:
    return bytes([0xE0 | len(pairs)]) + b"".join(text(name) + value for name, value in pairs.items())


def geoip(continent: str) -> bytes:
    """A MaxMind file: every IPv4 address below 128.0.0.0 is on this continent, the others are unknown."""
    tree = (1 + 16).to_bytes(3) + (1).to_bytes(3)
    about = mapping(
        node_count=whole(6, 1, 4), record_size=whole(5, 24, 2), ip_version=whole(5, 4, 2), database_type=text("Country"), languages=bytes([0, 4]),
        binary_format_major_version=whole(5, 2, 2), binary_format_minor_version=whole(5, 0, 2), build_epoch=whole(9, 1, 8), description=mapping(),
    )  # fmt: skip
    return tree + b"\0" * 16 + mapping(continent=mapping(code=text(continent))) + b"\xab\xcd\xefMaxMind.com" + about
