"""The key that signs checkpoints: a file, never in the database. Public halves stay beside the anchors after a rotation."""

import hashlib
import os
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


class KeyMissing(RuntimeError):
    """There is no usable signing key, and none may be made here."""


def key_id(public: Ed25519PublicKey) -> str:
    """The first 16 hex digits of SHA-256 of the raw public key."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def signing_key() -> Ed25519PrivateKey:
    """The key of AUDIT_SIGNING_KEY. Only in this installation's own secrets folder is a missing one made; elsewhere: KeyMissing."""
    path = Path(settings.AUDIT_SIGNING_KEY)
    if not path.exists():
        if path.parent != Path(settings.TALLYROOM_VAR) / "secrets":
            raise KeyMissing(f"AUDIT_SIGNING_KEY: there is no file {path.name}")
        _make(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise KeyMissing(f"AUDIT_SIGNING_KEY: {path.name} is not readable as a private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyMissing("AUDIT_SIGNING_KEY must be an Ed25519 key")
    _keep_public(key.public_key())
    return key


def _make(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # Another process may be making one too: the first to link wins, and both read that one.
    with suppress(FileExistsError):
        _link(path, pem, 0o600)


def _keep_public(public: Ed25519PublicKey) -> None:
    path = _folder() / f"{key_id(public)}.pem"
    if not path.exists():
        with suppress(FileExistsError):
            _link(path, public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo), 0o644)


def _link(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()


def _folder() -> Path:
    return Path(settings.AUDIT_ANCHORS).parent / "keys"


def public_keys() -> dict[str, Ed25519PublicKey]:
    """Every key that may have signed here, by its id: the current one and the kept ones."""
    with suppress(KeyMissing):
        signing_key()
    return kept_keys()


def kept_keys() -> dict[str, Ed25519PublicKey]:
    """Those that are kept here, without a look at the signing key."""
    return {path.stem: _load_public(path) for path in sorted(_folder().glob("*.pem"))} if _folder().is_dir() else {}


@lru_cache(32)
def _load_public(path: Path) -> Ed25519PublicKey:
    key = serialization.load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey) or key_id(key) != path.stem:
        raise KeyMissing(f"{path.name} is not the public key that its name says")
    return key


def verifies(public: Ed25519PublicKey | None, signature: bytes, message: bytes) -> bool:
    """Whether `public` made `signature`; no key, no."""
    try:
        if public is None:
            return False
        public.verify(signature, message)
        return True
    except InvalidSignature:
        return False
