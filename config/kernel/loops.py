"""Reconcilers with a period of a second or two: threads of the worker that sleep until they are due or woken, not entries of beat.

@loop("media.reconcile", every=1, idle_every=5)
def reconcile() -> dict: …             # counts, as a periodic task; empty or all zero means there was nothing to do

loops.wake("media.reconcile")          # inside a transaction: run as soon as it has committed

After a round with nothing to do the next one comes after `idle_every`, so an idle system is idle. One at a time over all workers.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from django.db import DatabaseError, InterfaceError, transaction
from redis.exceptions import RedisError

from config.kernel import broker
from config.kernel.tasks import in_context, single_flight

log = structlog.get_logger("loops")
CHANNEL = broker.PREFIX + "wake"
_RETRY_SECONDS = 2.0


@dataclass
class Loop:
    """One registered loop; `woken` is set to end its sleep."""

    name: str
    every: float
    idle_every: float
    function: Callable
    woken: threading.Event = field(default_factory=threading.Event)


LOOPS: dict[str, Loop] = {}
_stopped = threading.Event()
_threads: list[threading.Thread] = []


def loop(name: str, *, every: float, idle_every: float | None = None):
    """Register a loop. `function.run_once()` runs the body alone, for tests."""

    def decorate(function):
        LOOPS[name] = Loop(name, every, idle_every or every, function)
        function.run_once = function
        return function

    return decorate


def wake(name: str) -> None:
    """Have the loop run soon: once the current transaction has committed, in whichever worker. A lost message costs one `idle_every`."""
    transaction.on_commit(lambda: broker.attempt(lambda valkey: valkey.publish(CHANNEL, name)))


def start() -> None:
    """Called once in a worker, when it is ready."""
    for one in LOOPS.values():
        _threads.append(threading.Thread(target=_run, args=(one,), name=f"loop {one.name}", daemon=True))
    if LOOPS:
        _threads.append(threading.Thread(target=_listen, name="loops", daemon=True))
    for thread in _threads:
        thread.start()


def stop() -> None:
    """End the loops; a round that is under way is waited for, not for long."""
    _stopped.set()
    for one in LOOPS.values():
        one.woken.set()
    while _threads:
        _threads.pop().join(3)


def _run(one: Loop) -> None:
    while not _stopped.is_set():
        busy = _round(one)
        one.woken.wait(one.every if busy else one.idle_every)
        one.woken.clear()


def _round(one: Loop) -> bool:
    """One run; whether there was something to do, or it could not be told."""
    try:
        with in_context(one.name), single_flight(one.name) as won:
            counts = one.function() if won else None
    except (DatabaseError, InterfaceError, OSError) as error:
        log.warning("loop_failed", loop=one.name, error=type(error).__name__)
        return False
    except Exception:
        # A poison row must not end the loop; what failed is in the log with its trace.
        log.exception("loop_failed", loop=one.name)
        return False
    if counts and any(counts.values()):
        log.debug("loop", loop=one.name, **counts)
        return True
    return False


def _listen() -> None:
    """Pass on what `wake` says to the loops of this process."""
    while not _stopped.is_set():
        try:
            with broker.client().pubsub(ignore_subscribe_messages=True) as heard:
                heard.subscribe(CHANNEL)
                while not _stopped.is_set():
                    message = heard.get_message(timeout=1.0)
                    if message and (one := LOOPS.get(message["data"].decode())):
                        one.woken.set()
        except (RedisError, OSError):
            _stopped.wait(_RETRY_SECONDS)
