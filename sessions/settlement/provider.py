"""Who moves the money of sessions: the contract, and which provider is in force (`SETTLEMENT_PROVIDER`).

provider.current().reserve(session)           in the transaction that creates it; ApiError insufficient_pool
provider.current().settle(session, split)     in the transaction that ends it
"""

from functools import cache
from importlib import import_module

from django.conf import settings

from config.kernel import clock
from config.kernel.access import Actor
from sessions.field.models import FieldSession
from sessions.metering.split import Split
from sessions.settlement.models import CreditNote, Settlement
from sessions.settlement.states import SettlementState

# name → the class; named as text because only `evm` may import a chain's libraries.
PROVIDERS = {"ledger": "sessions.settlement.ledger.provider.LedgerProvider", "evm": "sessions.settlement.evm.provider.EvmProvider"}


class SettlementProvider:
    """Every method runs inside the caller's transaction and does no slow work in it; callers hold the session's row."""

    name = ""
    # Whether balances are those of a contract: then nobody books deposits or withdrawals by hand.
    on_chain = False

    def reserve(self, session: FieldSession) -> None:
        """Move `hold_micro` from available to held; nothing for TEST and hold 0. ApiError insufficient_pool `{requiredMicroUsdc, availableMicroUsdc}`."""
        raise NotImplementedError

    def release(self, session: FieldSession) -> None:
        """The session is over and was never LIVE: its hold goes back, its settlement is NONE."""
        raise NotImplementedError

    def settle(self, session: FieldSession, split: Split) -> Settlement:
        """The session is over and metered: pay operator and fee out of the hold, give the rest back. Again: the same settlement, nothing booked."""
        raise NotImplementedError

    def credit(self, note: CreditNote, *, actor: Actor) -> None:
        """Move a credit note's money to the consumer. ApiError insufficient_pool: then nothing moves."""
        raise NotImplementedError

    def retry(self, settlement: Settlement) -> None:
        """Try a FAILED settlement again; only providers that can fail have any."""
        raise NotImplementedError

    def hold_ready(self, session: FieldSession) -> bool:
        """Whether the money is certainly held, so that the session may start."""
        return True

    def sync(self) -> dict:
        """Read what happened outside (deposits, confirmations); counts for the log."""
        return {}

    def check(self) -> list[dict]:
        """Differences between the books and what is outside: `[{rule, ids, …}]`; repairs nothing."""
        return []

    def chain(self) -> dict | None:
        """`{chain_id, escrow, token}`, where there is one."""
        return None

    def last_sync_block(self) -> int | None:
        """Up to which block the chain was read."""
        return None


@cache
def named(name: str) -> SettlementProvider:
    """The provider of this name; LookupError for one that does not exist."""
    module, _, cls = PROVIDERS[name].rpartition(".")
    return getattr(import_module(module), cls)()


def current() -> SettlementProvider:
    """The provider in force."""
    return named(settings.SETTLEMENT_PROVIDER)


NOTHING = Split(0, 0, 0)


def conclude(session: FieldSession, split: Split = NOTHING, *, state: SettlementState, provider: str) -> Settlement:
    """Write the session's one settlement (the providers' part of `release` and `settle`); the one that is there, if it is."""
    confirmed = clock.now() if state == SettlementState.CONFIRMED else None
    amounts = {"gross_micro": split.gross, "operator_micro": split.operator, "fee_micro": split.fee}
    facts = {"state": state, "provider": provider, "confirmed_at": confirmed, **amounts}
    return Settlement.objects.get_or_create(session=session, defaults=facts)[0]
