"""From RTP packets to whole encoded frames, released with the packet that completes them. Pure: no sockets, no clock of its own.

A frame ends with its marker bit, so it is not held back until the next one begins: that costs a frame's time on every hop. A hole is
waited for, since lost packets are asked for again (NACK); after `patience_seconds` it is given up, what cannot be whole is dropped,
and the next frame says so (`after_loss`).
"""

from collections.abc import Callable
from dataclasses import dataclass

# More packets than a large keyframe has, at 1,200 bytes each.
_HELD_LIMIT = 2048
_TURN = 1 << 16


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded frame. `timestamp` is the RTP timestamp, 32 bits; `after_loss`: something before it is missing for good."""

    payload_type: int
    timestamp: int
    data: bytes
    after_loss: bool = False


class Assembler:
    """Feed it packets with `push`; it calls `deliver(Frame)` for each frame that is whole, in order.

    single: every packet is a frame of its own (audio).
    """

    def __init__(self, deliver: Callable[[Frame], None], *, single: bool, patience_seconds: float, now: Callable[[], float]):
        self._deliver = deliver
        self._single = single
        self._patience = patience_seconds
        self._now = now
        self._next: int | None = None
        self._held: dict[int, object] = {}
        self._parts: list = []
        self._hole_since: float | None = None
        self._lost = False
        self.given_up = 0

    def push(self, packet) -> bool:
        """Take a packet whose `_data` is its payload without the codec's descriptor; True if a picture must be asked for."""
        number = self._unwrap(packet.sequence_number)
        if number < self._next:
            return False
        self._held[number] = packet
        self._drain()
        return self._impatient()

    def _unwrap(self, sequence_number: int) -> int:
        """The packet's number counted on over 16 bits; one far behind means that the sender counts anew."""
        if self._next is None:
            self._next = sequence_number
        distance = (sequence_number - self._next + _TURN // 2) % _TURN - _TURN // 2
        if distance < -1000:
            self._restart(sequence_number)
            distance = 0
        return self._next + distance

    def _restart(self, sequence_number: int) -> None:
        self._held.clear()
        self._parts = []
        self._next = sequence_number
        self._hole_since = None
        self._lost = True

    def _drain(self) -> None:
        while (packet := self._held.pop(self._next, None)) is not None:
            self._next += 1
            self._hole_since = None
            if not packet._data:
                continue
            if self._parts and self._parts[0].timestamp != packet.timestamp:
                self._release()
            self._parts.append(packet)
            if self._single or packet.marker:
                self._release()

    def _release(self) -> None:
        first = self._parts[0]
        data = first._data if len(self._parts) == 1 else b"".join([part._data for part in self._parts])
        self._parts = []
        frame = Frame(first.payload_type, first.timestamp, data, self._lost)
        self._lost = False
        self._deliver(frame)

    def _impatient(self) -> bool:
        if not self._held:
            return False
        now = self._now()
        if self._hole_since is None:
            self._hole_since = now
        if now - self._hole_since < self._patience and len(self._held) < _HELD_LIMIT:
            return False
        self._give_up()
        return True

    def _give_up(self) -> None:
        """Go on after the hole: with audio at the next packet, with video after the first marker, where a frame begins for certain."""
        numbers = sorted(self._held)
        self.given_up += numbers[0] - self._next
        self._parts = []
        self._lost = True
        self._hole_since = None
        if self._single:
            self._next = numbers[0]
        else:
            self._next = next((number for number in numbers if self._held[number].marker), numbers[-1]) + 1
            self._held = {number: packet for number, packet in self._held.items() if number >= self._next}
        self._drain()
