"""Secrets that must be read again (a password in a source URL) are stored encrypted, with a key derived from SECRET_KEY per purpose."""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


@lru_cache(32)
def _cipher(purpose: str, key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"tallyroom/{purpose}".encode()).derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def seal(text: str, purpose: str) -> bytes:
    """`text`, encrypted and authenticated."""
    return _cipher(purpose, settings.SECRET_KEY).encrypt(text.encode())


def unseal(sealed: bytes, purpose: str) -> str | None:
    """What `seal` was given; None if the key has changed since, or it was tampered with."""
    try:
        return _cipher(purpose, settings.SECRET_KEY).decrypt(bytes(sealed)).decode()
    except InvalidToken:
        return None
