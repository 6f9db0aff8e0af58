"""Finding a reported interface again, pure: by serial number, then hardware path, then system reference, because names move at boot.

Rules that hold for every inventory (tested as properties): no known interface is found twice; two different serial numbers are never the same
interface; the order of the report does not matter where keys are unique.
"""

from collections.abc import Sequence
from dataclasses import dataclass

KEYS = ("serial_number", "hardware_path", "system_ref")


@dataclass(frozen=True)
class Identity:
    """What an interface can be recognised by; empty = not known. Interfaces of one device may share a serial number."""

    serial_number: str = ""
    hardware_path: str = ""
    system_ref: str = ""
    system_name: str = ""


def match(known: Sequence[Identity], reported: Sequence[Identity]) -> list[int | None]:
    """For each reported identity the index of the known one that it is, or None for a new interface."""
    found: dict[int, int] = {}
    taken: set[int] = set()
    for key in KEYS:
        pairs = [
            (-_agreement(known[old], reported[new]), new, old)
            for new in range(len(reported))
            if new not in found and getattr(reported[new], key)
            for old in range(len(known))
            if old not in taken and getattr(known[old], key) == getattr(reported[new], key) and _possible(known[old], reported[new])
        ]
        for _, new, old in sorted(pairs):
            if new not in found and old not in taken:
                found[new] = old
                taken.add(old)
    return [found.get(index) for index in range(len(reported))]


def _possible(old: Identity, new: Identity) -> bool:
    return not (old.serial_number and new.serial_number and old.serial_number != new.serial_number)


def _agreement(old: Identity, new: Identity) -> int:
    """How much else agrees, the stronger key counting more; tells inputs of one device apart."""
    weights = {"serial_number": 8, "hardware_path": 4, "system_ref": 2, "system_name": 1}
    return sum(weight for name, weight in weights.items() if getattr(old, name) and getattr(old, name) == getattr(new, name))
