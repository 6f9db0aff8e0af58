"""ETags of editable things: `If-Match` is honoured when sent, never demanded."""

import hashlib

from config.kernel.errors import ApiError


def etag(*parts) -> str:
    """A strong tag over what identifies this state, usually (id, revision)."""
    return '"' + hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32] + '"'


def check_if_match(request, current: str) -> None:
    """412 edit_conflict if the caller names a state that is no longer the current one."""
    sent = request.headers.get("If-Match")
    if sent and sent.strip() != "*" and current not in [tag.strip() for tag in sent.split(",")]:
        raise ApiError("edit_conflict")


def unless_changed(request):
    """`check(row)` for a service that holds the row's lock: there, and only there, `If-Match` can be believed."""
    return lambda row: check_if_match(request, etag(row.pk, row.revision))


def not_modified(request, current: str) -> bool:
    """Whether `If-None-Match` says that the caller has this state already."""
    sent = request.headers.get("If-None-Match", "")
    return sent.strip() == "*" or current in [tag.strip().removeprefix("W/") for tag in sent.split(",")]
