"""`/program/<token>/clip`: the clip that program shows, for whoever has the program link (04 §3). No sign-in."""

from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel.errors import ApiError
from recordings.library import serving, storage
from recordings.replay import transport
from sessions.control_room.pages import linked


@require_safe
@linked()
def clip(request, token):
    """200, 206, 304; 404 `not_found` (no such link, no clip on program), 410 `link_expired`, 416."""
    try:
        return serving.send(request, transport.sendable(transport.on_program()))
    except storage.Missing as error:
        raise ApiError("not_found") from error


urlpatterns = [path("program/<str:token>/clip", clip, name="program-clip")]
