"""The control room's screen, and the page behind an invite link."""

from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.kernel.access import Perm
from config.kernel.pages import page


@require_safe
@page(Perm.CONTROL_ROOM_READ, guests=True)
def control_room(request):
    """Preview and program, sources, locks and people. Everything in it comes from the topic `control-room`."""
    return render(request, "console/control_room.html", {"page": "control-room"})


@require_safe
@never_cache
def join(request):
    """The page of an invite link, whose token stands in the fragment: this server never sees it in an address."""
    reply = render(request, "console/join.html")
    reply["Referrer-Policy"] = "no-referrer"
    return reply


urlpatterns = [
    path("control-room", control_room, name="control-room"),
    path("join", join, name="join"),
]
