"""What can be done to a node now, and why not: asked by the write, by `GET /nodes/:id/actions` and so by the button."""

from config.kernel.access import Actor, Perm
from config.kernel.actions import Action
from nodes.fleet.models import Interface, Node
from nodes.fleet.ports import CaptureState, capture_of, ports


def _path(node: Node, rest: str = "") -> str:
    return f"/api/v1/nodes/{node.pk}{rest}"


def edit(node: Node) -> Action:
    """A person's columns; also of a retired node."""
    return Action("PATCH", Perm.NODE_MANAGE, _path(node))


def retire(node: Node, state: CaptureState | None = None) -> Action:
    """Not while it captures or is about to: the recording would lose its node's credential."""
    if node.retired_at is not None:
        return Action("PATCH", Perm.NODE_MANAGE, _path(node), code="node_retired")
    state = state or capture_of(node.pk)
    if state.busy or state.next_start_at is not None:
        data = {"job_ids": list(state.job_ids), "next_start_at": state.next_start_at}
        return Action("PATCH", Perm.NODE_MANAGE, _path(node), code="node_recording", data=data)
    return Action("PATCH", Perm.NODE_MANAGE, _path(node))


def rotate_credential(node: Node) -> Action:
    return Action("POST", Perm.NODE_MANAGE, _path(node, "/credentials/rotate"), code="node_retired" if node.retired_at else None)


def meters(node: Node, interfaces: list[Interface]) -> Action:
    """The newest frames. Never a made-up one: without any there is nothing to read."""
    from nodes.meters import ring  # numpy, for who asks about levels

    code = None if ring.any_latest([interface.pk for interface in interfaces]) else "meter_frame_not_found"
    return Action("GET", Perm.NODE_READ, _path(node, "/meters"), code=code)


def edit_interface(interface: Interface, changes: set[str], state: CaptureState) -> Action:
    """Source, rate and format stay as they are while a capture uses them."""
    used = changes & {"source", "sample_rate", "sample_format"} and interface.pk in state.interface_ids
    return Action("PATCH", Perm.NODE_MANAGE, _path(interface.node, f"/interfaces/{interface.pk}"), code="interface_capturing" if used else None)


def of(node: Node, interfaces: list[Interface], actor: Actor) -> dict[str, Action]:
    """Every action of a node, in the order of the console."""
    state = capture_of(node.pk)
    return {
        "detail": Action("GET", Perm.NODE_READ, _path(node)),
        "editNode": edit(node),
        "retire": retire(node, state),
        "rotateCredential": rotate_credential(node),
        "meters": meters(node, interfaces),
        "health": Action("GET", Perm.HEALTH_READ, f"/api/v1/health-events?nodeId={node.pk}"),
        **ports.extra_actions(node, actor),
    }
