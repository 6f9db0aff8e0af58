"""Which interfaces belong to a node, remembered for some seconds: frames come ten times a second and must not each ask the database."""

import time
from uuid import UUID

from nodes.fleet.models import Interface

_KEEP_SECONDS = 10.0
_MOST = 5000
_known: dict[UUID, tuple[float, frozenset[UUID]]] = {}


def interfaces_of(node_id: UUID) -> frozenset[UUID]:
    """Ids of the node's interfaces, at most ten seconds old."""
    found = _known.get(node_id)
    if found is None or time.monotonic() - found[0] > _KEEP_SECONDS:
        if len(_known) >= _MOST:
            _known.clear()
        found = _known[node_id] = (time.monotonic(), frozenset(Interface.objects.filter(node_id=node_id).values_list("pk", flat=True)))
    return found[1]


def owns(node_id: UUID, interface_id: UUID) -> bool:
    """Whether the interface is the node's; one that is not known yet is looked up again, so a new one works at once."""
    if interface_id in interfaces_of(node_id):
        return True
    return interface_id in _afresh(node_id)


def _afresh(node_id: UUID) -> frozenset[UUID]:
    """Asked again at most once a second for a node: a machine that insists on a wrong id must not become a load."""
    found = _known.get(node_id)
    if found is not None and time.monotonic() - found[0] > 1.0:
        _known.pop(node_id, None)
    return interfaces_of(node_id)


def remembered(node_id: UUID) -> frozenset[UUID] | None:
    """What is remembered and still fresh, without a query; None if nothing is."""
    found = _known.get(node_id)
    return found[1] if found is not None and time.monotonic() - found[0] <= _KEEP_SECONDS else None
