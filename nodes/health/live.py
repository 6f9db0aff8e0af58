"""Topic `health`: what is not resolved, then every change."""

from config.kernel.access import Actor
from config.kernel.names import camelized
from nodes.health import selectors, shapes
from nodes.health.selectors import visible
from nodes.health.services import TOPIC

__all__ = ["TOPIC", "snapshot", "visible"]
_SHOWN = 500


def snapshot(actor: Actor, argument: str | None) -> dict:
    """`{"events": […]}`, worst and newest first, ≤ 500."""
    return {"events": [camelized(shapes.event(row)) for row in selectors.unresolved(actor)[:_SHOWN]]}
