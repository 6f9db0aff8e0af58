"""System checks that keep the server from starting with an unguarded route."""

from django.core.checks import Error, register
from django.urls import URLPattern, URLResolver, get_resolver

from config.kernel.access import UNSAFE_METHODS


def api_routes():
    """(path template, viewset class, {http method: action}) of every viewset in the URLconf."""

    def walk(patterns, prefix):
        for entry in patterns:
            path = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry.url_patterns, path)
            elif isinstance(entry, URLPattern) and isinstance(getattr(entry.callback, "cls", None), type) and hasattr(entry.callback, "actions"):
                yield path, entry.callback.cls, entry.callback.actions or {}

    yield from walk(get_resolver().url_patterns, "/")


def undeclared(view, actions: dict, path: str):
    """Errors of one pattern: an action without a route, an unsafe one without subsystem or exemption."""
    for method, action in actions.items():
        route = getattr(view, "routes", {}).get(action)
        where = f"{method.upper()} {path} ({view.__name__}.{action})"
        if route is None:
            hint = f'Add "{action}": Route(Perm.…) to {view.__name__}.routes.'
            yield Error(f"{where} declares no permission and kinds.", hint=hint, id="operators.E001")
        elif method.upper() in UNSAFE_METHODS and route.subsystem is None and not route.exempt:
            hint = 'Say which lock guards it, subsystem=Subsystem.…, or why none does, exempt="reason".'
            yield Error(f"{where} declares neither a subsystem nor an exemption.", hint=hint, id="operators.E002")


@register
def every_action_is_declared(app_configs, **kwargs):
    """operators.E001, operators.E002: see `undeclared`."""
    from config.kernel.viewsets import TallyViewSet  # with the routes, which only web and live need

    found = []
    for path, view, actions in api_routes():
        if issubclass(view, TallyViewSet):
            found += undeclared(view, actions, path)
    return found
