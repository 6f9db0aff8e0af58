"""Found by Django's autodiscovery; each screen lives in its capability."""

from sessions.media import admin as media
from sessions.pricing import admin as pricing
from sessions.settlement import admin as settlement

__all__ = ["media", "pricing", "settlement"]
