"""The embedded server in this process, for tests without a browser or with one."""

import pytest

from tests.sessions.media.edge import Edge


@pytest.fixture
def edge(monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.MEDIA_ICE_LOOPBACK = True
    settings.MEDIA_ICE_ADDRESSES = ["127.0.0.1"]
    made = Edge(monkeypatch, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def fake(monkeypatch, settings):
    """A provider in memory is the one for new inputs."""
    from sessions.media import provider

    monkeypatch.setitem(provider.ADAPTERS, "fake", "tests.sessions.media.fake.Fake")
    settings.MEDIA_PROVIDER = "fake"
    provider.reset()
    yield provider.current()
    provider.reset()


@pytest.fixture
def session(db):
    """An ASSIGNED session of a consumer, served by a supplier's phone."""
    from tests.factories.sessions import make_operator, make_session, make_workspace

    supplier, consumer = make_workspace(roles=["SUPPLIER"]), make_workspace(roles=["CONSUMER"])
    return make_session(consumer, "ASSIGNED", operator=make_operator(supplier))
