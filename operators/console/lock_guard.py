"""The lock on real commands (04 §2): asked before anything is looked up, and again under the room's row when the command is about to commit."""

from config.kernel.access import Actor, Kind, Route, require
from operators.console import locks, room
from operators.console.identity import keeps_standing, operator_of, require_operator, require_standing
from operators.console.models import ConsoleOperator, ControlRoom
from operators.console.states import may_command


def admit(actor: Actor, route: Route) -> None:
    """The port of the same name: who may command here.

    A command of the control room (no permission of its own) needs an operator: operator_required, role_not_permitted. Elsewhere an operator's own
    credential counts by role alone, a user by their permission or their operator's role, a key by its scope: permission_denied.
    """
    operator = operator_of(actor)
    if route.permission is None:
        operator = require_operator(actor)
        locks.demand_role(operator, route.subsystem)
    elif actor.kind is Kind.CONSOLE_OPERATOR:
        locks.demand_role(operator, route.subsystem)
        require_standing(actor, operator)
        commands_by_role(actor, operator, route.subsystem)
    else:
        if operator is not None and may_command(operator.role, route.subsystem) and keeps_standing(actor, operator):
            commands_by_role(actor, operator, route.subsystem)
        require(actor, route.permission)


def check_lock(actor: Actor, route: Route) -> None:
    """The port of the same name: nobody else holds the lock."""
    demand_free(operator_of(actor), route.subsystem)


def commands_by_role(actor: Actor, operator: ConsoleOperator, subsystem: str) -> None:
    """For the rest of this request the role stands for the permissions of the subsystem's commands (`operators.access.selectors`)."""
    actor.memo["commanding"] = subsystem
    actor.memo.pop("standing", None)


def demand_free(operator: ConsoleOperator | None, subsystem: str) -> None:
    """ApiError subsystem_locked if somebody present other than `operator` holds it."""
    for lock in locks.living():
        if lock.subsystem == subsystem and (operator is None or lock.operator_id != operator.pk):
            raise locks.refusal(lock)


def commanded(actor: Actor, route: Route, action: str, target: dict) -> None:
    """The port of the same name, inside the transaction of a guarded command of another room: the lock once more under the room's row, then
    the history's `command.made`."""
    operator = operator_of(actor)
    where = hold(operator, route.subsystem)
    facts = {"subsystem": route.subsystem, "action": action, "target": target}
    room.changed(where, "command.made", facts, room.by(actor, operator))


def hold(operator: ConsoleOperator | None, subsystem: str) -> ControlRoom:
    """The room's row, with the lock found free or the operator's own: from here to the commit nobody acquires it."""
    where = room.locked()
    demand_free(operator, subsystem)
    return where
