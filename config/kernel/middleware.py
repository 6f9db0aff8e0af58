"""What every request passes, outermost first: context and Request-Id, flat errors, security headers, body limits, the actor."""

import time

import structlog
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.urls import Resolver404, ResolverMatch, resolve

from config.kernel import authentication, context, errors, metrics, versions
from config.kernel.access import UNSAFE_METHODS, Kind, ports
from config.kernel.content_policy import content_security_policy
from config.kernel.credentials import redacted
from config.kernel.errors import ApiError
from config.kernel.views import wants_json

log = structlog.get_logger("http")
_QUIET = {"/healthz", "/readyz", "/metrics"}
_VARY = f"{versions.HEADER}, Authorization, Cookie"


class RequestContextMiddleware:
    """Sets the request context, echoes `Request-Id` and `Operator-Version`, writes one access line and one timing."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        started = time.perf_counter()
        facts = context.RequestContext(
            request_id=context.request_id_from(request.headers.get("Request-Id")),
            method=request.method or "",
            ip=context.client_address(request),
            user_agent=redacted(request.headers.get("User-Agent", "")[:256]),
            version=versions.named(request),
        )
        with context.use(facts):
            facts.route = _route(request)
            reply = self.get_response(request)
            self._stamp(request, reply, facts)
            elapsed = time.perf_counter() - started
            metrics.HTTP_SECONDS.labels(request.method if request.method in metrics.METHODS else "other", str(reply.status_code)).observe(elapsed)
            if request.path not in _QUIET:
                level = _level(request, reply.status_code)
                level(
                    "request",
                    method=facts.method,
                    route=facts.route,
                    status=reply.status_code,
                    ms=round(elapsed * 1000, 1),
                    request_id=facts.request_id,
                )
        return reply

    @staticmethod
    def _stamp(request, reply, facts) -> None:
        reply["Request-Id"] = facts.request_id
        if request.path.startswith("/api/"):
            reply[versions.HEADER] = facts.version
            reply["Vary"] = _VARY
            for name, value in getattr(request, "tally_headers", {}).items():
                reply.setdefault(name, value)
            reply.setdefault("Cache-Control", "no-store")


def _level(request, status: int):
    """A node's routine success, every few seconds from each of a fleet, is no news; a defect of ours is."""
    if status >= 500 and status not in {503, 507}:
        return log.warning
    actor = getattr(request, "actor", None)
    return log.debug if status < 400 and actor is not None and actor.kind is Kind.NODE else log.info


def _match(request) -> ResolverMatch | None:
    """What the path leads to. Hundreds of patterns are tried for it, so it is asked once."""
    if not hasattr(request, "tally_match"):
        try:
            request.tally_match = resolve(request.path_info)
        except (Resolver404, ValueError):
            request.tally_match = None
    return request.tally_match


def _route(request) -> str:
    match = _match(request)
    return f"/{match.route}" if match else "unmatched"


class ErrorEnvelopeMiddleware:
    """The teapot, and flat JSON for everything that never reached a DRF view."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.method == "BREW":
            return errors.response(ApiError("teapot"))
        try:
            return self.get_response(request)
        except Exception as error:  # noqa: BLE001 - the last line before the server: nothing may leave as HTML or a closed socket
            return errors.response(errors.from_exception(error))

    def process_exception(self, request, exception):
        if isinstance(exception, ApiError) or wants_json(request):
            known = errors.from_exception(exception)
            ports.refused(known, request, None)
            return errors.response(known)
        return None


class SecurityHeadersMiddleware:
    """The content policy, and what of a device pages may ask for."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.policy = content_security_policy()

    def __call__(self, request):
        reply = self.get_response(request)
        reply.setdefault("Content-Security-Policy", self.policy)
        reply.setdefault("Permissions-Policy", "camera=(self), microphone=(self), geolocation=(self)")
        return reply


class BodyLimitMiddleware:
    """Bodies need a length and are bounded before they are read; routes that take more say so on their view (`body_limit_bytes`)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.method in UNSAFE_METHODS and (refusal := self._refusal(request)):
            return errors.response(refusal)
        return self.get_response(request)

    @staticmethod
    def _refusal(request) -> ApiError | None:
        text = request.META.get("CONTENT_LENGTH") or ""
        if not text:
            # Neither server shows a chunked body reliably, so an unknown length is refused alike on both.
            chunked = "HTTP_TRANSFER_ENCODING" in request.META
            return ApiError("length_required") if chunked or request.method == "PUT" else None
        if not text.isdigit():
            return ApiError("length_required")
        if int(text) > _limit(request):
            return ApiError("body_too_large", data={"max_bytes": _limit(request)})
        return None


def _limit(request) -> int:
    match = _match(request)
    if match is None:
        return settings.JSON_BODY_LIMIT_BYTES
    view = match.func
    return getattr(getattr(view, "cls", view), "body_limit_bytes", settings.JSON_BODY_LIMIT_BYTES)


class ActorMiddleware:
    """`request.actor` for pages and the admin (the API asks for itself, so that its refusals are its own)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not request.path.startswith("/api/"):
            try:
                request.actor = authentication.resolve(request)
            except ApiError as error:
                ports.refused(error, request, None)
                return errors.response(error)
            context.current().actor = request.actor
            # Django's own parts ask for `user`: who is signed in is known by their sign-in alone.
            request.user = request.actor.subject if request.actor.kind is Kind.USER else AnonymousUser()
        return self.get_response(request)
