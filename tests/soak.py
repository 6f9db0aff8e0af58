"""How much a test does: what every change can wait for, or with `make soak` the whole that was promised."""

import os

_SOAKS = bool(os.environ.get("SOAK"))


def amount(usual, soaked):
    """`usual`, or `soaked` in a run of `make soak`."""
    return soaked if _SOAKS else usual
