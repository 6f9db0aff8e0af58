"""From a deposit on the chain to a settlement that is deep enough, through everything that may happen between (05 §14, 24 and 25)."""

from datetime import timedelta

import pytest
from django.db import connection

from config.kernel import clock
from config.kernel.access import system
from nodes.health.models import HealthEvent
from sessions.field.models import FieldSession
from sessions.field.states import SessionState
from sessions.settlement import disputes, provider
from sessions.settlement.evm import confirming, mirror, relayer
from sessions.settlement.evm.client import session_key
from sessions.settlement.evm.models import ChainTx
from sessions.settlement.ledger import check
from sessions.settlement.models import CreditNote, LedgerTransaction, Settlement
from tests.factories.sessions import make_session
from tests.sessions.settlement.evm.conftest import deepen
from tests.sessions.settlement.helpers import balances, finished

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The process ends here."""


def held(world, consumer, operator) -> FieldSession:
    """A LIVE session whose hold is on the chain."""
    session = make_session(consumer, "LIVE", operator=operator, started_at=clock.now() - timedelta(seconds=60))
    provider.current().reserve(session)
    assert not provider.current().hold_ready(session)
    relayer.relay()
    deepen(world)
    assert provider.current().hold_ready(session)
    return session


def settlement_of(session) -> Settlement:
    return Settlement.objects.get(session=session)


def settled_logs(world, session) -> int:
    found = world.escrow.events.Settled.get_logs(from_block=0, argument_filters={"id": session_key(session.pk)})
    return len(found)


def nonces() -> list[int]:
    return list(ChainTx.objects.exclude(nonce=None).order_by("nonce").values_list("nonce", flat=True))


def consecutive() -> bool:
    found = nonces()
    return found == list(range(found[0], found[0] + len(found)))


def test_from_a_deposit_to_a_settlement(world, cast):
    consumer, operator = cast
    session = held(world, consumer, operator)
    assert balances(consumer) == (0, 600_000) and world.pool(consumer.wallet_address) == (600_000, 600_000)
    finished(session)
    assert settlement_of(session).state == "PENDING"
    relayer.relay()
    assert settlement_of(session).state == "SUBMITTED" and settlement_of(session).tx_hash.startswith("0x")
    confirming.confirm()
    assert settlement_of(session).state == "SUBMITTED"
    deepen(world)
    assert settlement_of(session).state == "CONFIRMED"
    assert balances(consumer) == (540_000, 0) and world.pool(consumer.wallet_address) == (540_000, 0)
    assert balances(operator.workspace) == (0, 0) and world.balance(operator.workspace.wallet_address) == 51_000
    assert session.events.filter(type="settlement.confirmed").count() == 1
    assert check.differences() == []
    booking = LedgerTransaction.objects.get(session=session, kind="SETTLE")
    assert booking.tx_hash == settlement_of(session).tx_hash
    assert list(booking.entries.exclude(event="").order_by("id").values_list("event", "amount")) == [
        ("SETTLE", 540_000), ("EARN", 51_000), ("WITHDRAWAL", -51_000),
    ]  # fmt: skip


@pytest.mark.parametrize("point", ["queued", "signed", "sent", "mined"])
def test_a_relayer_killed_anywhere_settles_once(world, cast, monkeypatch, point):
    session = held(world, *cast)
    finished(session)
    real = world.chain.send

    def dies(raw):
        if point == "sent":
            real(raw)
        raise Killed

    with monkeypatch.context() as patched:
        if point == "queued":
            patched.setattr(world.chain, "sign", lambda **_: dies(""))
        if point in {"signed", "sent"}:
            patched.setattr(world.chain, "send", dies)
        if point == "mined":
            patched.setattr(confirming, "confirmed", lambda *_: dies(""))
        with pytest.raises(Killed):
            relayer.relay()
            deepen(world)
            raise AssertionError("it lived")
    for _ in range(2):
        relayer.relay()
        deepen(world)
    assert settlement_of(session).state == "CONFIRMED" and settled_logs(world, session) == 1
    assert consecutive() and LedgerTransaction.objects.filter(session=session, kind="SETTLE").count() == 1


def test_of_two_relayers_one_works(world, cast):
    session = make_session(cast[0])
    provider.current().reserve(session)
    other = connection.copy()
    name = f"relayer:{world.chain.chain_id}:{world.chain.sender}"
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        assert relayer.relay() == {} and ChainTx.objects.get().state == "QUEUED"
    finally:
        other.close()
    assert relayer.relay()["sent"] == 1


def test_what_is_stuck_is_replaced_and_the_first_may_still_win(world, cast):
    session = held(world, *cast)
    finished(session)
    world.tester.disable_auto_mine_transactions()
    relayer.relay()
    first = ChainTx.objects.get(purpose="settle")
    with clock.frozen(clock.now() + timedelta(seconds=121)):
        relayer.relay()
    second = ChainTx.objects.get(purpose="settle")
    assert second.nonce == first.nonce and second.hashes[0] == first.tx_hash and len(second.hashes) == 2
    assert second.max_fee >= first.max_fee * 1.125 and second.priority_fee >= first.priority_fee * 1.125
    world.tester.enable_auto_mine_transactions()
    deepen(world)
    assert settlement_of(session).state == "CONFIRMED" and settlement_of(session).tx_hash in second.hashes
    assert settled_logs(world, session) == 1


def test_above_the_cap_it_waits(world, cast, settings):
    settings.EVM_MAX_FEE_GWEI = 0
    session = make_session(cast[0])
    provider.current().reserve(session)
    relayer.relay()
    assert ChainTx.objects.get().state == "QUEUED"


def test_a_reorganisation_takes_it_back_and_it_is_sent_again(world, cast):
    session = held(world, *cast)
    finished(session)
    before = world.tester.take_snapshot()
    relayer.relay()
    confirming.confirm()
    assert ChainTx.objects.get(purpose="settle").block_number is not None
    world.tester.revert_to_snapshot(before)
    world.mine()
    confirming.confirm()
    assert ChainTx.objects.get(purpose="settle").block_number is None and settlement_of(session).state == "SUBMITTED"
    relayer.relay()
    deepen(world)
    assert settlement_of(session).state == "CONFIRMED" and settled_logs(world, session) == 1


def test_a_nonce_used_by_a_stranger_stops_it_until_somebody_looked(world, cast):
    session = held(world, *cast)
    built = {"to": world.owner, "value": 1, "gas": 21_000, "gasPrice": 10**10, "nonce": world.chain.nonce(), "chainId": world.chain.chain_id}
    world.web3.eth.send_raw_transaction(world.relayer.sign_transaction(built).raw_transaction)
    finished(session)
    assert relayer.relay() == {"conflict": 1}
    assert HealthEvent.objects.get(type="controller.relayer.nonce_conflict").severity == "critical"
    assert settlement_of(session).state == "PENDING"
    relayer.resume()
    relayer.relay()
    deepen(world)
    assert settlement_of(session).state == "CONFIRMED"


def test_what_was_settled_already_is_adopted(world, cast):
    consumer, operator = cast
    session = held(world, consumer, operator)
    receipt = world.by_relayer("settle", session.pk, operator.workspace.wallet_address, 51_000, 9_000)
    finished(session)
    relayer.resume()
    relayer.relay()
    deepen(world)
    settlement = settlement_of(session)
    assert settlement.state == "CONFIRMED" and settlement.tx_hash == "0x" + bytes(receipt["transactionHash"]).hex()
    assert settled_logs(world, session) == 1 and balances(consumer) == (540_000, 0)


def test_a_settlement_that_the_contract_refuses_is_failed_and_can_be_tried_again(world, cast):
    consumer, operator = cast
    session = held(world, consumer, operator)
    payee = operator.workspace.wallet_address
    world.send(world.token.functions.refuse(payee, True), world.owner)
    finished(session)
    relayer.relay()
    assert settlement_of(session).state == "FAILED" and settlement_of(session).failure
    assert session.events.filter(type="settlement.failed").count() == 1 and balances(consumer) == (0, 600_000)
    world.send(world.token.functions.refuse(payee, False), world.owner)
    provider.current().retry(settlement_of(session))
    relayer.relay()
    deepen(world)
    assert settlement_of(session).state == "CONFIRMED" and balances(consumer) == (540_000, 0)


def test_a_settlement_that_was_mined_and_reverted_is_settled_by_the_next_try(world, cast, monkeypatch):
    consumer, operator = cast
    session, payee = held(world, consumer, operator), operator.workspace.wallet_address
    world.send(world.token.functions.refuse(payee, True), world.owner)
    finished(session)
    with monkeypatch.context() as blind:
        # It looked well, and was refused a block later.
        blind.setattr(world.chain, "simulate", lambda **_: None)
        relayer.relay()
    deepen(world)
    assert settlement_of(session).state == "FAILED" and balances(consumer) == (0, 600_000)
    world.send(world.token.functions.refuse(payee, False), world.owner)
    provider.current().retry(settlement_of(session))
    world.tester.disable_auto_mine_transactions()
    assert relayer.relay() == {"sent": 1, "replaced": 0}, "no stranger used a nonce"
    confirming.confirm()
    assert settlement_of(session).state == "SUBMITTED", "the old receipt is not its own"
    world.tester.enable_auto_mine_transactions()
    relayer.relay()
    deepen(world)
    assert settlement_of(session).state == "CONFIRMED" and balances(consumer) == (540_000, 0) == world.pool(consumer.wallet_address)
    assert settled_logs(world, session) == 1 and check.differences() == []


def test_a_withdrawal_that_beat_the_hold_calls_the_session_off(world, cast):
    consumer, _ = cast
    session = make_session(consumer)
    provider.current().reserve(session)
    world.send(world.escrow.functions.withdraw(600_000), consumer.wallet_address)
    relayer.relay()
    deepen(world)
    session.refresh_from_db()
    assert (session.state, session.end_reason) == (SessionState.CANCELLED, "hold_failed")
    deepen(world)
    assert balances(consumer) == (0, 0) and check.differences() == []


def test_a_cancelled_session_is_released_on_the_chain(world, cast):
    consumer, operator = cast
    session = held(world, consumer, operator)
    FieldSession.objects.filter(pk=session.pk).update(state="CANCELLED", started_at=None, ended_at=clock.now(), end_reason="consumer")
    session.refresh_from_db()
    provider.current().release(session)
    relayer.relay()
    deepen(world)
    assert balances(consumer) == (600_000, 0) == world.pool(consumer.wallet_address) and check.differences() == []


def fund_the_relayer(world) -> None:
    """With what a refund of ten seconds takes. The relayer's nonces are its own: whoever sets the allowance with its key calls `resume` then."""
    address = world.unlock(world.relayer)
    world.send(world.token.functions.mint(address, 10_000), world.owner)
    world.send(world.token.functions.approve(world.escrow.address, 10_000), address)


