"""Loops of the worker: they run when due, at once when woken, and an error never ends them."""

import threading
import time

import pytest

from config.kernel import loops


@pytest.fixture
def running(monkeypatch):
    """`running(function, every=…)`: a loop of its own in a thread, ended with the test."""
    monkeypatch.setattr(loops, "LOOPS", {})
    monkeypatch.setattr(loops, "_stopped", threading.Event())

    def begin(function, **times):
        loops.loop("test.loop", **times)(function)
        loops.start()
        return loops.LOOPS["test.loop"]

    yield begin
    loops.stop()


def wait_for(condition, seconds=10.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_after_an_error_and_rests_when_there_is_nothing_to_do(running):
    runs = []

    def body():
        runs.append(time.monotonic())
        if len(runs) == 1:
            raise ValueError("a poison row")
        return {"done": len(runs) < 4}

    running(body, every=0.01, idle_every=0.05)
    wait_for(lambda: len(runs) >= 4)
    settled = len(runs)
    time.sleep(0.3)
    assert len(runs) - settled <= 8


@pytest.mark.django_db(transaction=True)
def test_it_is_woken_once_the_transaction_has_committed(running):
    runs = []
    running(lambda: runs.append(1), every=60)
    wait_for(lambda: runs)

    def nudge():
        loops.wake("test.loop")
        return len(runs) > 1

    wait_for(nudge)
