"""Date versions of the API, in the header `Operator-Version`.

A breaking change is declared once as a `VersionChange` and chained: a request of an older date is lifted through every later change before
the view sees it, and what goes out (response, event) is lowered back through them in reverse. The same chain serves REST, SSE, sockets and
webhooks. Changes name the resource that they touch: the viewset's `resource`, or the topic's name for events.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from config.kernel import context
from config.kernel.errors import ApiError

HEADER = "Operator-Version"


@dataclass(frozen=True)
class VersionChange:
    """What the API of `date` changed on `resource`. Each function maps a JSON value to a JSON value and must not fail on older shapes.

    lift_request    body of the version before → body as of `date`
    lower_response  `data` as of `date` → as of the version before (one item; lists are mapped)
    lower_event     (event, data) as of `date` → as of the version before; None drops the event
    """

    date: str
    resource: str
    description: str
    lift_request: Callable = staticmethod(lambda body: body)
    lower_response: Callable = staticmethod(lambda data: data)
    lower_event: Callable = staticmethod(lambda event, data: (event, data))


_changes: list[VersionChange] = []


def register_change(change: VersionChange) -> None:
    """Called in an app's `ready()`; the date must be one of API_VERSIONS."""
    if change.date not in settings.API_VERSIONS:
        raise ValueError(f"{change.date} is no version of this API")
    _changes.append(change)
    _changes.sort(key=lambda item: item.date)


def unregister_change(change: VersionChange) -> None:
    _changes.remove(change)


def changes() -> list[VersionChange]:
    """All declared changes, oldest first (docs, webhooks)."""
    return list(_changes)


def current() -> str:
    return settings.API_VERSIONS[-1]


def named(request) -> str:
    """The version that the request names, if there is one; else the current. For whatever is answered before `pin`."""
    version = request.headers.get(HEADER)
    return version if version in settings.API_VERSIONS else current()


def resolve(requested: str | None, pinned: str | None = None) -> str:
    """The version to serve: asked for, else pinned on the credential, else the current one; 400 version_unsupported."""
    version = requested or pinned or current()
    if version not in settings.API_VERSIONS:
        raise ApiError("version_unsupported", data={"requested": version[:64], "supported": settings.API_VERSIONS, "current": current()})
    return version


def pin(request) -> None:
    """Fix the version of this request (context, echoed by the middleware)."""
    context.current().version = resolve(request.headers.get(HEADER), request.actor.pinned_version)


def _since(version: str, resource: str) -> list[VersionChange]:
    return [change for change in _changes if change.resource == resource and change.date > version]


def lift(resource: str, version: str, body):
    """A request body of `version` as the current code expects it."""
    for change in _since(version, resource):
        body = change.lift_request(body)
    return body


def lower(resource: str, version: str, data):
    """Response data of the current code as `version` had it."""
    for change in reversed(_since(version, resource)):
        data = [change.lower_response(item) for item in data] if isinstance(data, list) else change.lower_response(data)
    return data


def lower_event(resource: str, version: str, event: str, data):
    """(event, data) as `version` had them, or None if that version had no such event."""
    for change in reversed(_since(version, resource)):
        lowered = change.lower_event(event, data)
        if lowered is None:
            return None
        event, data = lowered
    return event, data
