"""The chain: the one place that imports web3. Everything here is slow; nothing here is called inside a transaction."""

from functools import cache
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError

from sessions.settlement.evm import artifact

GAS = 300_000
PAGE_BLOCKS = 1000
TIMEOUT_SECONDS = 10
# The states of a hold, as the contract's flag numbers them.
HELD, SETTLED, RELEASED = 1, 2, 4
APPROVAL_ABI = {
    "type": "event", "name": "Approval", "anonymous": False,
    "inputs": [
        {"name": "owner", "type": "address", "indexed": True},
        {"name": "spender", "type": "address", "indexed": True},
        {"name": "value", "type": "uint256", "indexed": False},
    ],
}  # fmt: skip
TOKEN_ABI = [
    APPROVAL_ABI,
    {
        "type": "function",
        "name": "balanceOf",
        "stateMutability": "view",
        "inputs": [{"name": "a", "type": "address"}],
        "outputs": [{"type": "uint256"}],
    },
]


class Reverted(Exception):
    """The contract refuses the call; the message says why."""


class Broadcast(Exception):
    """The node did not take the transaction."""


class Receipt(NamedTuple):
    """What became of a mined transaction."""

    tx_hash: str
    block_number: int
    succeeded: bool


class Log(NamedTuple):
    """One log that changes a wallet; `log_index` within its transaction."""

    event: str
    address: str
    amount: int
    tx_hash: str
    log_index: int
    block_number: int


def session_key(session_id: UUID) -> bytes:
    """The contract's id of a session: the UUID's bytes and sixteen zeros."""
    return UUID(str(session_id)).bytes + bytes(16)


