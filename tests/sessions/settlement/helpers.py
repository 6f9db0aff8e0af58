"""Pools, and what stands in them."""

from datetime import timedelta
from functools import partial
from itertools import count

from config.kernel import clock
from sessions.field.models import FieldSession
from sessions.metering.split import split
from sessions.settlement import provider
from sessions.settlement.ledger import books
from sessions.settlement.models import Account
from sessions.settlement.states import BookingKind
from tests.at_once import at_once
from tests.factories.sessions import make_operator, make_session, owned_workspace

_references = count(1)


def fund(workspace, amount: int) -> None:
    """A deposit."""
    books.move_in(kind=BookingKind.DEPOSIT, workspace=workspace, amount=amount, reference=f"test-{workspace.pk}-{next(_references)}")


def balances(workspace) -> tuple[int, int]:
    """(available, held)."""
    found = dict(Account.objects.filter(workspace=workspace).values_list("kind", "balance"))
    return found.get("available", 0), found.get("held", 0)


def system_balance(kind: str) -> int:
    return Account.objects.filter(kind=kind, workspace=None).values_list("balance", flat=True).first() or 0


def parties():
    """(consumer, operator device) in two workspaces with owners."""
    return owned_workspace(roles=("CONSUMER",)), make_operator(owned_workspace())


def ended(consumer, operator, *, seconds: int = 60, at=None, **fields) -> FieldSession:
    """A session of `seconds` clean ones, reserved and settled by the provider in force."""
    at = at or clock.now()
    session = make_session(consumer, "LIVE", operator=operator, started_at=at - timedelta(seconds=seconds), **fields)
    provider.current().reserve(session)
    return finished(session, seconds=seconds, at=at)


def finished(session: FieldSession, *, seconds: int = 60, at=None) -> FieldSession:
    """The same of a session that holds its money."""
    at = at or clock.now()
    share = split(seconds, session.rate_micro, session.fee_bps)
    FieldSession.objects.filter(pk=session.pk).update(
        state="ENDED", ended_at=at, end_reason="consumer", metered_seconds=seconds, clean_seconds=seconds,
        gross_micro=share.gross, operator_micro=share.operator, fee_micro=share.fee, meter_final=True,
    )  # fmt: skip
    session.refresh_from_db()
    provider.current().settle(session, share)
    return session


def together(number: int, act) -> list:
    """`act(index)` from threads that start at once; what each returned, or the code of its refusal."""
    return at_once(*(partial(act, index) for index in range(number)))
