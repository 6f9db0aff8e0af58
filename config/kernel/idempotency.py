"""`Idempotency-Key` on POST and PATCH: key, domain rows and stored answer commit together; a crash frees the key.

While a request runs it holds an advisory lock of its transaction on (scope, key), so a twin learns at once that it is still running, and
nothing has to be cleaned up after a crash. Only 2xx is stored. A view that is several transactions says so (`one_transaction`). Requests without
an account (sign-in) ignore the header, because their scope would be shared by strangers, unless the view knows another one (`stranger_scope`: the
invite that lets somebody in).
"""

import hashlib
import hmac
import json
import re
from contextlib import suppress

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from rest_framework.response import Response

from config.kernel import clock, wire
from config.kernel.errors import ApiError, FieldError
from config.kernel.models import IdempotencyRecord

KEEP_SECONDS = 24 * 3600
_KEY = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")
_STORED_HEADERS = ("Location", "ETag", "Content-Type")


def run(view, act, request, *args, **kwargs):
    """`act(request, …)` once for each (account, key); later requests get the first 2xx again with `Idempotent-Replayed: true`.

    Asked behind the doors, so that a replay passes them as a fresh request does; what `act` would answer now is not asked again.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method not in {"POST", "PATCH"}:
        return act(request, *args, **kwargs)
    if not _KEY.fullmatch(key):
        raise FieldError("Idempotency-Key", "invalid", "The key must be 1 to 255 printable ASCII characters.")
    actor = view.actor
    scope = view.stranger_scope(request) if actor.is_anonymous else f"{actor.kind}:{actor.id}"
    if scope is None or not view.stores_replies:
        return act(request, *args, **kwargs)
    # Read the body before the transaction starts: a slow client must not hold one open.
    fingerprint = _fingerprint(request._request)
    if not view.one_transaction:
        return _apart(view, act, request, scope, key, fingerprint, *args, **kwargs)
    waiting = request._after_rollback = []
    try:
        with transaction.atomic():
            _hold(scope, key, "pg_try_advisory_xact_lock")
            reply = _once(view, act, request, scope, key, fingerprint, *args, **kwargs)
            if reply.status_code >= 300:
                transaction.set_rollback(True)
            return reply
    finally:
        for report in waiting:
            report()


def _apart(view, act, request, scope: str, key: str, fingerprint: bytes, *args, **kwargs):
    """The same for what is several transactions: one around them would hold all their locks at once, in an order that others do not keep. The
    key is held by the connection; after a crash in between a repeat does, and answers, what was left."""
    _hold(scope, key, "pg_try_advisory_lock")
    try:
        return _once(view, act, request, scope, key, fingerprint, *args, **kwargs)
    finally:
        _lock(scope, key, "pg_advisory_unlock")


def _once(view, act, request, scope: str, key: str, fingerprint: bytes, *args, **kwargs):
    """The answer that is kept for the key, or that of `act`, kept if it is a 2xx. The key is held meanwhile."""
    stored = _kept(scope, key)
    if stored is not None:
        return _replay(stored, fingerprint)
    reply = act(request, *args, **kwargs)
    if 200 <= reply.status_code < 300 and not reply.streaming:
        _store(scope, key, fingerprint, _rendered(view, request, reply))
    return reply


def after_rollback(request, report) -> None:
    """Run `report` now, or once the idempotent transaction around this request has been undone."""
    waiting = getattr(request, "_after_rollback", None)
    if waiting is None:
        report()
    else:
        waiting.append(report)


def _hold(scope: str, key: str, function: str) -> None:
    """From here on the key is ours; ApiError idempotency_key_in_use."""
    if not _lock(scope, key, function):
        raise ApiError("idempotency_key_in_use", headers={"Retry-After": "1"})


def _kept(scope: str, key: str) -> IdempotencyRecord | None:
    """What is stored for this key, unless it is too old: then it is forgotten."""
    record = IdempotencyRecord.objects.filter(scope=scope, key=key).first()
    if record is not None and (clock.now() - record.created_at).total_seconds() >= KEEP_SECONDS:
        record.delete()
        return None
    return record


def _lock(scope: str, key: str, function: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 1))", [f"{scope}|{key}"])
        return cursor.fetchone()[0]


def _fingerprint(request) -> bytes:
    body = request.body
    with suppress(ValueError):
        body = json.dumps(wire.loads(body), sort_keys=True).encode() if body else b""
    parts = [
        request.method,
        request.path,
        "&".join(sorted(request.META.get("QUERY_STRING", "").split("&"))),
        request.headers.get("Operator-Version", ""),
    ]
    # Keyed, because a body may hold a password, and a plain hash of it could be guessed at.
    return hmac.digest(settings.SECRET_KEY.encode(), "\n".join(parts).encode() + b"\n" + body, hashlib.sha256)


def _rendered(view, request, reply) -> HttpResponse:
    """The reply as it goes out, so that what is stored is what is sent. (DRF finishes it once more, which changes nothing.)"""
    reply = view.finalize_response(request, reply)
    return reply.render() if isinstance(reply, Response) else reply


def _store(scope, key, fingerprint, reply) -> None:
    stored = getattr(reply, "replay_body", None)
    IdempotencyRecord.objects.create(
        scope=scope,
        key=key,
        fingerprint=fingerprint,
        status=reply.status_code,
        headers={name: reply[name] for name in _STORED_HEADERS if reply.has_header(name)},
        # A reply that shows a secret once says what its replay looks like (without it).
        body=wire.dumps({"data": stored}) if stored is not None else bytes(reply.content),
        created_at=clock.now(),
    )


def _replay(record: IdempotencyRecord, fingerprint: bytes) -> HttpResponse:
    if bytes(record.fingerprint) != fingerprint:
        raise ApiError("idempotency_key_reused")
    return HttpResponse(bytes(record.body), status=record.status, headers=record.headers | {"Idempotent-Replayed": "true"})
