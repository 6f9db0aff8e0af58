"""Tokens that are derived instead of stored (04 §1): of role invites, and of the program link.

The secret is base62 of HMAC-SHA256(linkKey, "<purpose>|<control room>|…|<generation>"), linkKey = HKDF(SECRET_KEY, "tallyroom-links"). The
database alone yields no token; with another SECRET_KEY the derived one differs from the stored digest, which makes the link *stale*.
"""

import hashlib
import hmac
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from config.kernel.credentials import Minted, base62, build


@lru_cache(4)
def _link_key(secret: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tallyroom-links").derive(secret.encode())


def derive(prefix: str, *parts) -> Minted:
    """The credential for these parts, the same each time."""
    text = "|".join(map(str, parts))
    mac = hmac.new(_link_key(settings.SECRET_KEY), text.encode(), hashlib.sha256).digest()
    return build(prefix, base62(int.from_bytes(mac, "big"), 43))
