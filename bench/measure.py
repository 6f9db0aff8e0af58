"""Timing in turns: ours and its peer alternate in short rounds, so that a neighbour's load hits both alike."""

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Growth:
    """Seconds at each size; `exponent` is the slope between the first and the last: 0 constant, 1 linear."""

    label: str
    limit: float
    points: list[tuple[int, float]] = field(default_factory=list)

    def add(self, size: int, seconds: float) -> None:
        self.points.append((size, seconds))

    @property
    def exponent(self) -> float | None:
        if len(self.points) < 2:
            return None
        (size, seconds), (last_size, last_seconds) = self.points[0], self.points[-1]
        return math.log(last_seconds / seconds) / math.log(last_size / size)

    @property
    def met(self) -> bool:
        return self.exponent is None or self.exponent <= self.limit


@dataclass
class Line:
    """One line of the table. `met` is None where the line only informs."""

    what: str
    ours: str
    peer: str
    figure: str
    target: str
    met: bool | None
    notes: list[str] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)


@dataclass(frozen=True)
class Options:
    """How much: data sizes up to `scale` times the smallest, and `quick` for shorter rounds."""

    scale: int
    quick: bool

    def sizes(self, smallest: int) -> list[int]:
        return [smallest * factor for factor in (1, 10, 100) if factor <= self.scale]

    def rounds(self, usual: int) -> int:
        return max(3, usual // 3) if self.quick else usual


def seconds_of(call: Callable[[], object], times: int = 1) -> float:
    """Seconds that one of `times` calls takes."""
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times


def times_for(call: Callable[[], object], seconds: float = 0.05) -> int:
    """How often to call for a round of about this long."""
    call()
    return max(1, math.ceil(seconds / max(seconds_of(call), 1e-9)))


def in_turns(calls: Sequence[Callable[[], object]], *, rounds: int = 15, round_seconds: float = 0.05) -> list[float]:
    """Seconds a call of each, the median of rounds taken in turns; the order turns around each time."""
    times = [times_for(call, round_seconds) for call in calls]
    taken: list[list[float]] = [[] for _ in calls]
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            order = range(len(calls)) if number % 2 == 0 else reversed(range(len(calls)))
            for index in order:
                taken[index].append(seconds_of(calls[index], times[index]))
    finally:
        if collecting:
            gc.enable()
    return [median(values) for values in taken]


def spell(seconds: float) -> str:
    """A duration for people."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def rate(seconds: float, unit: str) -> str:
    """What one of takes `seconds`, as a rate."""
    value = 1 / seconds
    return f"{value:,.0f} {unit}/s" if value >= 10 else f"{value:.2f} {unit}/s"


def percent(part: float) -> str:
    return f"{part * 100:.0f} %"
