"""The pages of field sessions: list and map, one session, the publisher's, the wallet."""

from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel.access import Perm
from config.kernel.pages import page


@require_safe
@page(Perm.SESSIONS_READ)
def sessions(request):
    """What was asked for and what is served, in a list and on a map; requests, open requests, devices."""
    return render(request, "console/sessions.html", {"page": "sessions"})


@require_safe
@page(Perm.SESSIONS_READ)
def session(request, session_id):
    """Picture, history, track, seconds and money of one session. Whether it exists the API says."""
    return render(request, "console/session.html", {"page": "sessions", "session_id": session_id})


@require_safe
@page(Perm.SESSIONS_OPERATE)
def publish(request, session_id):
    """The camera's page: two clicks, for a phone in one hand."""
    return render(request, "console/publish.html", {"page": "sessions", "session_id": session_id})


@require_safe
@page(Perm.WALLET_READ)
def wallet(request):
    """Balance, bookings, earnings and statements of a workspace."""
    return render(request, "console/wallet.html", {"page": "wallet"})


urlpatterns = [
    path("sessions", sessions, name="sessions"),
    path("sessions/<uuid:session_id>", session, name="session"),
    path("sessions/<uuid:session_id>/publish", publish, name="publish"),
    path("wallet", wallet, name="wallet"),
]
