"""The commands of the control room as an action map: each asked of the very guard that stands before it."""

from dataclasses import dataclass, replace

from config.kernel.access import Actor, Perm, Route, Subsystem
from config.kernel.errors import ApiError
from operators.console import lock_guard


@dataclass(frozen=True)
class Command:
    """`href` under `/api/v1`; `why_not()` may add a reason of the production's own state (an ApiError, or None)."""

    name: str
    method: str
    href: str
    subsystem: Subsystem
    permission: Perm | None = None
    why_not: object = None


_commands: dict[str, Command] = {}


def register_command(command: Command) -> None:
    """Once for each command, in `ready()`."""
    _commands[command.name] = command


def states(actor: Actor) -> dict:
    """name → `{enabled, method, href, subsystem, code?, reason?, data?}`."""
    return {name: _state(actor, command) for name, command in sorted(_commands.items())}


def _state(actor: Actor, command: Command) -> dict:
    shown = {"enabled": True, "method": command.method, "href": f"/api/v1{command.href}", "subsystem": command.subsystem.value}
    try:
        # A copy: what the guard notes for one command must not colour the next.
        lock_guard.admit(replace(actor, memo={}), Route(command.permission, subsystem=command.subsystem))
        error = command.why_not() if command.why_not else None
    except ApiError as refused:
        error = refused
    if error is None:
        return shown
    return (
        shown | {"enabled": False, "code": error.code, "reason": error.message} | ({"data": error.body()["data"]} if error.data is not None else {})
    )
