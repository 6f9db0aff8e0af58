"""One way to fail: `raise ApiError("code")`; the registry knows status, transience and sentence."""

from collections.abc import Sequence

import structlog
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions as drf
from rest_framework.response import Response

from config.kernel import context, wire
from config.kernel.error_codes import CODES
from config.kernel.names import camelized

log = structlog.get_logger("errors")


class ApiError(Exception):
    """A refusal that the caller can act on.

    `code` is a key of the registry; `message` overrides its sentence; `data` (snake_case keys) is optional context; `headers` go on the
    response; `transient` overrides the registry only where it documents both (checksum_mismatch). `about` are the things that a 404 may have
    hidden, as (kind or model, id): never on the wire, the audit looks afterwards which of them there are.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        data: dict | None = None,
        headers: dict | None = None,
        transient: bool | None = None,
        about: Sequence[tuple] = (),
    ):
        self.entry = CODES[code]
        self.code = code
        self.status = self.entry.status
        self.transient = self.entry.transient if transient is None else transient
        self.message = message or self.entry.message
        self.data = data
        self.headers = headers or {}
        self.about = tuple(about)
        super().__init__(f"{code}: {self.message}")

    def body(self) -> dict:
        """The flat error of the wire."""
        body = {"code": self.code, "transient": self.transient, "message": self.message}
        if self.data is not None:
            body["data"] = camelized(self.data)
        return body


class FieldError(ApiError):
    """400 `validation_failed` for one field. `path` is as the client wrote it (`channels[0].index`), `code` the field's own."""

    def __init__(self, path: str, code: str, message: str):
        super().__init__("validation_failed", data={"errors": [{"path": path, "code": code, "message": message}]})


def flatten_details(detail, path: str = "") -> list[dict]:
    """DRF's nested error detail as `[{path, code, message}]`, paths like `channels[0].index`."""
    if isinstance(detail, dict):
        rows = []
        for key, value in detail.items():
            if isinstance(key, int):  # an item of a list
                rows += flatten_details(value, f"{path}[{key}]")
                continue
            key = "" if key == "non_field_errors" else str(key)
            rows += flatten_details(value, f"{path}.{key}" if path and key else path or key)
        return rows
    if isinstance(detail, list):
        if all(isinstance(item, (dict, list)) for item in detail):
            return [row for index, item in enumerate(detail) for row in flatten_details(item, f"{path}[{index}]") if item]
        return [row for item in detail for row in flatten_details(item, path)]
    return [{"path": path, "code": str(getattr(detail, "code", "invalid")), "message": str(detail)}]


def _from_validation(error: drf.ValidationError) -> ApiError:
    rows = flatten_details(error.detail)
    unknown = [row for row in rows if row["code"] == "unknown_parameter"]
    if unknown:
        return ApiError("unknown_parameter", data={"errors": unknown})
    return ApiError("validation_failed", data={"errors": rows})


def translate(error: Exception) -> ApiError | None:
    """The product's error for what Django, DRF or the database raised; None for a defect of ours."""
    match error:
        case ApiError():
            return error
        case drf.ValidationError():
            return _from_validation(error)
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return ApiError("not_authenticated")
        case Http404() | drf.NotFound():
            return ApiError("not_found")
        case SuspiciousOperation():
            return ApiError("validation_failed")
        case drf.PermissionDenied() | PermissionDenied():
            return ApiError("permission_denied")
        case drf.MethodNotAllowed():
            return ApiError("method_not_allowed")
        case drf.NotAcceptable():
            return ApiError("not_acceptable")
        case drf.UnsupportedMediaType():
            return ApiError("unsupported_media_type")
        case drf.ParseError():
            return FieldError("", error.default_code, str(error.detail))
        case OperationalError() if getattr(error.__cause__, "sqlstate", None) == "55P03":
            return ApiError("busy", headers={"Retry-After": "1"})
        case OperationalError():
            return ApiError("not_ready", headers={"Retry-After": "2"})
    return None


def challenge(error: ApiError) -> dict:
    """Headers that belong to the status: 401 names the scheme, 429 and transient 5xx say when to come back."""
    headers = dict(error.headers)
    if error.status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="tallyroom"')
    if error.status == 429:
        headers.setdefault("Retry-After", "1")
    return headers


def from_exception(error: Exception) -> ApiError:
    """Like `translate`, but a defect becomes `internal_error`, logged once with its trace and request id."""
    known = translate(error)
    if known is None:
        log.error("unhandled", exc_info=error, request_id=context.current().request_id)
        return ApiError("internal_error", data={"request_id": context.current().request_id})
    if isinstance(error, OperationalError):
        log.warning("database_unavailable", error=str(error).splitlines()[0] if str(error) else "")
    return known


def response(error: ApiError) -> HttpResponse:
    """The flat error as a plain Django response, for middleware and unmatched routes."""
    reply = HttpResponse(wire.dumps(error.body()), status=error.status, content_type="application/json")
    for name, value in challenge(error).items():
        reply[name] = value
    return reply


def exception_handler(error: Exception, handler_context: dict) -> Response:
    """DRF's hook: every exception of a view becomes the flat error. The only transaction around a view is idempotency's, which undoes itself."""
    known = from_exception(error)
    headers = challenge(known)
    if isinstance(error, drf.MethodNotAllowed):
        view = handler_context.get("view")
        if view is not None:
            headers["Allow"] = ", ".join(view.allowed_methods)
    reply = Response(known.body(), status=known.status, headers=headers)
    reply.tally_error = known
    return reply
