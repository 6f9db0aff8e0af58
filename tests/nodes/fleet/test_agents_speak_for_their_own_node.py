"""A node's credential opens its own agent routes and nothing else; the heartbeat is cheap and says what is wanted."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from config.kernel import clock
from config.kernel.access import Kind
from config.kernel.checks import api_routes
from nodes.fleet.models import NodeState
from nodes.health.models import HealthEvent
from tests.factories.nodes import heartbeat, make_node, reported_interface

pytestmark = pytest.mark.django_db


def routes(of_nodes: bool):
    """(method, path template) of every API route that names a node in its path: the agents' own, or people's."""
    for path, view, actions in api_routes():
        for method, action in dict(actions).items():
            route = view.routes[action]
            if method != "head" and bool(route.node_kwarg) == of_nodes and (of_nodes or (Kind.NODE not in route.kinds and not route.public)):
                yield method.upper(), path


def filled(path: str, node_id) -> str:
    return re.sub(r"<uuid:(\w+)>", lambda match: str(node_id if match[1] == "id" else uuid4()), path).replace("<int:id>", "1")


def test_a_heartbeat_brings_the_node_online_and_its_interfaces_to_life(node_client, api, alice):
    node = make_node(online=False, channels=0)
    reply = node_client(node).post(
        f"/nodes/{node.pk}/heartbeat", heartbeat(hostname="rec-12", agentVersion="1.4.0", interfaces=[reported_interface()])
    )
    assert reply.status_code == 202, reply.content
    data = reply.json()["data"]
    assert data["node"]["id"] == str(node.pk) and data["commands"] == [] and data["credential"] is None
    assert data["hints"] == {"configVersion": data["node"]["configVersion"], "claim": False, "jobs": [], "meterPeriodMs": 1000, "feeds": []}
    shown = api(alice).get(f"/nodes/{node.pk}").json()["data"]
    assert (shown["status"], shown["liveness"], shown["hostname"]) == ("online", "online", "rec-12")
    assert [channel["index"] for channel in shown["interfaces"][0]["channels"]] == [1, 2, 3, 4]


def test_a_nodes_credential_is_refused_on_every_other_nodes_routes_and_that_is_audited(node_client):
    mine, other = make_node(), make_node()
    client = node_client(mine)
    agents = list(routes(of_nodes=True))
    assert len(agents) >= 5
    for method, path in agents:
        for node_id in (other.pk, uuid4()):
            reply = client.request(method, filled(path, node_id), {} if method == "POST" else None)
            assert (reply.status_code, reply.json()["code"]) == (401, "credential_not_accepted"), f"{method} {path}"
            assert reply.json()["data"] == {"kind": "node", "accepted": ["node"]}
    denied = AuditEvent.objects.filter(outcome="denied", actor_kind="node", actor_id=mine.pk)
    assert denied.exists() and set(denied.values_list("reason", flat=True)) == {"credential_not_accepted"}


def test_a_nodes_credential_opens_no_route_for_people_and_a_persons_none_for_nodes(node_client, api, alice):
    node = make_node()
    for method, path in list(routes(of_nodes=False)):
        reply = node_client(node).request(method, filled(path, node.pk), {} if method in {"POST", "PUT", "PATCH"} else None)
        assert (reply.status_code, reply.json()["code"]) == (401, "credential_not_accepted"), f"{method} {path}"
    for path in ("config", "channel-map-assignments"):
        assert api(alice).get(f"/nodes/{node.pk}/{path}").json()["code"] == "credential_not_accepted"
    for path in ("heartbeat", "meter-frame", "health-events"):
        assert api(alice).post(f"/nodes/{node.pk}/{path}", {}).json()["code"] == "credential_not_accepted"


def test_a_heartbeat_without_news_costs_at_most_six_queries_and_publishes_nothing(node_client):
    from config.kernel.models import TopicEvent

    node = make_node()
    client = node_client(node)
    assert client.post(f"/nodes/{node.pk}/heartbeat", heartbeat(seq=1)).status_code == 202
    published = TopicEvent.objects.count()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.post(f"/nodes/{node.pk}/heartbeat", heartbeat(seq=2)).status_code == 202
    asked = [query["sql"] for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(asked) <= 6, asked
    assert TopicEvent.objects.count() == published


def test_the_configuration_is_unchanged_until_something_in_it_changes(node_client, api, alice):
    node = make_node(channels=2)
    client = node_client(node)
    first = client.get(f"/nodes/{node.pk}/config")
    assert first.status_code == 200 and first.json()["data"]["watchdog"] == []
    channels = first.json()["data"]["interfaces"][0]["channels"]
    assert channels == [{"index": 1, "alias": None, "role": "expected"}, {"index": 2, "alias": None, "role": "expected"}]
    again = client.get(f"/nodes/{node.pk}/config", If_None_Match=first.headers["ETag"])
    assert again.status_code == 304 and again.content == b""
    interface = node.interfaces.get()
    body = {"channels": [{"index": 2, "alias": "Lectern", "role": "optional"}]}
    assert api(alice).patch(f"/nodes/{node.pk}/interfaces/{interface.pk}", body).status_code == 200
    changed = client.get(f"/nodes/{node.pk}/config", If_None_Match=first.headers["ETag"])
    assert changed.status_code == 200
    assert changed.json()["data"]["configVersion"] != first.json()["data"]["configVersion"]
    assert changed.json()["data"]["interfaces"][0]["channels"][1] == {"index": 2, "alias": "Lectern", "role": "optional"}
    assert client.post(f"/nodes/{node.pk}/heartbeat", heartbeat()).json()["data"]["hints"]["configVersion"] == changed.json()["data"]["configVersion"]


def test_two_programs_on_one_credential_are_found_out_after_ten_seconds(node_client):
    node = make_node()
    client, start = node_client(node), clock.now()

    def beat(process: str, after_seconds: float, seq: int):
        with clock.frozen(start + timedelta(seconds=after_seconds)):
            return client.post(f"/nodes/{node.pk}/heartbeat", heartbeat(processId=process, seq=seq))

    assert beat("old", 0, 5).status_code == 202
    assert beat("new", 5, 1).status_code == 202
    assert beat("old", 8, 6).status_code == 202, "a late message of the process before is no conflict"
    assert NodeState.objects.get(pk=node.pk).process_id == "new"
    refused = beat("old", 16, 7)
    assert (refused.status_code, refused.json()["code"]) == (409, "agent_instance_conflict")
    event = HealthEvent.objects.get(node=node)
    assert (event.type, event.severity) == ("controller.node.duplicate_agent", "critical")
    assert beat("new", 20, 2).status_code == 202, "the current one goes on"


def test_a_heartbeat_out_of_order_does_not_undo_the_newer_one(node_client):
    node = make_node()
    client = node_client(node)
    client.post(f"/nodes/{node.pk}/heartbeat", heartbeat(seq=7, freeSlots=3))
    client.post(f"/nodes/{node.pk}/heartbeat", heartbeat(seq=6, freeSlots=0))
    assert NodeState.objects.get(pk=node.pk).free_slots == 3


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"interfaces": [reported_interface(channelCount=513)]}, "interfaces[0].channelCount"),
        ({"ipAddresses": ["10.0.0.999"]}, "ipAddresses[0]"),
        ({"status": "fine"}, "status"),
        ({"extra": {"x": "y" * 5000}}, "extra"),
        ({"hostname": "a\nb"}, "hostname"),
    ],
)
def test_a_heartbeat_that_is_not_one_is_refused_whole(node_client, said, path):
    node = make_node(online=False)
    reply = node_client(node).post(f"/nodes/{node.pk}/heartbeat", heartbeat(**said))
    assert reply.status_code == 400 and reply.json()["data"]["errors"][0]["path"] == path
    assert NodeState.objects.get(pk=node.pk).last_seen_at is None


def test_a_heartbeat_over_256_kib_is_refused_before_it_is_read(node_client):
    node = make_node()
    reply = node_client(node).post(f"/nodes/{node.pk}/heartbeat", data=b" " * (256 * 1024 + 1))
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")
