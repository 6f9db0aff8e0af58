"""The program page, for whoever has the link (04 §3): `/program/<token>`, and its view once as `/program/<token>/state`. No sign-in, no console."""

from functools import wraps

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel import errors, wire
from config.kernel.access import ports
from config.kernel.errors import ApiError
from config.kernel.names import camelized
from config.kernel.views import wants_json
from sessions.control_room import program_link, program_view

# The token is in the path: nothing keeps it, passes it on or lists it.
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


def linked(refuse=lambda request, error: errors.response(error)):
    """Guard a view by its `token`, the program link's: opened first, 404 for one that never was, 410 for one that is over.

    `refuse(request, error)` makes the answer to an ApiError, of the link or of the view.
    """

    def decorate(view):
        @wraps(view)
        def opened(request, token):
            try:
                program_link.open(token)
                reply = view(request, token)
            except ApiError as error:
                ports.refused(error, request, None)
                reply = refuse(request, error)
            for name, value in _PRIVATE.items():
                reply[name] = value
            return reply

        return opened

    return decorate


def _over(request, error: ApiError):
    """A page for browsers."""
    return errors.response(error) if wants_json(request) else render(request, "program/over.html", {"code": error.code}, status=error.status)


@require_safe
@linked(_over)
def page(request, token):
    """Picture, lower third and captions; its script follows `/ws/program`."""
    return render(request, "program/page.html")


@require_safe
@linked(_over)
def state(request, token):
    """The view once, `{"seq", "data"}`, without an address to watch at: that is made for each socket."""
    shown = program_view.read()
    body = {"seq": shown.seq, "data": camelized(program_view.whole(shown, token))}
    return HttpResponse(wire.dumps(body), content_type="application/json")


urlpatterns = [
    path("program/<str:token>", page, name="program"),
    path("program/<str:token>/state", state, name="program-state"),
]
