"""The newest meters as JSON, for GET, the topic's snapshot and SSE; only interfaces in reach."""

from uuid import UUID

from config.kernel import clock
from config.kernel.access import Actor
from nodes.fleet import selectors
from nodes.fleet.models import Interface
from nodes.meters import ring, wire


def labels_of(interface: Interface) -> dict[int, str]:
    """Channel index → alias, of those that have one."""
    return {channel.index: channel.alias for channel in interface.channels.all() if channel.alias}


def frame(interface: Interface, latest: ring.Latest) -> dict:
    """One frame of the wire with `receivedAt`, `ageMs`, `stale`."""
    decoded = wire.decode(latest.payload)
    return {
        **wire.to_json(decoded, node_id=interface.node_id, labels=labels_of(interface)),
        "receivedAt": clock.wire(wire.captured_at(latest.received_us)),
        "ageMs": int(latest.age_seconds * 1000),
        "stale": latest.stale,
    }


def newest(actor: Actor, node_id: UUID, interface_ids: list[UUID] | None = None) -> list[dict]:
    """Frames of the node's interfaces in reach (of those asked for), in the interfaces' order."""
    rows = selectors.visible_interfaces(actor).filter(node_id=node_id)
    if interface_ids:
        rows = rows.filter(pk__in=interface_ids)
    return frames_of(list(rows))


def frames_of(rows: list[Interface]) -> list[dict]:
    found = ring.latest([row.pk for row in rows])
    return [frame(row, found[row.pk]) for row in rows if row.pk in found]
