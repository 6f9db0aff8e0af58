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


def _linked(view):
    """Open the link first; 404 for one that never was, 410 for one that is over, as a page for browsers."""

    @wraps(view)
    def opened(request, token):
        try:
            program_link.open(token)
            reply = view(request, token)
        except ApiError as error:
            ports.refused(error, request, None)
            plain = wants_json(request)
            reply = errors.response(error) if plain else render(request, "program/over.html", {"code": error.code}, status=error.status)
        for name, value in _PRIVATE.items():
            reply[name] = value
        return reply

    return opened


@require_safe
@_linked
def page(request, token):
    """Picture, lower third and captions; its script follows `/ws/program`."""
    return render(request, "program/page.html")


@require_safe
@_linked
def state(request, token):
    """The view once, `{"seq", "data"}`, without an address to watch at: that is made for each socket."""
    shown = program_view.read()
    body = {"seq": shown.seq, "data": camelized(program_view.whole(shown, token))}
    return HttpResponse(wire.dumps(body), content_type="application/json")


urlpatterns = [
    path("program/<str:token>", page, name="program"),
    path("program/<str:token>/state", state, name="program-state"),
]
