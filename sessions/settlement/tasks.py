"""Reconcilers of money."""

from config.kernel.tasks import periodic
from sessions.settlement.ledger import check


@periodic("ledger.check", every=600)
def ledger_check() -> dict:
    """Whether the books agree; a difference is a critical health event with the ids."""
    return check.run()
