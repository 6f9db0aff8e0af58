"""A consumer with a full pool, a supplier with one phone in Bogotá, and how they call."""

from types import SimpleNamespace

import pytest

from tests.cast import ApiClient
from tests.factories.sessions import BOGOTA, key_token, make_operator, owned_workspace
from tests.sessions.settlement.helpers import fund


class Party(SimpleNamespace):
    """A workspace, its OWNER, and clients of both: `client` by a key, `person` by the owner's sign-in."""

    def key(self, *scopes, environment="LIVE") -> ApiClient:
        return ApiClient(key_token(self.workspace, *scopes, environment=environment))


def party(roles) -> Party:
    workspace = owned_workspace(roles=roles)
    made = Party(workspace=workspace, owner=workspace.owner)
    scopes = ["sessions:read", "operators:read", "operators:write"]
    scopes += ["sessions:create"] if "CONSUMER" in roles else []
    scopes += ["sessions:operate"] if "SUPPLIER" in roles else []
    made.client = made.key(*scopes)
    return made


@pytest.fixture
def consumer(db):
    made = party(["CONSUMER"])
    fund(made.workspace, 100_000_000)
    return made


@pytest.fixture
def supplier(db):
    made = party(["SUPPLIER"])
    made.operator = make_operator(made.workspace, "Phone 1")
    return made


@pytest.fixture
def other_supplier(db):
    return party(["SUPPLIER"])


@pytest.fixture
def wish():
    """The smallest body of a request."""
    return {"point": {"lat": BOGOTA[0], "lng": BOGOTA[1]}, "maxDurationSeconds": 600}


@pytest.fixture
def request_session(consumer, wish):
    """`request_session(**more)`: the id of a new open request."""

    def make(**more) -> str:
        reply = consumer.client.post("/sessions", {**wish, **more})
        assert reply.status_code == 201, reply.content
        return reply.json()["data"]["id"]

    return make
