"""Races: calls that begin together, each in a thread with a connection of its own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

from config.kernel.errors import ApiError


def at_once(*acts) -> list:
    """What each returned, or the code with which it was refused, in their order."""
    gate = Barrier(len(acts))

    def run(act):
        try:
            gate.wait(20)
            return act()
        except ApiError as error:
            return error.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
