"""Fixtures of every test. The cast is in `tests/cast.py`, the things they work with in `tests/factories/`."""

import pytest

from config.kernel import broker

pytest_plugins = ["tests.cast", "tests.factories.nodes", "tests.factories.recordings"]


@pytest.fixture(autouse=True)
def _empty_broker():
    """No limit, ring or grant survives into the next test."""
    broker.attempt(lambda valkey: valkey.flushdb())
    yield


@pytest.fixture
def commits(django_capture_on_commit_callbacks):
    """`with commits():` runs what was queued with on_commit inside, though the test's own transaction never commits."""

    def capture():
        return django_capture_on_commit_callbacks(execute=True)

    return capture
