"""What the contract does and refuses (05 §14, 23)."""

from uuid import uuid4

import pytest
from web3.logs import DISCARD

from sessions.settlement.evm import artifact
from sessions.settlement.evm.client import session_key
from tests.sessions.settlement.evm.world import World


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture
def payer(world):
    """An address with 600000 in the pool; each test has its own."""
    return _next(world)


def _next(world, amount: int = 600_000) -> str:
    from eth_account import Account

    address = world.unlock(Account.create())
    world.pay_in(address, amount)
    return address


def refused(call) -> bool:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - each client library has its own
        return "revert" in type(error).__name__.lower() or "ContractLogic" in type(error).__name__ or "TransactionFailed" in type(error).__name__
    return False


def test_what_is_committed_is_what_the_source_compiles_to():
    assert artifact.load() == artifact.compile_source()


def test_settle_pays_operator_and_fee_in_one_transaction(world, payer):
    key, payee, fees = uuid4(), world.people[0], world.balance(world.fee_recipient)
    had = world.balance(payee)
    world.by_relayer("hold", key, payer, 600_000, world.now() + 1000)
    assert world.pool(payer) == (600_000, 600_000)
    receipt = world.by_relayer("settle", key, payee, 51_000, 9_000)
    moved = world.token.events.Transfer().process_receipt(receipt, errors=DISCARD)
    assert [(one["args"]["receiver"], one["args"]["value"]) for one in moved] == [(payee, 51_000), (world.fee_recipient, 9_000)]
    assert world.balance(payee) - had == 51_000 and world.balance(world.fee_recipient) - fees == 9_000
    assert world.pool(payer) == (540_000, 0)
    world.send(world.escrow.functions.withdraw(540_000), payer)
    assert world.balance(payer) == 540_000


def test_what_is_held_cannot_be_withdrawn_or_held_again(world, payer):
    world.by_relayer("hold", uuid4(), payer, 600_000, world.now() + 1000)
    assert refused(lambda: world.send(world.escrow.functions.withdraw(1), payer))
    assert refused(lambda: world.by_relayer("hold", uuid4(), payer, 1, world.now() + 1000))


def test_settle_refuses_strangers_too_much_too_high_a_fee_and_a_second_time(world, payer):
    key, payee = uuid4(), world.people[0]
    world.by_relayer("hold", key, payer, 60_000, world.now() + 1000)
    assert refused(lambda: world.send(world.escrow.functions.settle(session_key(key), payee, 1, 0), world.stranger))
    assert refused(lambda: world.by_relayer("settle", key, payee, 60_000, 1))
    assert refused(lambda: world.by_relayer("settle", key, payee, 6_999, 3_002))
    assert refused(lambda: world.by_relayer("settle", uuid4(), payee, 1, 0))
    world.by_relayer("settle", key, payee, 7_000, 3_000)
    for name, args in (("settle", (payee, 1, 0)), ("release", ()), ("hold", (payer, 1, world.now() + 1000))):
        assert refused(lambda name=name, args=args: world.by_relayer(name, key, *args)), name


def test_a_rounded_up_fee_of_a_tiny_bill_is_taken(world, payer):
    key = uuid4()
    world.by_relayer("hold", key, payer, 10, world.now() + 1000)
    world.by_relayer("settle", key, world.people[0], 0, 1)
    assert world.pool(payer) == (599_999, 0)


def test_released_by_the_relayer_at_any_time_and_by_anyone_once_it_is_over(world, payer):
    early, late = uuid4(), uuid4()
    world.by_relayer("hold", early, payer, 100, world.now() + 10_000)
    world.by_relayer("hold", late, payer, 100, world.now() + 50)
    assert refused(lambda: world.send(world.escrow.functions.release(session_key(late)), world.stranger))
    world.by_relayer("release", early)
    assert refused(lambda: world.by_relayer("settle", early, world.people[0], 1, 0))
    world.tester.time_travel(world.now() + 100)
    world.mine()
    world.send(world.escrow.functions.release(session_key(late)), world.stranger)
    assert world.pool(payer) == (600_000, 0)


def test_a_payee_that_cannot_be_paid_leaves_everything_as_it_was(world, payer):
    key, payee = uuid4(), world.people[1]
    world.by_relayer("hold", key, payer, 60_000, world.now() + 1000)
    world.send(world.token.functions.refuse(payee, True), world.owner)
    fees = world.balance(world.fee_recipient)
    assert refused(lambda: world.by_relayer("settle", key, payee, 51_000, 9_000))
    assert world.pool(payer) == (600_000, 60_000) and world.balance(world.fee_recipient) == fees
    world.send(world.token.functions.refuse(payee, False), world.owner)
    world.by_relayer("settle", key, payee, 51_000, 9_000)


def test_paused_nothing_is_held_or_settled_but_withdrawn(world, payer):
    key = uuid4()
    world.by_relayer("hold", key, payer, 100, world.now() + 1000)
    assert refused(lambda: world.send(world.escrow.functions.setPaused(True), world.stranger))
    world.send(world.escrow.functions.setPaused(True), world.owner)
    try:
        assert refused(lambda: world.by_relayer("hold", uuid4(), payer, 1, world.now() + 1000))
        assert refused(lambda: world.by_relayer("settle", key, world.people[0], 1, 0))
        world.send(world.escrow.functions.withdraw(1000), payer)
        world.by_relayer("release", key)
    finally:
        world.send(world.escrow.functions.setPaused(False), world.owner)
    assert world.pool(payer) == (599_000, 0)


def test_a_refund_comes_once_from_the_relayer_and_not_above_what_was_paid(world, payer):
    key = uuid4()
    relayer = world.unlock(world.relayer)
    world.send(world.token.functions.mint(relayer, 100_000), world.owner)
    world.send(world.token.functions.approve(world.escrow.address, 100_000), relayer)
    world.by_relayer("hold", key, payer, 60_000, world.now() + 1000)
    assert refused(lambda: world.by_relayer("refund", key, 1))
    world.by_relayer("settle", key, world.people[0], 51_000, 9_000)
    assert refused(lambda: world.by_relayer("refund", key, 60_001))
    assert refused(lambda: world.send(world.escrow.functions.refund(session_key(key), 1), world.stranger))
    world.by_relayer("refund", key, 10_000)
    assert world.pool(payer) == (550_000, 0)
    assert refused(lambda: world.by_relayer("refund", key, 1))
