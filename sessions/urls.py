"""Routes below /api/v1/. Static paths come before `:id`."""

from sessions.control_room.urls import urlpatterns as control_room
from sessions.field.urls import urlpatterns as field
from sessions.media.urls import urlpatterns as media
from sessions.pricing.urls import urlpatterns as pricing
from sessions.settlement.urls import urlpatterns as settlement
from sessions.telemetry.urls import urlpatterns as telemetry

urlpatterns = [*control_room, *field, *media, *pricing, *settlement, *telemetry]
