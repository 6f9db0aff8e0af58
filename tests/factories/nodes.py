"""Sites, nodes and their interfaces for tests, and a node's own client."""

from itertools import count
from uuid import uuid4

import pytest

from config.kernel import clock
from nodes.fleet import credentials
from nodes.fleet.models import Channel, Interface, Node, NodeState, Room, Site
from tests.cast import ApiClient

_numbers = count(1)


def make_site(name: str = "", **values) -> Site:
    number = next(_numbers)
    return Site.objects.create(name=name or f"Site {number}", slug=f"site-{number}", timezone=values.pop("timezone", "Europe/Berlin"), **values)


def make_room(site: Site, name: str = "Hall") -> Room:
    return Room.objects.get_or_create(site=site, name=name)[0]


def make_node(alias: str = "", *, site: Site | None = None, channels: int = 2, online: bool = True, state: dict | None = None, **values) -> Node:
    """A node with one interface of `channels` channels (0: none), heard just now if `online`."""
    node = Node.objects.create(alias=alias or f"rec-{next(_numbers)}", site=site or make_site(), **values)
    NodeState.objects.create(node=node, reported_status="ok", last_seen_at=clock.now() if online else None, **(state or {}))
    if channels:
        make_interface(node, channels=channels)
    return node


def make_interface(node: Node, *, channels: int = 2, **values) -> Interface:
    values = {
        "system_name": "XUSB",
        "system_ref": "hw:XUSB,0",
        "backend": "alsa",
        "sample_rates": [48000],
        "state": "open",
        "room": node.room,
        **values,
    }
    interface = Interface.objects.create(node=node, channel_count=channels, **values)
    Channel.objects.bulk_create([Channel(interface=interface, index=index) for index in range(1, channels + 1)])
    return interface


def issue_token(node: Node) -> str:
    """A fresh credential of the node (its former ones stay as they are)."""
    return credentials.issue(node)[1]


def heartbeat(**said) -> dict:
    """The least that an agent says."""
    return {"agentInstanceId": "inst-1", "processId": "proc-1", "seq": 1, "sentAt": clock.wire(clock.now()), "status": "ok", **said}


def reported_interface(**values) -> dict:
    """One interface of an inventory."""
    base = {
        "systemName": "XUSB",
        "systemRef": "hw:XUSB,0",
        "backend": "alsa",
        "hardwarePath": "usb-1.2",
        "serialNumber": "A1",
        "sampleRates": [48000],
    }
    return {**base, "channelCount": 4, "state": "open", "error": None, "xruns": 0, **values}


def meter_frame(interface: Interface, **values) -> dict:
    """A valid 1 s frame."""
    levels = [{"channelIndex": index, "rmsDbfs": -31.2, "peakDbfs": -12.4} for index in range(1, interface.channel_count + 1)]
    base = {"nodeId": str(interface.node_id), "interfaceId": str(interface.pk), "seq": 1, "capturedAt": clock.wire(clock.now()), "periodMs": 1000}
    return {**base, "source": "live", "levels": levels, **values}


def health_report(**values) -> dict:
    """What an agent posts about itself."""
    return {
        "id": str(uuid4()),
        "type": "agent.disk.low",
        "severity": "critical",
        "state": "firing",
        "message": "The disk is nearly full.",
        "details": {},
        **values,
    }


@pytest.fixture
def node_client(db):
    """`node_client(node)`: an ApiClient with a working credential of that node."""
    known: dict = {}

    def client(node: Node) -> ApiClient:
        if node.pk not in known:
            known[node.pk] = ApiClient(issue_token(node))
        return known[node.pk]

    return client
