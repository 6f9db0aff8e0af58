"""Routes at the root that belong to no app: liveness, readiness, metrics, and JSON for what matched nothing."""

import ipaddress

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from config.kernel import authentication, broker, clock, context, errors, metrics, pulse, wire
from config.kernel.access import ANONYMOUS, Kind, Perm, ports, require
from config.kernel.errors import ApiError

STARTED_AT = clock.now()


def wants_json(request) -> bool:
    """API and machine routes always; others unless the client asks for HTML."""
    return request.path.startswith(("/api/", "/healthz", "/readyz", "/metrics", "/whip", "/whep")) or "text/html" not in request.headers.get(
        "Accept", ""
    )


def _json(body, status: int = 200) -> HttpResponse:
    return HttpResponse(wire.dumps(body), status=status, content_type="application/json", headers={"Cache-Control": "no-store"})


@csrf_exempt
def healthz(request):
    """Alive: this process answers. Says nothing about what it depends on."""
    return _json({"data": {"ok": True, "service": "tallyroom", "version": settings.VERSION, "startedAt": clock.wire(STARTED_AT)}})


def _database_is_up() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    except DatabaseError:
        connection.close()
        return False


@csrf_exempt
def readyz(request):
    """Ready: database, broker, worker; 503 `not_ready` naming each."""
    broker_up = bool(broker.attempt(lambda valkey: valkey.ping(), False))
    parts = {"database": _database_is_up(), "broker": broker_up, "worker": broker_up and pulse.worker_is_alive()}
    for name, probe in metrics.READINESS.items():
        parts[name] = probe()
    if all(parts.values()):
        return _json({"data": {"ok": True, **parts}})
    return errors.response(ApiError("not_ready", data=parts, headers={"Retry-After": "5", "Cache-Control": "no-store"}))


def _from_allowed_network() -> bool:
    address = ipaddress.ip_address(context.current().ip or "0.0.0.0")
    return any(address in ipaddress.ip_network(entry, strict=False) for entry in settings.METRICS_ALLOWED_NETWORKS)


@csrf_exempt
def metrics_view(request):
    """Prometheus exposition, for `metrics:read` or an allowed address; works with the database down for the latter."""
    try:
        actor = ANONYMOUS
        if not _from_allowed_network():
            actor = authentication.resolve(request)
            if actor.is_anonymous:
                raise ApiError("not_authenticated")
            if actor.kind is not Kind.USER:
                raise ApiError("credential_not_accepted", data={"kind": actor.kind.value, "accepted": ["user"]})
            if actor.must_change_password:
                raise ApiError("password_change_required")
            require(actor, Perm.METRICS_READ)
        return HttpResponse(metrics.exposition(actor), content_type=metrics.CONTENT_TYPE, headers={"Cache-Control": "no-store"})
    except ApiError as error:
        ports.refused(error, request, None)
        return errors.response(error)


def not_found(request, exception=None):
    """Unmatched routes: the teapot's pot, else the same body as a hidden object; HTML only for a browser's page."""
    if request.path.endswith("/message/coffeepot") and request.method == "POST":
        return errors.response(ApiError("teapot"))
    if wants_json(request):
        return errors.response(ApiError("not_found"))
    return render(request, "errors/404.html", status=404)


def server_error(request):
    """A crash outside the API."""
    if wants_json(request):
        return errors.response(ApiError("internal_error", data={"request_id": context.current().request_id}))
    return render(request, "errors/500.html", {"request_id": context.current().request_id}, status=500)


def bad_request(request, exception=None):
    """A request that Django itself refused (host, headers)."""
    return errors.response(ApiError("validation_failed"))


def forbidden(request, exception=None):
    """A page that this person may not see."""
    ports.refused(ApiError("permission_denied"), request, None)
    if wants_json(request):
        return errors.response(ApiError("permission_denied"))
    return render(request, "errors/403.html", status=403)


def csrf_failure(request, reason=""):
    """Django's CSRF refusal of a page form or of the API."""
    ports.refused(ApiError("csrf_failed"), request, None)
    if wants_json(request):
        return errors.response(ApiError("csrf_failed"))
    return render(request, "errors/csrf.html", status=403)
