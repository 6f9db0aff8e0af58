"""The base of the control room's commands: who may come, and what a body leaves open (04 §6)."""

from config.kernel.access import Route, Subsystem
from operators.console.identity import IN_THE_ROOM

_GUARD = ("operator_required", "role_not_permitted", "permission_denied", "subsystem_locked")


def command(subsystem: Subsystem, *errors: str, query: tuple[str, ...] = ()) -> Route:
    """A guarded route for whoever is in the room."""
    return Route(kinds=IN_THE_ROOM, subsystem=subsystem, query=query, errors=(*_GUARD, *errors))


def given(body: dict) -> dict:
    """Without what was left open, so that the command's own defaults hold."""
    return {name: value for name, value in body.items() if value is not None}
