# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Escrow of field sessions
@notice One pool of one ERC-20 token. A payer deposits and withdraws what is not held; the relayer holds for a session, and settles or releases it.
@dev An id is the session's UUID in the first 16 bytes, zeros in the last. It lives once: none, held, then settled or released.
"""

from ethereum.ercs import IERC20

event Deposited:
    payer: indexed(address)
    amount: uint256

event Withdrawn:
    payer: indexed(address)
    amount: uint256

event Held:
    id: indexed(bytes32)
    payer: indexed(address)
    amount: uint256
    expiresAt: uint256

event Settled:
    id: indexed(bytes32)
    payer: indexed(address)
    payee: indexed(address)
    toAmount: uint256
    feeAmount: uint256

event Released:
    id: indexed(bytes32)
    payer: indexed(address)
    amount: uint256

event Refunded:
    id: indexed(bytes32)
    payer: indexed(address)
    amount: uint256

event PausedSet:
    paused: bool

event RelayerSet:
    relayer: indexed(address)

event OwnershipOffered:
    candidate: indexed(address)

event OwnerSet:
    owner: indexed(address)

flag State:
    HELD
    SETTLED
    RELEASED

struct Hold:
    state: State
    payer: address
    amount: uint256
    expiresAt: uint256
    paid: uint256
    refunded: bool

MAX_FEE_BPS: constant(uint256) = 3000
BASIS: constant(uint256) = 10000

token: public(immutable(address))
feeRecipient: public(immutable(address))

owner: public(address)
ownerCandidate: public(address)
relayer: public(address)
paused: public(bool)
# Everything of a payer that is here, held or not; and the part of it that is held.
deposits: public(HashMap[address, uint256])
held: public(HashMap[address, uint256])
holds: public(HashMap[bytes32, Hold])


@deploy
def __init__(_token: address, _feeRecipient: address, _relayer: address):
    assert _token != empty(address) and _feeRecipient != empty(address) and _relayer != empty(address), "zero address"
    token = _token
    feeRecipient = _feeRecipient
    self.owner = msg.sender
    self.relayer = _relayer


# --- payers: never pausable ---------------------------------------------------

@external
def deposit(amount: uint256):
    """
    @notice Move tokens from the caller into the pool; what arrives is credited.
    """
    arrived: uint256 = self._pull(msg.sender, amount)
    self.deposits[msg.sender] += arrived
    log Deposited(payer=msg.sender, amount=arrived)


@external
def withdraw(amount: uint256):
    """
    @notice Move tokens that are not held back to the caller.
    """
    assert amount > 0, "no amount"
    assert amount <= self.deposits[msg.sender] - self.held[msg.sender], "held or not there"
    self.deposits[msg.sender] -= amount
    log Withdrawn(payer=msg.sender, amount=amount)
    self._push(msg.sender, amount)


@external
@view
def available(payer: address) -> uint256:
    """
    @notice What a payer may withdraw.
    """
    return self.deposits[payer] - self.held[payer]


# --- the relayer ---------------------------------------------------------------

@external
def hold(id: bytes32, payer: address, amount: uint256, expiresAt: uint256):
    """
    @notice Hold a payer's tokens for a session.
    """
    assert msg.sender == self.relayer, "relayer only"
    assert not self.paused, "paused"
    assert self.holds[id].state == empty(State), "id was used"
    assert amount > 0, "no amount"
    assert expiresAt > block.timestamp, "over already"
    assert amount <= self.deposits[payer] - self.held[payer], "pool too small"
    self.held[payer] += amount
    self.holds[id] = Hold(state=State.HELD, payer=payer, amount=amount, expiresAt=expiresAt, paid=0, refunded=False)
    log Held(id=id, payer=payer, amount=amount, expiresAt=expiresAt)


@external
def settle(id: bytes32, payee: address, toAmount: uint256, feeAmount: uint256):
    """
    @notice Pay operator and fee out of a hold, in this one transaction; the rest is free again.
    """
    assert msg.sender == self.relayer, "relayer only"
    assert not self.paused, "paused"
    found: Hold = self.holds[id]
    assert found.state == State.HELD, "not held"
    assert payee != empty(address), "zero address"
    paid: uint256 = toAmount + feeAmount
    assert paid > 0, "no amount"
    assert paid <= found.amount, "above the hold"
    # Rounding up costs the operator less than one token unit.
    assert feeAmount * BASIS <= paid * MAX_FEE_BPS + (BASIS - 1), "fee too high"
    self.holds[id].state = State.SETTLED
    self.holds[id].paid = paid
    self.held[found.payer] -= found.amount
    self.deposits[found.payer] -= paid
    log Settled(id=id, payer=found.payer, payee=payee, toAmount=toAmount, feeAmount=feeAmount)
    self._push(payee, toAmount)
    self._push(feeRecipient, feeAmount)


@external
def release(id: bytes32):
    """
    @notice Free a hold: the relayer at any time, anyone once it is over. Never pausable.
    """
    found: Hold = self.holds[id]
    assert found.state == State.HELD, "not held"
    assert msg.sender == self.relayer or block.timestamp > found.expiresAt, "too early"
    self.holds[id].state = State.RELEASED
    self.held[found.payer] -= found.amount
    log Released(id=id, payer=found.payer, amount=found.amount)


@external
def refund(id: bytes32, amount: uint256):
    """
    @notice Give a payer back from what a settled session cost, once, out of the relayer's own tokens.
    """
    assert msg.sender == self.relayer, "relayer only"
    found: Hold = self.holds[id]
    assert found.state == State.SETTLED, "not settled"
    assert not found.refunded, "refunded already"
    assert amount > 0 and amount <= found.paid, "above what was paid"
    self.holds[id].refunded = True
    arrived: uint256 = self._pull(msg.sender, amount)
    assert arrived == amount, "less arrived"
    self.deposits[found.payer] += amount
    log Refunded(id=id, payer=found.payer, amount=amount)


# --- the owner -----------------------------------------------------------------

@external
def setPaused(isPaused: bool):
    assert msg.sender == self.owner, "owner only"
    self.paused = isPaused
    log PausedSet(paused=isPaused)


@external
def setRelayer(newRelayer: address):
    assert msg.sender == self.owner, "owner only"
    assert newRelayer != empty(address), "zero address"
    self.relayer = newRelayer
    log RelayerSet(relayer=newRelayer)


@external
def offerOwnership(candidate: address):
    assert msg.sender == self.owner, "owner only"
    self.ownerCandidate = candidate
    log OwnershipOffered(candidate=candidate)


@external
def acceptOwnership():
    assert msg.sender == self.ownerCandidate, "candidate only"
    self.owner = msg.sender
    self.ownerCandidate = empty(address)
    log OwnerSet(owner=msg.sender)


# --- tokens --------------------------------------------------------------------

@internal
def _pull(sender: address, amount: uint256) -> uint256:
    assert amount > 0, "no amount"
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall IERC20(token).transferFrom(sender, self, amount, default_return_value=True), "transfer refused"
    return staticcall IERC20(token).balanceOf(self) - before


@internal
def _push(to: address, amount: uint256):
    if amount > 0:
        assert extcall IERC20(token).transfer(to, amount, default_return_value=True), "transfer refused"
