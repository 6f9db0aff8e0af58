"""Ids in bodies: looked up in scope; absent or hidden is the same 404 `reference_not_found`."""

from uuid import UUID

from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from nodes.fleet.models import Interface, Node, Room, Site


def _in_scope(model, pk: UUID, actor: Actor, permission: Perm, path: str):
    row = ports.scoped(model.objects.all(), actor, permission).filter(pk=pk).first()
    if row is None:
        raise ApiError("reference_not_found", data={"path": path})
    return row


def site(pk: UUID, actor: Actor, permission: Perm, path: str) -> Site:
    return _in_scope(Site, pk, actor, permission, path)


def node(pk: UUID, actor: Actor, permission: Perm, path: str) -> Node:
    return _in_scope(Node, pk, actor, permission, path)


def interface_of(node_row: Node, pk: UUID, path: str) -> Interface:
    """An interface of this very node."""
    row = Interface.objects.filter(node=node_row, pk=pk).first()
    if row is None:
        raise ApiError("reference_not_found", data={"path": path})
    return row


def room_at(site_row: Site, *, building: str, floor: str, name: str) -> Room | None:
    """The room of that name, made on first use; None without a name."""
    if not name:
        return None
    return Room.objects.get_or_create(site=site_row, building=building, floor=floor, name=name)[0]
