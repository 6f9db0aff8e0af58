"""`/program/<token>/clip`: the clip that program shows, for whoever has the program link (04 §3). No sign-in."""

from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel import errors
from config.kernel.access import ports
from config.kernel.errors import ApiError
from recordings.library import serving, storage
from recordings.replay import transport
from sessions.control_room import program_link

# The token is in the path: nothing keeps it or passes it on.
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


@require_safe
def clip(request, token):
    """200, 206, 304; 404 `not_found` (no such link, no clip on program), 410 `link_expired`, 416."""
    try:
        program_link.open(token)
        reply = _send(request)
    except ApiError as error:
        ports.refused(error, request, None)
        reply = errors.response(error)
    for name, value in _PRIVATE.items():
        reply[name] = value
    return reply


def _send(request):
    try:
        return serving.send(request, transport.sendable(transport.on_program()))
    except storage.Missing as error:
        raise ApiError("not_found") from error


urlpatterns = [path("program/<str:token>/clip", clip, name="program-clip")]
