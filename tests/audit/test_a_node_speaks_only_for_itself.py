"""A node's credential on another node's routes, and on every user route: refused, and each refusal recorded."""

import re
from uuid import uuid4

import pytest

from audit.models import AuditEvent
from config.kernel import broker
from config.kernel.access import Kind
from config.kernel.checks import api_routes
from tests.factories.nodes import make_node

pytestmark = pytest.mark.django_db


def routes(*, for_nodes: bool):
    """(method, template) of every API action that takes a node's credential with the node in its path, or that takes none."""
    for path, view, actions in api_routes():
        for method, action in actions.items():
            route = view.routes[action]
            if not route.public and (route.node_kwarg if for_nodes else Kind.NODE not in route.kinds):
                yield method.upper(), path


def refused_on(client, node, method: str, template: str) -> AuditEvent:
    url = re.sub(r"<uuid:id>", str(node.pk), template)
    url = re.sub(r"<uuid:[a-z_]+>", str(uuid4()), url)
    url = re.sub(r"<(int|str):[a-z_]+>", "1", url)
    request_id = uuid4().hex
    # The next method of a route would be folded into the first one's row.
    broker.attempt(lambda valkey: valkey.flushdb())
    reply = client.request(method, url, {} if method in {"POST", "PUT", "PATCH"} else None, request_id=request_id)
    assert reply.status_code == 401, (method, template)
    assert method == "HEAD" or reply.json()["code"] == "credential_not_accepted"
    (row,) = AuditEvent.objects.filter(request_id=request_id)
    assert (row.outcome, row.reason, row.method, row.route, row.status) == ("denied", "credential_not_accepted", method, template, 401)
    return row


def test_on_every_route_of_another_node(node_client):
    own, other = make_node("own"), make_node("other")
    asked = list(routes(for_nodes=True))
    assert asked
    for method, template in asked:
        row = refused_on(node_client(own), other, method, template)
        assert (row.actor_kind, row.actor_id, row.credential_prefix.startswith("tr_node_…")) == ("node", str(own.pk), True)
        assert (row.subject_kind, row.subject_id) == ("node", str(other.pk))
        assert f"site:{other.site_id}" in row.scope


def test_on_every_route_of_users(node_client):
    own = make_node("own")
    asked = list(routes(for_nodes=False))
    assert len(asked) > 20
    for method, template in asked:
        refused_on(node_client(own), own, method, template)


def test_a_refusal_before_the_view_is_recorded_too(api, alice):
    token = api(alice).token[:-1] + ("A" if api(alice).token[-1] != "A" else "B")
    reply = api(token=token).post("/audit-events/export", {"ids": []}, idempotency_key="k-1")
    assert reply.json()["code"] == "credential_invalid"
    assert AuditEvent.objects.filter(reason="credential_invalid", route="/api/v1/audit-events/export").count() == 1
