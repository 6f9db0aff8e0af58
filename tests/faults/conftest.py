"""People and recorders of the running control room whose parts are killed."""

from urllib.parse import urlsplit

import pytest

from tests.faults.control_room import Agent, Client
from tests.faults.slow_link import SlowLink


@pytest.fixture(scope="session")
def person(stack):
    return Client(stack)


@pytest.fixture
def recorder(stack, person, tmp_path, request):
    """make(alias, link=None, **env) → (node id, Agent), ended with the test."""
    made = []

    def make(alias: str, *, url: str | None = None, **env):
        node, token = person.enrol(f"{alias} {request.node.name}"[:110])
        agent = Agent(url or stack.origin, node, token, tmp_path / alias, **env)
        made.append(agent)
        person.wait_online(node)
        return node, agent

    yield make
    for agent in made:
        agent.stop()


@pytest.fixture
def slow_link(stack):
    parts = urlsplit(stack.origin)
    links = []

    def make(**kwargs):
        links.append(SlowLink((parts.hostname, parts.port), **kwargs))
        return links[-1]

    yield make
    for link in links:
        link.close()
