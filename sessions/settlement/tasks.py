"""Reconcilers of money."""

from django.conf import settings

from config.kernel.loops import loop
from config.kernel.tasks import periodic
from sessions.settlement import provider
from sessions.settlement.ledger import check


@periodic("ledger.check", every=600)
def ledger_check() -> dict:
    """Whether the books agree; a difference is a critical health event with the ids."""
    return check.run()


_CHAIN = settings.SETTLEMENT_PROVIDER == "evm"


@loop("chain.relay", every=2, idle_every=2 if _CHAIN else 3600)
def chain_relay() -> dict:
    """Send what waits for the chain."""
    if not provider.current().on_chain:
        return {}
    from sessions.settlement.evm import relayer

    return relayer.relay()


@loop("chain.confirm", every=5, idle_every=5 if _CHAIN else 3600)
def chain_confirm() -> dict:
    """What was sent and is deep enough becomes true; deposits and withdrawals are booked."""
    if not provider.current().on_chain:
        return {}
    from sessions.settlement.evm import confirming

    return {**confirming.confirm(), **provider.current().sync()}
