"""Routes below /api/v1/. Static paths come before `:id`."""

from sessions.media.urls import urlpatterns as media

urlpatterns = [*media]
