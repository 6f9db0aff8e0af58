"""Routes of media below /api/v1/."""

from django.urls import path

from sessions.media.api import ProviderViewSet

urlpatterns = [
    path("video/events/<str:token>", ProviderViewSet.as_view({"post": "events"}), name="video-events"),
    path("video/auth/<str:token>", ProviderViewSet.as_view({"post": "auth"}), name="video-auth"),
]
