"""A chain in this process (eth-tester on py-evm) with token and escrow, wallets with ether, and the product's client on it."""

import os
from pathlib import Path

import vyper
from eth_account import Account
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3

from sessions.settlement.evm import artifact
from sessions.settlement.evm.client import Broadcast, Chain, Reverted, Signer, session_key

os.environ.setdefault("ETHEREUM_TESTER_CHAIN_BACKEND", "eth_tester.backends.pyevm.PyEVMBackend")
_TOKEN = Path(__file__).with_name("Token.vy")
_compiled = {}


def compiled_token() -> dict:
    if not _compiled:
        _compiled.update(vyper.compile_code(_TOKEN.read_text(), output_formats=["abi", "bytecode"]))
    return _compiled


class TesterChain(Chain):
    """The tester's own refusals are what a node's answer would be."""

    def send(self, raw: str) -> None:
        try:
            super().send(raw)
        except Broadcast:
            raise
        except Exception as error:
            raise Broadcast(str(error)[:300]) from error

    def simulate(self, **call) -> None:
        try:
            super().simulate(**call)
        except TransactionFailed as refusal:
            raise Reverted(str(refusal)) from refusal


class World:
    """`token`, `escrow` are contracts; `relayer` an account with a key; `fee_recipient`, `people` addresses that the tester unlocks."""

    def __init__(self):
        self.tester = EthereumTester(PyEVMBackend())
        self.web3 = Web3(EthereumTesterProvider(self.tester))
        self.owner, self.fee_recipient, self.stranger, *self.people = self.web3.eth.accounts
        self.relayer = Account.create()
        self._give(self.relayer.address)
        self.token = self._deploy(compiled_token())
        self.escrow = self._deploy(artifact.load(), self.token.address, self.fee_recipient, self.relayer.address)
        self.chain = TesterChain(self.web3, self.escrow.address, Signer(self.relayer.key))
        self.chain.chain_id = self.web3.eth.chain_id

    def _deploy(self, made: dict, *args):
        factory = self.web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
        receipt = self.web3.eth.wait_for_transaction_receipt(factory.constructor(*args).transact({"from": self.owner}))
        return self.web3.eth.contract(address=receipt["contractAddress"], abi=made["abi"])

    def _give(self, address: str) -> None:
        self.web3.eth.wait_for_transaction_receipt(self.web3.eth.send_transaction({"from": self.owner, "to": address, "value": 10**18}))

    def unlock(self, account) -> str:
        """Let the tester send for a wallet whose key we have."""
        if account.address not in self.web3.eth.accounts:
            self.tester.add_account("0x" + bytes(account.key).hex())
            self._give(account.address)
        return account.address

    def pay_in(self, address: str, amount: int) -> None:
        self.send(self.token.functions.mint(address, amount), self.owner)
        self.send(self.token.functions.approve(self.escrow.address, amount), address)
        self.send(self.escrow.functions.deposit(amount), address)

    def send(self, call, sender: str):
        """Mined; raises what the contract says if it reverts."""
        call.call({"from": sender})
        return self.web3.eth.wait_for_transaction_receipt(call.transact({"from": sender, "gas": 400_000}))

    def by_relayer(self, name: str, session_id, *args):
        """A call of the relayer with its own key."""
        call = self.escrow.functions[name](session_key(session_id), *args)
        call.call({"from": self.relayer.address})
        built = call.build_transaction({"from": self.relayer.address, "nonce": self.chain.nonce(), "gas": 400_000})
        return self.web3.eth.wait_for_transaction_receipt(
            self.web3.eth.send_raw_transaction(self.relayer.sign_transaction(built).raw_transaction)
        )  # fmt: skip

    def mine(self, blocks: int = 1) -> None:
        self.tester.mine_blocks(blocks)

    def now(self) -> int:
        return self.web3.eth.get_block("latest")["timestamp"]

    def balance(self, address: str) -> int:
        return self.token.functions.balanceOf(address).call()

    def pool(self, address: str) -> tuple[int, int]:
        """(deposits, held)."""
        return self.escrow.functions.deposits(address).call(), self.escrow.functions.held(address).call()
