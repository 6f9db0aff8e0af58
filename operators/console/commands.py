"""The commands of the control room as an action map: each asked of the very guard that stands before it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from config.kernel.access import Actor, Perm, Route, Subsystem
from config.kernel.errors import ApiError
from operators.console import identity, lock_guard


@dataclass(frozen=True)
class Command:
    """`href` under `/api/v1`; `why_not()` may add a reason of the production's own state (an ApiError, or None)."""

    name: str
    method: str
    href: str
    subsystem: Subsystem
    permission: Perm | None = None
    why_not: Callable[[], ApiError | None] | None = None


_commands: dict[str, Command] = {}


def register_command(command: Command) -> None:
    """Once for each command, in `ready()`."""
    _commands[command.name] = command


def states(actor: Actor) -> dict:
    """name → `{enabled, method, href, subsystem, code?, reason?, data?}`."""
    refusals, reasons = {}, {None: None}
    for command in _commands.values():
        door = (command.subsystem, command.permission)
        if door not in refusals:
            refusals[door] = _refusal(actor, *door)
        if command.why_not not in reasons:
            reasons[command.why_not] = command.why_not()
    return {
        name: _state(command, refusals[command.subsystem, command.permission] or reasons[command.why_not])
        for name, command in sorted(_commands.items())
    }


def _refusal(actor: Actor, subsystem: Subsystem, permission: Perm | None) -> ApiError | None:
    """What the guard would answer; asked once for all commands behind the same door."""
    # A copy: what the guard notes for one command must not colour the next. Who acts is the same for all.
    caller = replace(actor, memo={"console_operator": identity.operator_of(actor)})
    route = Route(permission, subsystem=subsystem)
    try:
        lock_guard.admit(caller, route)
        lock_guard.check_lock(caller, route)
    except ApiError as refused:
        return refused
    return None


def _state(command: Command, error: ApiError | None) -> dict:
    shown = {"enabled": True, "method": command.method, "href": f"/api/v1{command.href}", "subsystem": command.subsystem.value}
    if error is None:
        return shown
    return (
        shown | {"enabled": False, "code": error.code, "reason": error.message} | ({"data": error.body()["data"]} if error.data is not None else {})
    )
