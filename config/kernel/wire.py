"""JSON in and out: strict on the way in, the `{data}` envelope and millisecond UTC on the way out."""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

import orjson
from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from config.kernel import clock

_DEPTH_LIMIT = 64
_NUL_OR_SURROGATE = re.compile(r"[\x00\ud800-\udfff]")


def _default(value):
    if isinstance(value, datetime):
        return clock.wire(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if isinstance(value, dict):
        return dict(value)
    raise TypeError(f"not JSON: {type(value)}")


def dumps(value) -> bytes:
    """Compact JSON bytes; datetimes as RFC 3339 UTC with milliseconds."""
    return orjson.dumps(value, default=_default, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS)


class _Invalid(ValueError):
    pass


def _pairs(pairs):
    seen = dict(pairs)
    if len(seen) != len(pairs):
        raise _Invalid("a key appears twice in one object")
    return seen


def _refuse_constant(name):
    raise _Invalid(f"{name} is not a JSON number")


def _check_depth(text: str) -> None:
    depth = deepest = 0
    in_string = escaped = False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > _DEPTH_LIMIT:
                raise _Invalid(f"nested deeper than {_DEPTH_LIMIT} levels")
        elif char in "]}":
            depth -= 1


def _check_strings(value) -> None:
    if isinstance(value, str):
        if _NUL_OR_SURROGATE.search(value):
            raise _Invalid("text must not contain NUL or lone surrogates")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_strings(key)
            _check_strings(item)
    elif isinstance(value, list):
        for item in value:
            _check_strings(item)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _Invalid("a number is too large")
    return number


def _bounded(text: str) -> int:
    # 64 bits, signed: more could neither be stored nor be told again.
    if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
        raise _Invalid("a number is too large")
    return int(text)


def loads(raw: bytes | str):
    """Parse strictly: duplicate keys, NaN, NUL, lone surrogates, deep nesting are `ValueError` with a sentence, never a crash."""
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
    except UnicodeDecodeError as error:
        raise ValueError("the body is not UTF-8") from error
    if text.count("[") + text.count("{") > _DEPTH_LIMIT:
        _check_depth(text)
    try:
        value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_bounded)
    except _Invalid:
        raise
    except (ValueError, RecursionError) as error:
        raise ValueError("the body is not valid JSON") from error
    _check_strings(value)
    return value


class StrictJSONParser(BaseParser):
    """`application/json`; an empty body reads as `{}`."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None):
        raw = stream.read()
        if not raw.strip():
            return {}
        try:
            return loads(raw)
        except ValueError as error:
            sentence = str(error)
            raise exceptions.ParseError(f"{sentence[0].upper()}{sentence[1:]}.") from error


class EnvelopeRenderer(BaseRenderer):
    """Success becomes `{"data": …}` (a view that needs `meta` returns a `Page`); errors are flat already."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data, accepted_media_type=None, renderer_context=None):
        reply = (renderer_context or {}).get("response")
        if reply is not None and reply.status_code == 204:
            return b""
        if reply is not None and (reply.status_code >= 400 or getattr(reply, "enveloped", False)):
            return dumps(data)
        return dumps({"data": data})


class Negotiation(DefaultContentNegotiation):
    """Like DRF's, but errors are always JSON and the query parameter `format` is a filter of exports, not a renderer."""

    def filter_renderers(self, renderers, format):  # noqa: A002 - DRF's name
        return renderers

    def select_renderer(self, request, renderers, format_suffix=None):
        try:
            return super().select_renderer(request, renderers, None)
        except exceptions.NotAcceptable:
            renderer = renderers[0]
            if getattr(request.parser_context.get("view"), "any_accept", False):
                return renderer, renderer.media_type
            raise