def test_a_credit_note_is_a_refund_from_the_platform(world, cast):
    consumer, operator = cast
    session = held(world, consumer, operator)
    finished(session)
    relayer.relay()
    deepen(world)
    fund_the_relayer(world)
    relayer.resume()
    disputes.void(actor=system("tests"), session_id=session.pk, reason="Ten black seconds.", seconds=10)
    assert CreditNote.objects.get().funded_by == "platform" and CreditNote.objects.get().confirmed_at is None
    relayer.relay()
    deepen(world)
    assert CreditNote.objects.get().confirmed_at and balances(consumer) == (550_000, 0) == world.pool(consumer.wallet_address)
    assert check.differences() == []


@pytest.mark.parametrize("mined", [False, True])
def test_a_refund_that_the_chain_refuses_is_told_and_paid_once_it_can_be(world, cast, monkeypatch, mined):
    consumer, operator = cast
    session = held(world, consumer, operator)
    finished(session)
    relayer.relay()
    deepen(world)
    disputes.void(actor=system("tests"), session_id=session.pk, reason="Ten black seconds.", seconds=10)
    if mined:
        with monkeypatch.context() as blind:
            blind.setattr(world.chain, "simulate", lambda **_: None)
            relayer.relay()
        deepen(world)
    for _ in range(2):
        assert relayer.relay() == {"sent": 0, "replaced": 0}
    told = HealthEvent.objects.get(type=relayer.REFUSED)
    assert (told.status, told.severity, told.details["sessionIds"]) == ("open", "critical", [str(session.pk)])
    assert balances(consumer) == (540_000, 0)
    fund_the_relayer(world)
    relayer.resume()
    assert relayer.relay()["sent"] == 1
    deepen(world)
    assert CreditNote.objects.get().confirmed_at and balances(consumer) == (550_000, 0) == world.pool(consumer.wallet_address)
    assert HealthEvent.objects.get(type=relayer.REFUSED).condition == "cleared" and check.differences() == []


def test_a_refund_that_was_made_already_is_adopted(world, cast):
    consumer, operator = cast
    session = held(world, consumer, operator)
    finished(session)
    relayer.relay()
    deepen(world)
    fund_the_relayer(world)
    receipt = world.by_relayer("refund", session.pk, 10_000)
    disputes.void(actor=system("tests"), session_id=session.pk, reason="Ten black seconds.", seconds=10)
    relayer.resume()
    assert relayer.relay()["sent"] == 0
    deepen(world)
    assert CreditNote.objects.get().tx_hash == "0x" + bytes(receipt["transactionHash"]).hex() and balances(consumer) == (550_000, 0)


def test_a_deposit_is_booked_once_however_often_it_is_read(world, cast):
    consumer, _ = cast
    for _ in range(3):
        world.mine()
        mirror.sync()
    assert balances(consumer) == (600_000, 0)
    assert LedgerTransaction.objects.filter(kind="APPROVAL").count() == LedgerTransaction.objects.filter(kind="DEPOSIT").count() == 1
    world.pay_in(consumer.wallet_address, 5)
    assert balances(consumer) == (600_000, 0)
    deepen(world)
    assert balances(consumer) == (600_005, 0)
