"""Races: calls that begin together, each in a thread with a connection of its own; and one that is made to wait for another."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection, connections

from config.kernel.errors import ApiError


def at_once(*acts) -> list:
    """What each returned, or the code with which it was refused, in their order."""
    gate = Barrier(len(acts))

    def run(act):
        try:
            gate.wait(20)
            return alone(act)
        except ApiError as error:
            return error.code

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def alone(act):
    """`act()` in a thread, whose connection ends with it."""
    try:
        return act()
    finally:
        connections.close_all()


def until_somebody_waits(seconds: float = 10) -> None:
    """Return once another connection stands before a lock of this database: the moment at which the two orders of locking meet."""
    end = time.monotonic() + seconds
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            # The view shows a transaction what it saw first.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
            if cursor.fetchone():
                return
            time.sleep(0.005)
    raise AssertionError("nobody waits")
