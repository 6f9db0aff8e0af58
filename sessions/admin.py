"""Found by Django's autodiscovery; each screen lives in its capability."""

from sessions.control_room import admin as control_room
from sessions.field import admin as field
from sessions.media import admin as media
from sessions.metering import admin as metering
from sessions.pricing import admin as pricing
from sessions.settlement import admin as settlement
from sessions.telemetry import admin as telemetry

__all__ = ["control_room", "field", "media", "metering", "pricing", "settlement", "telemetry"]
