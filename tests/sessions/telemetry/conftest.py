"""A supplier with a phone that serves a consumer in telemetry mode, and how both call."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from config.kernel import clock
from tests.cast import ApiClient
from tests.factories.sessions import key_token, make_operator, make_session, owned_workspace


def _party(roles, *scopes):
    workspace = owned_workspace(roles=roles)
    return SimpleNamespace(workspace=workspace, client=ApiClient(key_token(workspace, "sessions:read", *scopes)))


@pytest.fixture
def consumer(db):
    return _party(["CONSUMER"], "sessions:create")


@pytest.fixture
def supplier(db):
    return _party(["SUPPLIER"], "sessions:operate")


@pytest.fixture
def stranger(db):
    return _party(["CONSUMER", "SUPPLIER"], "sessions:operate", "sessions:create")


@pytest.fixture
def serve(consumer, supplier):
    """`serve(state, seconds=60, **fields)`: a session that the supplier has served for so long."""

    def make(state="LIVE", *, seconds: float = 60, **fields):
        began = clock.now().replace(microsecond=0) - timedelta(seconds=seconds)
        times = {} if state == "REQUESTED" else {"assigned_at": began}
        if state in ("LIVE", "ENDED"):
            times["started_at"] = began
        operator = None if state == "REQUESTED" else make_operator(supplier.workspace)
        fields = {"mode": "telemetry", "required_trust_tier": 1, **times, **fields}
        return make_session(consumer.workspace, state, operator=operator, **fields)

    return make
