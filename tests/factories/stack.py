"""The one running control room that the tests of browsers and of outages share: a start of their own each would cost them a minute."""

import pytest


@pytest.fixture(scope="session")
def stack():
    """With the recorder agent of this machine on a test signal. It may be looked at, used, and its parts be killed: they come back."""
    from config.stack.testing import Stack

    running = Stack(bare=False, environment={"RATE_LIMIT_ENABLED": "0", "OUTBOUND_ALLOW_PRIVATE": "1"})
    yield running
    running.stop()
