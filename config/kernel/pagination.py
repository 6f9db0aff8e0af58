"""Keyset pages: a signed cursor holds the last row's sort value and id, so page N costs what page 1 costs."""

import base64
import json
import uuid
from datetime import datetime

from django.core import signing
from django.db.models import Q
from rest_framework.response import Response

from config.kernel.errors import ApiError, FieldError

_SALT = "tallyroom.cursor"


class Page(Response):
    """A list's answer: `{"data": rows, "meta": {limit, returned, nextCursor}}`."""

    enveloped = True

    def __init__(self, rows, *, limit: int, next_cursor: str | None, meta: dict | None = None):
        super().__init__({"data": rows, "meta": {"limit": limit, "returned": len(rows), "nextCursor": next_cursor, **(meta or {})}})


def limit_of(query) -> int:
    """`limit` 1–200, default 50; FieldError otherwise."""
    text = query.get("limit", "50")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 200):
        raise FieldError("limit", "invalid", "limit must be 1 to 200.")
    return int(text)


def _plain(value):
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    if isinstance(value, uuid.UUID):
        return {"u": str(value)}
    return value


def _rich(value):
    if isinstance(value, dict):
        return datetime.fromisoformat(value["t"]) if "t" in value else uuid.UUID(value["u"])
    return value


def encode(value, pk, bound_to: str) -> str:
    """An opaque cursor behind the row (value, pk), valid for this list, sort and filters only."""
    raw = base64.urlsafe_b64encode(json.dumps([_plain(value), str(pk)], separators=(",", ":")).encode()).decode().rstrip("=")
    return signing.Signer(salt=_SALT + bound_to).sign(raw)


def decode(cursor: str, bound_to: str):
    """(value, pk) or ApiError cursor_invalid."""
    try:
        raw = signing.Signer(salt=_SALT + bound_to).unsign(cursor)
        value, pk = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
        return _rich(value), pk
    except (signing.BadSignature, ValueError, KeyError) as error:
        raise ApiError("cursor_invalid") from error


def page(queryset, request, filters):
    """(rows, limit, next cursor) of `queryset`, already filtered, in the order that the query asks for.

    The sort column must not be null (selectors annotate a coalesced one); id breaks ties in the same direction.
    """
    query = request.GET
    column, descending = filters.order(query.get("sort"))
    limit = limit_of(query)
    # The path names the list, and what it lies in.
    bound_to = f"{request.path}{column}{descending}{filters.fingerprint()}"
    sign, comparison = ("-", "lt") if descending else ("", "gt")
    if cursor := query.get("cursor"):
        value, pk = decode(cursor, bound_to)
        if column == "pk" or column == "id":
            queryset = queryset.filter(**{f"pk__{comparison}": pk})
        else:
            beyond = Q(**{f"{column}__{comparison}": value}) | Q(**{column: value, f"pk__{comparison}": pk})
            queryset = queryset.filter(beyond, **{f"{column}__{comparison}e": value})
    ordering = [f"{sign}pk"] if column in {"pk", "id"} else [f"{sign}{column}", f"{sign}pk"]
    rows = list(queryset.order_by(*ordering)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    next_cursor = encode(_value(rows[-1], column), rows[-1].pk, bound_to) if more else None
    return rows, limit, next_cursor


def _value(row, column: str):
    value = row
    for part in column.split("__"):
        value = getattr(value, part)
    return value
