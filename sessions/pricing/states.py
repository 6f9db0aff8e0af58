"""What a second of live video costs: integer arithmetic in basis points. Pure (05 §8)."""

from typing import NamedTuple

BASIS = 10_000
SUPPLY_BPS = (7_000, 30_000)
DEMAND_BPS = (10_000, 30_000)
CORRIDOR_BPS = (1_000, 100_000)


class Factors(NamedTuple):
    """In basis points; 10000 changes nothing."""

    supply: int = BASIS
    demand: int = BASIS
    corridor: int = BASIS


def supply_bps(active: int) -> int:
    """Fewer operators at the place cost more: clamp(10000 // active, 7000, 30000), the most where there is none."""
    return _clamp(BASIS // active, SUPPLY_BPS) if active else SUPPLY_BPS[1]


def demand_bps(available: int, open_requests: int) -> int:
    """More open requests than free operators cost more: clamp(10000 + 10000·open // available, 10000, 30000)."""
    if not available:
        return DEMAND_BPS[1] if open_requests else DEMAND_BPS[0]
    return _clamp(BASIS + BASIS * open_requests // available, DEMAND_BPS)


def rate(base_micro: int, factors: Factors) -> int:
    """µUSDC per second, floored once. Exact beyond any size of float."""
    return base_micro * factors.supply * factors.demand * factors.corridor // BASIS**3


def _clamp(value: int, limits: tuple[int, int]) -> int:
    return max(limits[0], min(limits[1], value))
