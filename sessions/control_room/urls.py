"""`/control-room/…` of the production, below `/api/v1/`."""

from django.urls import path

from sessions.control_room.api import CaptionViewSet, ProductionViewSet, ProgramLinkViewSet
from sessions.control_room.session_verbs import SessionVerbViewSet

urlpatterns = [
    path("control-room/preview", ProductionViewSet.as_view({"post": "preview"})),
    path("control-room/cut", ProductionViewSet.as_view({"post": "cut"})),
    path("control-room/take", ProductionViewSet.as_view({"post": "take"})),
    path("control-room/audio/gain", ProductionViewSet.as_view({"post": "gain"})),
    path("control-room/audio/mute", ProductionViewSet.as_view({"post": "mute"})),
    path("control-room/lower-third", ProductionViewSet.as_view({"put": "lower_third"})),
    path("control-room/lower-third/show", ProductionViewSet.as_view({"post": "show_lower_third"})),
    path("control-room/lower-third/hide", ProductionViewSet.as_view({"post": "hide_lower_third"})),
    path("control-room/slate", ProductionViewSet.as_view({"put": "slate"})),
    path("control-room/captions", CaptionViewSet.as_view({"get": "list", "post": "create"})),
    path("control-room/captions/clear", CaptionViewSet.as_view({"post": "clear"})),
    path("control-room/captions.vtt", CaptionViewSet.as_view({"get": "vtt"})),
    path("control-room/program-link", ProgramLinkViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path("control-room/program-link/rotate", ProgramLinkViewSet.as_view({"post": "rotate"})),
    path("control-room/sessions/<uuid:id>/dispatch", SessionVerbViewSet.as_view({"post": "dispatch_"})),
    path("control-room/sessions/<uuid:id>/cancel", SessionVerbViewSet.as_view({"post": "cancel"})),
    path("control-room/sessions/<uuid:id>/end", SessionVerbViewSet.as_view({"post": "end"})),
]
