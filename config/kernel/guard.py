"""The door in front of every action: kind of credential, then permission; before any object is looked up."""

from rest_framework.permissions import BasePermission

from config.kernel import context
from config.kernel.access import UNSAFE_METHODS, Actor, Kind, Route, ports, require
from config.kernel.errors import ApiError


def not_accepted(actor: Actor, route: Route) -> ApiError:
    """401: a good credential in the wrong place."""
    return ApiError("credential_not_accepted", data={"kind": actor.kind.value, "accepted": sorted(kind.value for kind in route.accepts)})


def check(actor: Actor, route: Route, method: str, kwargs: dict) -> None:
    """Raise unless `actor` may go on to this action."""
    if actor.is_anonymous:
        if route.public:
            return
        raise ApiError("not_authenticated")
    if actor.kind not in route.accepts:
        if route.public:
            return
        raise not_accepted(actor, route)
    if actor.kind is Kind.NODE and route.node_kwarg and str(kwargs.get(route.node_kwarg)) != actor.id:
        raise not_accepted(actor, route)
    if actor.must_change_password and not route.public and not route.before_password_change:
        raise ApiError("password_change_required")
    if actor.kind is Kind.NODE:
        return
    if is_guarded(actor, route, method):
        ports.admit(actor, route)
    elif route.permission is not None:
        require(actor, route.permission)


def is_guarded(actor: Actor, route: Route, method: str) -> bool:
    """Whether a lock stands before this request; a node is no caller whom one binds."""
    return route.subsystem is not None and method in UNSAFE_METHODS and actor.kind is not Kind.NODE


class Guard(BasePermission):
    """Applies `check` with the view's `Route`; an action without a route is a defect that the system check finds first."""

    def has_permission(self, request, view):
        if view.action is None:
            return True
        context.current().permission = view.route.permission
        check(request.actor, view.route, request.method, view.kwargs)
        return True
