"""Edge tokens: `tr_edge_` credentials that open one media input at the media edge, and nothing else. Pure but for the key.

A publish token is HMAC-SHA256 over the input's id, so it can be said again though only its SHA-256 is stored. A viewer token is over
input, its own id and its expiry. Keys for other uses of the same secret are derived by name, so that no signature serves twice.
"""

import hashlib
import hmac
from datetime import datetime

from django.conf import settings

from config.kernel import credentials

PREFIX = "tr_edge_"


def _key(purpose: str) -> bytes:
    return hmac.digest(settings.EDGE_TOKEN_KEY.encode(), f"tallyroom media {purpose}".encode(), hashlib.sha256)


def _mint(*parts: object) -> credentials.Minted:
    number = int.from_bytes(hmac.digest(_key("edge"), "|".join(map(str, parts)).encode(), hashlib.sha256), "big")
    return credentials.build(PREFIX, credentials.base62(number, 43))


def publish(input_id) -> credentials.Minted:
    """The publish token of an input: the same at every call."""
    return _mint("publish", input_id)


def view(input_id, token_id, expires_at: datetime) -> credentials.Minted:
    """A viewer token; it can connect until `expires_at`."""
    return _mint("view", input_id, token_id, int(expires_at.timestamp() * 1000))


def is_edge(token: str) -> bool:
    return credentials.prefix_of(token) == PREFIX


def control() -> str:
    """What the controller says to the embedded server's control routes."""
    return _key("control").hex()


def events_path() -> str:
    """The token in the path of `/video/events/:token`, the first of two proofs."""
    return _key("events path").hex()[:40]


def events_signature(body: bytes) -> str:
    """The embedded server's signature of an event's body."""
    return hmac.new(_key("events"), body, hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Equal, compared in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
