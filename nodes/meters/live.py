"""Topic `meters:<nodeId>`: a JSON snapshot (interfaces, labels, newest features), then binary messages from the hub."""

from typing import TYPE_CHECKING
from uuid import UUID

from channels.db import database_sync_to_async

from config.kernel.access import Actor
from config.kernel.errors import ApiError
from config.kernel.names import camelized
from nodes.fleet import selectors, shapes
from nodes.fleet.models import Interface

if TYPE_CHECKING:
    # What reads levels brings numpy: imported when somebody watches.
    from nodes.meters import hub

TOPIC = "meters"


def _interfaces(actor: Actor, argument: str | None) -> list[Interface]:
    """Interfaces of that node in reach; ApiError not_found for a node that is absent or hidden."""
    try:
        node_id = UUID(argument or "")
    except ValueError as error:
        raise ApiError("not_found") from error
    rows = list(selectors.visible_interfaces(actor).filter(node_id=node_id))
    if not rows and not selectors.visible_nodes(actor).filter(pk=node_id).exists():
        raise ApiError("not_found", about=[("node", node_id)])
    return rows


def snapshot(actor: Actor, argument: str | None) -> dict:
    """`{nodeId, interfaces: […], frames: […]}`."""
    from nodes.meters import reading

    rows = _interfaces(actor, argument)
    return {"nodeId": argument, "interfaces": [camelized(shapes.interface(row)) for row in rows], "frames": reading.frames_of(rows)}


async def attach(actor: Actor, argument: str | None, sink) -> "hub.Watch":
    """Binary messages into `sink` until the handle is closed; the consumer attaches anew when access changed."""
    from nodes.meters import hub

    rows = await database_sync_to_async(_interfaces)(actor, argument)
    return hub.watch(UUID(argument), {row.pk for row in rows}, sink)
