"""Sends what waits in the outbox: one relayer at a time for each sender, each call once (05 §9).

Nonce, bytes and hash are committed before the bytes leave. Whatever dies afterwards, the next round sends the same bytes again; a node that
knows them says so. What is not mined after two minutes is sent with the same nonce and higher fees; any of its hashes may win.
"""

import math
from contextlib import contextmanager
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from config.kernel import clock
from nodes.health.services import clear_event, raise_event
from sessions.settlement.evm import confirming, mirror
from sessions.settlement.evm.models import IN_FLIGHT, ChainTx, Purpose, TxState
from sessions.settlement.models import CreditNote, Settlement
from sessions.settlement.states import UNDER_WAY, SettlementState

log = structlog.get_logger("settlement.evm")
STUCK_AFTER, UNSETTLED_AFTER = timedelta(seconds=120), timedelta(hours=1)
AT_ONCE = 16
CONFLICT, STUCK = "controller.relayer.nonce_conflict", "controller.settlement.stuck"
REFUSED = "controller.relayer.refund_refused"
GWEI = 10**9


class NonceConflict(Exception):
    """Somebody else used a nonce of the relayer."""


@contextmanager
def alone(chain_id: int, sender: str):
    """True for one relayer of this sender at a time, over all processes."""
    name = f"relayer:{chain_id}:{sender}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        won = cursor.fetchone()[0]
    try:
        yield won
    finally:
        if won:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def relay() -> dict:
    """One round; counts for the log."""
    from sessions.settlement.evm.client import chain

    there = chain()
    _report_stuck()
    with alone(there.chain_id, there.sender) as won:
        if not won:
            return {}
        try:
            counts = _round(there)
        except NonceConflict as conflict:
            raise_event(type=CONFLICT, severity="critical", message=str(conflict), details={"sender": there.sender})
            return {"conflict": 1}
        clear_event(type=CONFLICT)
        return counts


def _mine(there):
    return ChainTx.objects.filter(chain_id=there.chain_id, sender=there.sender)


def _round(there) -> dict:
    _demand_own_nonces(there)
    counts = {"sent": 0, "replaced": 0}
    for row in _mine(there).filter(state__in=IN_FLIGHT).order_by("nonce"):
        if row.state == TxState.SIGNED:
            counts["sent"] += _broadcast(there, row)
        elif row.block_number is None and not _mined(there, row):
            counts["replaced"] += _hurry(there, row)
    for row in _mine(there).filter(state=TxState.QUEUED).order_by("created_at", "pk"):
        if _mine(there).filter(state__in=IN_FLIGHT).count() >= AT_ONCE:
            break
        if _worth_sending(there, row) and (signed := _sign(there, row)):
            counts["sent"] += _broadcast(there, signed)
    _report_refused(there)
    return counts


def _demand_own_nonces(there) -> None:
    """NonceConflict if the chain counts a nonce that no call of ours was mined with."""
    mined = there.nonce()
    known = _mine(there).aggregate(top=Max("nonce"))["top"]
    floor = mirror.cursor().nonce_floor
    if known is not None and mined > max(known + 1, floor):
        raise NonceConflict(f"The chain counts {mined} transactions of the relayer; the last known nonce is {known}.")
    for row in _mine(there).filter(state__in=IN_FLIGHT, nonce__lt=mined):
        if not _mined(there, row):
            raise NonceConflict(f"Nonce {row.nonce} was used by a transaction that is not ours.")


def _mined(there, row: ChainTx) -> bool:
    return any(there.receipt(tx_hash) for tx_hash in row.hashes)


def _worth_sending(there, row: ChainTx) -> bool:
    """Whether the call should go out. What would be refused is looked into first: it may have been done already. A refund waits, for it is
    owed whether or not the relayer has the tokens for it now."""
    from sessions.settlement.evm.client import Reverted

    if row.purpose not in (Purpose.SETTLE, Purpose.REFUND):
        return True
    try:
        there.simulate(purpose=row.purpose, session_id=row.session_id, args=row.args)
    except Reverted as refusal:
        done = there.done_by(row.purpose, row.session_id)
        if done is not None:
            # Sent by us in a life that the books forgot, or by another relayer: its log counts.
            hashes = list(dict.fromkeys([*row.hashes, done]))
            ChainTx.objects.filter(pk=row.pk).update(state=TxState.SUBMITTED, hashes=hashes, tx_hash=done)
        elif row.purpose == Purpose.REFUND:
            ChainTx.objects.filter(pk=row.pk, state=TxState.QUEUED).update(error=str(refusal)[:300] or "refused")
        else:
            confirming.reverted(row.pk, str(refusal))
        return False
    return True


def _fees(there, before: ChainTx | None = None) -> tuple[int, int] | None:
    """(max, priority) in wei per gas; None: above the cap, so wait."""
    cap = settings.EVM_MAX_FEE_GWEI * GWEI
    top, tip = there.fees()
    if before is not None:
        top, tip = (max(wanted, math.ceil(paid * 1.125)) for wanted, paid in ((top, before.max_fee), (tip, before.priority_fee)))
    elif top > cap:
        # A base fee below the cap is enough to be mined.
        top = max(cap, tip) if (top - tip) // 2 + tip <= cap else top
    return (top, tip) if top <= cap else None


