"""Reconcilers of the control room's people."""

from config.kernel import tasks
from config.kernel.access import system
from operators.console import history, presence, registration


@tasks.periodic("console.sweep", every=15)
def sweep() -> dict:
    """Tell who fell silent, free what they held, end unanswered asks."""
    return presence.sweep()


@tasks.periodic("console.purge", every=86400)
def purge() -> dict:
    """Operators unseen for long, and history past its ninety days."""
    return {"operators": registration.purge(actor=system("console.purge")), "events": history.purge()}