class Chain:
    """One connection to one contract."""

    def __init__(self, web3: Web3, escrow: str, signer: "Signer"):
        self.web3, self.signer = web3, signer
        self.escrow = web3.eth.contract(address=Web3.to_checksum_address(escrow), abi=artifact.load()["abi"])
        self.chain_id = settings.EVM_CHAIN_ID

    @property
    def sender(self) -> str:
        return self.signer.address

    def head(self) -> int:
        return self.web3.eth.block_number

    def nonce(self) -> int:
        """How many transactions of the relayer are in blocks."""
        return self.web3.eth.get_transaction_count(self.sender, "latest")

    def fees(self) -> tuple[int, int]:
        """(max fee, priority fee) in wei per gas that should be mined soon."""
        base = self.web3.eth.get_block("latest").get("baseFeePerGas", 0)
        tip = self.web3.eth.max_priority_fee
        return 2 * base + tip, tip

    def _call(self, purpose: str, session_id, args: dict):
        key = session_key(session_id)
        whole = {name: Web3.to_checksum_address(value) if str(value).startswith("0x") else int(value) for name, value in args.items()}
        return self.escrow.functions[purpose](key, *whole.values())

    def sign(self, *, purpose: str, session_id, args: dict, nonce: int, max_fee: int, priority_fee: int) -> tuple[str, str]:
        """(raw bytes as hex, hash)."""
        wanted = {
            "from": self.sender, "nonce": nonce, "gas": GAS, "chainId": self.chain_id, "maxFeePerGas": max_fee, "maxPriorityFeePerGas": priority_fee,
            "value": 0, "type": 2,
        }  # fmt: skip
        built = self._call(purpose, session_id, args).build_transaction(wanted)
        return self.signer.sign(built)

    def send(self, raw: str) -> None:
        """Give the bytes to the node; bytes that it knows are no error. Broadcast otherwise."""
        try:
            self.web3.eth.send_raw_transaction(bytes.fromhex(raw.removeprefix("0x")))
        except (ValueError, Web3RPCError, OSError) as error:
            if "already known" not in str(error).lower():
                raise Broadcast(str(error)[:300]) from error

    def simulate(self, *, purpose: str, session_id, args: dict) -> None:
        """Reverted if the call would."""
        try:
            # With the gas that it will have: what needs more would pass here and revert there, each time.
            self._call(purpose, session_id, args).call({"from": self.sender, "gas": GAS})
        except ContractLogicError as error:
            raise Reverted(str(error)[:300]) from error

    def hold_state(self, session_id) -> int:
        """0, HELD, SETTLED or RELEASED."""
        return self.escrow.functions.holds(session_key(session_id)).call()[0]

    def done_by(self, purpose: str, session_id) -> str | None:
        """Hash of the transaction that settled or refunded a session, whoever sent it."""
        event = self.escrow.events[{"settle": "Settled", "refund": "Refunded"}[purpose]]
        found = event.get_logs(argument_filters={"id": session_key(session_id)}, from_block=settings.EVM_START_BLOCK)
        return Web3.to_hex(found[-1]["transactionHash"]) if found else None

    def receipt(self, tx_hash: str) -> Receipt | None:
        try:
            found = self.web3.eth.get_transaction_receipt(tx_hash)
        except TransactionNotFound:
            return None
        return Receipt(tx_hash, found["blockNumber"], found["status"] == 1) if found else None

    def logs(self, first: int, last: int) -> list[Log]:
        """Deposits, withdrawals and approvals in these blocks, oldest first; pages of 1000."""
        token = self.web3.eth.contract(address=self.escrow.functions.token().call(), abi=TOKEN_ABI)
        found = []
        for start in range(first, last + 1, PAGE_BLOCKS):
            span = {"from_block": start, "to_block": min(start + PAGE_BLOCKS - 1, last)}
            found += self.escrow.events.Deposited.get_logs(**span) + self.escrow.events.Withdrawn.get_logs(**span)
            found += token.events.Approval.get_logs(argument_filters={"spender": self.escrow.address}, **span)
        return [self._log(row) for row in sorted(found, key=lambda row: (row["blockNumber"], row["logIndex"]))]

    def _log(self, row) -> Log:
        whole = self.web3.eth.get_transaction_receipt(row["transactionHash"])["logs"]
        place = [one["logIndex"] for one in whole].index(row["logIndex"])
        args = row["args"]
        address, amount = args.get("payer") or args["owner"], args["amount"] if "amount" in args else args["value"]
        return Log(row["event"], address, amount, Web3.to_hex(row["transactionHash"]), place, row["blockNumber"])

    def deposits(self, address: str, block: int) -> int:
        """What the contract has of a payer, held or not, as of a block."""
        return self.escrow.functions.deposits(Web3.to_checksum_address(address)).call(block_identifier=block)

    def token(self) -> str:
        return self.escrow.functions.token().call()


class Signer:
    """The relayer's key in this process (`EVM_RELAYER_KEY`)."""

    def __init__(self, key: str):
        self._account = Account.from_key(key)
        self.address = self._account.address

    def sign(self, built: dict) -> tuple[str, str]:
        signed = self._account.sign_transaction(built)
        return Web3.to_hex(signed.raw_transaction), Web3.to_hex(signed.hash)


class RemoteSigner:
    """A signer that keeps the key to itself (`EVM_SIGNER_URL`: JSON-RPC `eth_signTransaction`, as web3signer and clef answer it)."""

    def __init__(self, url: str, address: str):
        self._web3 = Web3(HTTPProvider(url, request_kwargs={"timeout": TIMEOUT_SECONDS}))
        self.address = Web3.to_checksum_address(address)

    def sign(self, built: dict) -> tuple[str, str]:
        answer = self._web3.eth.sign_transaction(built)
        raw = Web3.to_hex(answer["raw"] if isinstance(answer, dict) or hasattr(answer, "raw") else answer)
        return raw, Web3.to_hex(Web3.keccak(hexstr=raw))


@cache
def chain() -> Chain:
    """The chain of the settings."""
    web3 = Web3(HTTPProvider(settings.EVM_RPC_URL, request_kwargs={"timeout": TIMEOUT_SECONDS}))
    remote = settings.EVM_SIGNER_URL
    signer = RemoteSigner(remote, settings.EVM_RELAYER_ADDRESS) if remote else Signer(settings.EVM_RELAYER_KEY)
    return Chain(web3, settings.EVM_ESCROW_ADDRESS, signer)
