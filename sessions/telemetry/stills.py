"""Checking a signed still (C2PA). Nothing is fetched: neither a manifest from elsewhere nor a certificate's status."""

import hashlib
import io
import json
from functools import cache
from typing import NamedTuple

from config.kernel import later
from sessions.telemetry import jumbf

c2pa = later.module("c2pa")
JPEG = "image/jpeg"
# Which certificates are to be trusted is not ours to say: the operator declares one at start, and that one it must be.
_SETTINGS = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": False, "verify_timestamp_trust": False}}


class NoManifest(ValueError):
    """The picture carries no manifest."""


class NoPicture(ValueError):
    """It is no JPEG."""


class Checked(NamedTuple):
    """`valid`: signature and picture fit each other. `certificate_sha256`: of the signer's certificate (DER), lower-case hex; None if unreadable."""

    valid: bool
    certificate_sha256: str | None


def check(jpeg: bytes) -> Checked:
    """Look at a still. NoManifest, NoPicture; a manifest that can't be read is an invalid one."""
    if not jpeg.startswith(b"\xff\xd8\xff"):
        raise NoPicture
    try:
        with c2pa.Reader(JPEG, io.BytesIO(jpeg), context=_context()) as reader:
            valid = reader.get_validation_state() in ("Valid", "Trusted")
            manifest = json.loads(reader.json()).get("active_manifest") or ""
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.RemoteManifest) as error:
        raise NoManifest from error
    except c2pa.C2paError.NotSupported as error:
        raise NoPicture from error
    except c2pa.C2paError as error:
        # Also said of a file that is cut off or no whole JPEG. What holds no manifest breaks no chain.
        if not jumbf.claims(jpeg):
            raise NoManifest from error
        return Checked(False, None)
    try:
        return Checked(valid, hashlib.sha256(jumbf.certificate(jpeg, manifest)).hexdigest())
    except jumbf.Unreadable:
        return Checked(False, None)


@cache
def _context() -> "c2pa.Context":
    return c2pa.Context(c2pa.Settings.from_dict(_SETTINGS))
