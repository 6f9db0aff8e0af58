"""What may stand in an audit row. Allow-list first: `snapshot` takes a model's AUDIT_FIELDS and nothing else; then every value is cleaned.

Pure: no database, no request. The rules are numbered as in `docs/audit.md`.
"""

import hashlib
import json
import math
import re
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from config.kernel import clock, wire
from config.kernel.names import camel

REDACTED = "[redacted]"
STRING_LIMIT, LABEL_LIMIT, REASON_LIMIT, AGENT_LIMIT = 1024, 200, 500, 256
LIST_LIMIT, DEPTH_LIMIT = 50, 6
SIZE_LIMIT_BYTES = 16 * 1024

_SECRET_KEY = re.compile(
    r"password|secret|token|signature|nonce|verifier|private|credential|authorization|cookie|publish_?url|whip_?url|stream_?key", re.IGNORECASE
)
_FREE_TEXT = {"note", "notes", "transcript", "text", "message", "messages", "context", "metadata", "customfields", "instructions", "prompt"}
_TOKEN = re.compile(r"(tr_[a-z_]+_)[0-9A-Za-z]{16,}([0-9A-Za-z]{4})")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def snapshot(row) -> dict:
    """The audited fields of a model instance: `AUDIT_FIELDS` of its class, attribute names or dotted paths. Foreign keys as `…_id`."""
    return {name: _attribute(row, name) for name in type(row).AUDIT_FIELDS}


def _attribute(row, path: str):
    for part in path.split("."):
        row = getattr(row, part, None)
    return row


def changes(before: dict | None, after: dict | None) -> tuple[dict | None, dict | None]:
    """Both sides without what is equal on both. A creation has no before, a removal no after."""
    if before is None or after is None:
        return before, after
    differing = [key for key in {**before, **after} if before.get(key) != after.get(key) or (key in before) != (key in after)]
    return {key: before[key] for key in differing if key in before}, {key: after[key] for key in differing if key in after}


def text(value: str, limit: int = STRING_LIMIT) -> str:
    """A string without credentials and URL secrets, cut to `limit` characters, storable."""
    if len(value) <= limit and "tr_" not in value and "://" not in value and value.isprintable():
        return value
    value = _UNSTORABLE.sub("\ufffd", value[: limit * 8])
    if "tr_" in value:
        value = _TOKEN.sub(r"\1…\2", value)
    if "://" in value:
        value = _URL.sub(lambda match: url(match[0]), value)
    return value if len(value) <= limit else value[: limit - 1] + "…"


def line(value: str, limit: int = LABEL_LIMIT) -> str:
    """The same as one line: a label or a reason."""
    return text(value if value.isprintable() else _CONTROL.sub(" ", value), limit)


def url(value: str) -> str:
    """A URL without user info, query and fragment; one that doesn't parse is redacted whole."""
    try:
        parts = urlsplit(value)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return REDACTED
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def fingerprint(value) -> dict:
    """Free text as `{length, sha256}`: whether it changed shows, what it says doesn't. Length in characters."""
    content = value if isinstance(value, str) else _canonical(_plain(value, DEPTH_LIMIT * 4))
    return {"length": len(content), "sha256": hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()}


def _is_free_text(key: str) -> bool:
    return key.replace("_", "").lower() in _FREE_TEXT


def clean(value, key: str = "", depth: int = DEPTH_LIMIT):
    """`value` as JSON that may be stored, its keys in camelCase. `key` is the name under which it stands."""
    if key and _SECRET_KEY.search(key):
        return value if value is None or isinstance(value, bool) else REDACTED
    if key and _is_free_text(key) and value not in (None, "") and not isinstance(value, (bool, int, float)):
        return fingerprint(value)
    return _bounded(value, depth)


def _bounded(value, depth: int):
    if isinstance(value, dict):
        if depth <= 0:
            return "…"
        return {camel(text(str(name), 100)): clean(item, str(name), depth - 1) for name, item in list(value.items())[:LIST_LIMIT]}
    if isinstance(value, (list, tuple, set, frozenset)):
        if depth <= 0:
            return "…"
        return [_bounded(item, depth - 1) for item in list(value)[:LIST_LIMIT]]
    plain = _scalar(value)
    return text(plain) if isinstance(plain, str) else plain


def _scalar(value):
    """A JSON scalar; what has no JSON form becomes text."""
    match value:
        case None | bool():
            return value
        case Enum():
            return _scalar(value.value)
        case str():
            return str(value)
        case int():
            return value if abs(value) < 2**63 else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime():
            return clock.wire(value) if value.tzinfo else value.isoformat()
        case date():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return REDACTED
        case UUID() | Decimal():
            return str(value)
    return str(value)


def _plain(value, depth: int):
    if depth > 0 and isinstance(value, dict):
        return {str(key): _plain(item, depth - 1) for key, item in value.items()}
    if depth > 0 and isinstance(value, (list, tuple)):
        return [_plain(item, depth - 1) for item in value]
    return _scalar(value)


def _canonical(value) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fit(*parts: dict | None) -> list[dict | None]:
    """The cleaned `parts` of one row within SIZE_LIMIT_BYTES together: the largest give way to `{"truncated": true, "sha256"}` first."""
    fitted = list(parts)
    if sum(len(wire.dumps(part)) for part in parts if part is not None) <= SIZE_LIMIT_BYTES:
        return fitted
    encoded = [_canonical(part).encode() if part is not None else b"" for part in fitted]
    while sum(map(len, encoded)) > SIZE_LIMIT_BYTES:
        largest = max(range(len(encoded)), key=lambda index: len(encoded[index]))
        fitted[largest] = {"truncated": True, "sha256": hashlib.sha256(encoded[largest]).hexdigest()}
        encoded[largest] = _canonical(fitted[largest]).encode()
    return fitted
