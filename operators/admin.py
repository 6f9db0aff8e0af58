"""Found by Django's autodiscovery; each screen lives in its capability."""

from operators.access import admin as access
from operators.identity import admin as identity

__all__ = ["access", "identity"]
