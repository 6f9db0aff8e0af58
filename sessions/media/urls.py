"""Routes of media below /api/v1/."""

from django.urls import path

from sessions.media.api import ProviderViewSet, SessionMediaViewSet

urlpatterns = [
    path("sessions/<uuid:id>/frame", SessionMediaViewSet.as_view({"get": "frame"}), name="session-frame"),
    path("sessions/<uuid:id>/media", SessionMediaViewSet.as_view({"get": "media"}), name="session-media"),
    path("video/events/<str:token>", ProviderViewSet.as_view({"post": "events"}), name="video-events"),
    path("video/auth/<str:token>", ProviderViewSet.as_view({"post": "auth"}), name="video-auth"),
]