def _sign(there, row: ChainTx) -> ChainTx | None:
    """Give it the next nonce and commit its bytes. None if it is not queued any more, or fees are above the cap."""
    fees = _fees(there)
    if fees is None:
        return None
    top = _mine(there).aggregate(top=Max("nonce"))["top"]
    nonce = max(there.nonce(), 0 if top is None else top + 1)
    raw, tx_hash = there.sign(purpose=row.purpose, session_id=row.session_id, args=row.args, nonce=nonce, max_fee=fees[0], priority_fee=fees[1])
    facts = {
        "state": TxState.SIGNED, "nonce": nonce, "raw": raw, "hashes": [*row.hashes, tx_hash], "tx_hash": tx_hash, "max_fee": fees[0],
        "priority_fee": fees[1], "signed_at": clock.now(), "error": "",
    }  # fmt: skip
    if not ChainTx.objects.filter(pk=row.pk, state=TxState.QUEUED).update(**facts):
        return None
    row.refresh_from_db()
    return row


def _broadcast(there, row: ChainTx) -> bool:
    """Send the committed bytes; True if the node has them, now or before."""
    from sessions.settlement.evm.client import Broadcast

    try:
        there.send(row.raw)
    except Broadcast as refusal:
        if not _mined(there, row):
            log.warning("chain_tx_not_taken", purpose=row.purpose, nonce=row.nonce, error=str(refusal))
            return False
    with transaction.atomic():
        changed = ChainTx.objects.filter(pk=row.pk, state=TxState.SIGNED).update(state=TxState.SUBMITTED)
        if row.purpose == Purpose.SETTLE:
            _submitted(row)
    return bool(changed)


def _submitted(row: ChainTx) -> None:
    waiting = Settlement.objects.filter(session_id=row.session_id, state__in=UNDER_WAY)
    waiting.update(state=SettlementState.SUBMITTED, tx_hash=row.tx_hash, submitted_at=row.signed_at, updated_at=clock.now())


def _hurry(there, row: ChainTx) -> bool:
    """Not mined: the same bytes again, and after two minutes the same nonce with both fees an eighth higher."""
    if row.nonce is None:
        return False
    if clock.now() - row.signed_at < STUCK_AFTER:
        return _again(there, row)
    fees = _fees(there, row)
    if fees is None:
        return _again(there, row)
    raw, tx_hash = there.sign(purpose=row.purpose, session_id=row.session_id, args=row.args, nonce=row.nonce, max_fee=fees[0], priority_fee=fees[1])
    facts = {
        "state": TxState.SIGNED, "raw": raw, "hashes": [*row.hashes, tx_hash], "tx_hash": tx_hash, "max_fee": fees[0], "priority_fee": fees[1],
        "signed_at": clock.now(),
    }  # fmt: skip
    if not ChainTx.objects.filter(pk=row.pk, state=TxState.SUBMITTED).update(**facts):
        return False
    row.refresh_from_db()
    return _broadcast(there, row)


def _again(there, row: ChainTx) -> bool:
    """A node may have dropped it (a restart, a reorganisation of blocks)."""
    from sessions.settlement.evm.client import Broadcast

    try:
        there.send(row.raw)
    except Broadcast as refusal:
        log.info("chain_tx_known", nonce=row.nonce, error=str(refusal)[:80])
    return False


def _report_stuck() -> None:
    """Settlements and credit notes that wait for more than an hour."""
    since = clock.now() - UNSETTLED_AFTER
    late = Settlement.objects.filter(state__in=UNDER_WAY, created_at__lt=since)
    unpaid = CreditNote.objects.filter(confirmed_at=None, created_at__lt=since)
    ids = [str(pk) for rows in (late, unpaid) for pk in rows.values_list("session_id", flat=True)[:50]]
    if ids:
        message = "Settlements or credit notes wait for more than an hour."
        raise_event(type=STUCK, severity="critical", message=message, details={"sessionIds": ids})
    else:
        clear_event(type=STUCK)


def _report_refused(there) -> None:
    """Refunds that the contract would refuse now: most likely the relayer has no tokens for them, or has not allowed the contract to take them."""
    refused = list(_mine(there).filter(purpose=Purpose.REFUND, state=TxState.QUEUED).exclude(error="").values_list("session_id", "error")[:50])
    if refused:
        message = f"Credit notes wait: the chain refuses their refunds ({refused[0][1][:120]}). Has the relayer tokens, and an allowance for them?"
        raise_event(type=REFUSED, severity="critical", message=message, details={"sessionIds": [str(pk) for pk, _ in refused]})
    else:
        clear_event(type=REFUSED)


def resume() -> int:
    """Somebody looked into a conflict: nonces of others are accepted, calls that lost theirs go out again. Returns how many."""
    from sessions.settlement.evm.client import chain

    there = chain()
    mined, here = there.nonce(), mirror.cursor()
    lost = [row.pk for row in _mine(there).filter(state__in=IN_FLIGHT, nonce__lt=mined) if not _mined(there, row)]
    with transaction.atomic():
        here.nonce_floor = mined
        here.save(update_fields=["nonce_floor", "updated_at"])
        return ChainTx.objects.filter(pk__in=lost).update(state=TxState.QUEUED, nonce=None, raw="")
