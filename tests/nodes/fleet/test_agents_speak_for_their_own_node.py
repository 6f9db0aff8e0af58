"""A node's credential opens its own agent routes and nothing else; the heartbeat is cheap and tells what is wanted."""

import pytest

from nodes.fleet.models import Interface, Node, NodeState
from tests.factories.nodes import health_report, heartbeat, make_interface, make_node, meter_frame, reported_interface

pytestmark = pytest.mark.django_db


def test_a_heartbeat_brings_the_node_online_and_its_interfaces_to_life(node_client, api, alice):
    node = make_node(online=False, channels=0)
    reply = node_client(node).post(f"/nodes/{node.pk}/heartbeat", heartbeat(hostname="rec-12", agentVersion="1.4.0", interfaces=[reported_interface()]))
    assert reply.status_code == 202, reply.content
    data = reply.json()["data"]
    assert data["node"]["id"] == str(node.pk) and data["commands"] == [] and data["credential"] is None
    assert data["hints"] == {"configVersion": data["node"]["configVersion"], "claim": False, "jobs": [], "meterPeriodMs": 1000, "feeds": []}
    shown = api(alice).get(f"/nodes/{node.pk}").json()["data"]
    assert (shown["status"], shown["liveness"], shown["hostname"]) == ("online", "online", "rec-12")
    assert [channel["index"] for channel in shown["interfaces"][0]["channels"]] == [1, 2, 3, 4]
