"""Answers of the edge: SDP, and the API's flat error."""

import json

from aiohttp import web

from config.kernel.error_codes import CODES
from config.kernel.ids import uuid7

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Retry-After, Accept-Post, Accept-Patch",
    "Access-Control-Max-Age": "86400",
}


def open_to_all(headers: dict[str, str] | None = None) -> dict[str, str]:
    """Headers of every answer: the token in the URL is the whole permission, so any page may use it; nothing is kept."""
    return {**_CORS, "Cache-Control": "no-store", **(headers or {})}


def error(code: str, message: str = "", *, retry_after: int | None = None, headers: dict | None = None, status: int | None = None) -> web.Response:
    """A code of the registry in the API's shape."""
    known = CODES[code]
    body = {"code": code, "transient": known.transient, "message": message or known.message}
    extra = {"Request-Id": str(uuid7()), **(headers or {})}
    if retry_after is not None:
        extra["Retry-After"] = str(retry_after)
    return web.Response(status=status or known.status, body=json.dumps(body).encode(), content_type="application/json", headers=open_to_all(extra))
