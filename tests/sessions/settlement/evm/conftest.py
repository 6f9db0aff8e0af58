"""A chain in force as the settlement provider, and two sides on it."""

import pytest

from sessions.settlement.evm import client, confirming, mirror
from tests.sessions.settlement.evm.world import World
from tests.sessions.settlement.helpers import balances, parties


@pytest.fixture(scope="session")
def tester():
    """The chain of the whole run: making one takes longer than a test."""
    return World()


@pytest.fixture
def world(tester, settings, monkeypatch):
    """The chain, in force as the settlement provider."""
    settings.SETTLEMENT_PROVIDER = "evm"
    settings.EVM_CHAIN_ID, settings.EVM_ESCROW_ADDRESS = tester.web3.eth.chain_id, tester.escrow.address
    settings.EVM_TOKEN_ADDRESS, settings.EVM_RELAYER_ADDRESS = tester.token.address, tester.relayer.address
    settings.EVM_START_BLOCK, settings.EVM_MAX_FEE_GWEI = tester.chain.head(), 50
    monkeypatch.setattr(client, "chain", lambda: tester.chain)
    yield tester
    tester.tester.enable_auto_mine_transactions()


@pytest.fixture
def cast(world):
    """(consumer with 600000 in the pool, operator), known to the books."""
    consumer, operator = parties()
    world.unlock(consumer.wallet.account)
    world.pay_in(consumer.wallet_address, 600_000)
    deepen(world)
    assert balances(consumer) == (600_000, 0)
    return consumer, operator


def deepen(world) -> None:
    """As deep as counts, and seen."""
    world.mine(mirror.CONFIRMATIONS)
    confirming.confirm()
    mirror.sync()
