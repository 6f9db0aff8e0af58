"""Reconcilers of prices."""

from config.kernel import clock
from config.kernel.tasks import periodic
from sessions.pricing import services


@periodic("quotes.purge", every=3600)
def quotes_purge() -> dict:
    """Quotes that nobody used."""
    return {"purged": services.purge(clock.now())}
