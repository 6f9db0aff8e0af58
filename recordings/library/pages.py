"""The library and one recording."""

from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from config.kernel.access import Perm
from config.kernel.pages import page


@require_safe
@page(Perm.RECORDING_READ)
def library(request):
    """Facets, search, bulk edit, trash."""
    return render(request, "console/library.html", {"page": "recordings"})


@require_safe
@page(Perm.RECORDING_READ)
def recording(request, recording_id):
    """The waveform player and everything that is known about one recording."""
    return render(request, "console/recording.html", {"page": "recordings", "recording_id": recording_id})


urlpatterns = [
    path("recordings", library, name="recordings"),
    path("recordings/<uuid:recording_id>", recording, name="recording"),
]
