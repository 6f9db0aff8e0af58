"""Topic `nodes`: the rows of the list, and one change per row when status, liveness or counts change, at most one a second for a node."""

from datetime import timedelta

from django.db import transaction

from config.kernel import clock, realtime
from config.kernel.access import Actor, Perm, ports
from config.kernel.names import camelized
from nodes.fleet import selectors, shapes
from nodes.fleet.models import Node, NodeState

TOPIC = "nodes"
_AT_MOST_EVERY = timedelta(seconds=1)


def snapshot(actor: Actor, argument: str | None) -> dict:
    """`{"nodes": […]}`: every row in scope, worst work is left to the reader."""
    rows = list(selectors.with_interfaces(selectors.visible_nodes(actor).filter(retired_at=None).order_by("alias", "pk"), actor))
    return {"nodes": camelized(shapes.rows(rows))}


def visible(actor: Actor, pairs: list) -> set:
    """Which of these nodes the actor may see whole (reduced ones come with the snapshot only)."""
    ids = [pk for kind, pk in pairs if kind == "node"]
    seen = set(ports.scoped(Node.objects.all(), actor, Perm.NODE_READ).filter(pk__in=ids).values_list("pk", flat=True))
    return {(kind, pk) for kind, pk in pairs if kind == "node" and pk in seen}


def node_changed(node_id, *, edited: bool = False) -> None:
    """Within the transaction of a change: the node's row goes out once it has committed; `recordings` calls this when its jobs change.

    `edited`: a person changed it, so the row carries its location too. The row is marked as due in the same transaction, so a process that
    dies right after its commit loses nothing: the reconciler publishes it. The publication is a transaction of its own, which keeps the
    topic's counter out of everybody else's lock order.
    """
    NodeState.objects.filter(pk=node_id).update(published_status="")
    transaction.on_commit(lambda: publish(node_id, edited=edited), robust=True)


@transaction.atomic
def publish(node_id, *, edited: bool = False, due_only: bool = False) -> bool:
    """The node's row as it is now; with `due_only` not again within a second, and not while someone else is publishing it."""
    state = NodeState.objects.select_for_update(skip_locked=due_only).filter(pk=node_id).first()
    if state is None or (due_only and state.published_at and clock.now() - state.published_at < _AT_MOST_EVERY):
        return False
    row = selectors.nodes().prefetch_related("interfaces__channels").get(pk=node_id)
    NodeState.objects.filter(pk=row.pk).update(published_status=row.status, published_at=clock.now())
    realtime.publish(TOPIC, "node.changed", shapes.public_row(row, with_location=edited), subject=("node", row.pk))
    return True
