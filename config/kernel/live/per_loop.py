"""What a live process has one of, and each test its own: one for each event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

Thing = TypeVar("Thing")


def per_loop(make: Callable[[], Thing]) -> Callable[[], Thing]:
    """`of_this_loop()`: what `make` made for the running loop; that of a loop before it is let go."""
    known: dict[int, Thing] = {}

    def of_this_loop() -> Thing:
        loop = id(asyncio.get_running_loop())
        if loop not in known:
            known.clear()
            known[loop] = make()
        return known[loop]

    return of_this_loop
