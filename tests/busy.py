"""Promises in seconds are made for a machine that does nothing else."""

import os


def busy() -> float:
    """How many times longer things may take where other tests want the same cores."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
