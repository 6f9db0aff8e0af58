"""A consumer with a full pool, a supplier with one phone in Bogotá, and how they call."""

from types import SimpleNamespace

import pytest

from config.kernel import clock
from sessions.field.models import FieldSession
from tests.cast import ApiClient
from tests.factories.sessions import BOGOTA, key_token, make_operator, owned_workspace
from tests.sessions.settlement.helpers import fund


@pytest.fixture
def media(monkeypatch, settings):
    """A media provider in memory; `media.flows(session_id, at)` is its first keyframe, `media.lost` and `media.resumed` what comes later."""
    from sessions.media import provider

    monkeypatch.setitem(provider.ADAPTERS, "fake", "tests.sessions.media.fake.Fake")
    settings.MEDIA_PROVIDER = "fake"
    provider.reset()
    yield Reports(provider.current())
    provider.reset()


class Reports:
    """What the provider says of a session's input."""

    def __init__(self, provider):
        self.provider, self.number = provider, 0

    def say(self, session_id, kind: str, at) -> None:
        from sessions.media import events
        from sessions.media.models import MediaInput
        from sessions.media.provider import MediaEvent
        from sessions.media.states import EventKind

        media_input = MediaInput.objects.get(session_id=session_id)
        self.number += 1
        events.receive(self.provider, [MediaEvent(f"event-{self.number}", media_input.ref, EventKind(kind), at)], "")
        events.apply(media_input.pk)

    def flows(self, session_id, at) -> None:
        self.say(session_id, "flowing", at)

    def lost(self, session_id, at) -> None:
        self.say(session_id, "lost", at)


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
def started(supplier, request_session, media):
    """`started(**more)`: the id of a session that its operator has started."""

    def make(**more) -> str:
        pk = request_session(**more)
        for step in ("accept", "start"):
            reply = supplier.client.post(f"/sessions/{pk}/{step}")
            assert reply.status_code == 200, reply.content
        return pk

    return make


@pytest.fixture
def live(started, media):
    """`live(at=None, **more)`: the id of a session that is LIVE since `at`, now unless said."""

    def make(at=None, **more) -> str:
        pk = started(**more)
        media.flows(pk, at or clock.now())
        assert FieldSession.objects.get(pk=pk).state == "LIVE"
        return pk

    return make


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
