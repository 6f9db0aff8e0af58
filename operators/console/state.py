"""ControlRoomState (04 §4): people and locks from here, the production from the app that owns it."""

from collections.abc import Callable

from config.kernel import clock
from config.kernel.access import Actor
from operators.console import handovers, locks, presence, room, shapes
from operators.console.identity import operator_of, operators
from operators.console.models import ControlRoom

# What the apps above add: each `read(room)` returns keys of the state, snake_case.
_parts: list[Callable[[ControlRoom], dict]] = []


def register_part(read: Callable[[ControlRoom], dict]) -> None:
    """Once for each part, in `ready()`."""
    if read not in _parts:
        _parts.append(read)


def state() -> dict:
    """The whole state, snake_case; inside one repeatable read its `seq` belongs to its rows. No secret is in it."""
    where = room.main()
    whole = {
        "seq": where.seq,
        "at": clock.now(),
        "last_changed_by": where.last_changed_by or room.SYSTEM,
        "operators": [shapes.operator(row) for row in operators().filter(control_room=where).order_by("created_at", "pk")],
        "locks": {lock.subsystem: shapes.lock(lock) for lock in locks.living()},
        "handovers": [shapes.handover(row) for row in handovers.open_now()],
    }
    for read in _parts:
        whole |= read(where)
    return whole | {"comms": None}


def alive(actor: Actor) -> None:
    """A socket that follows the room keeps its operator present."""
    actor.memo.pop("console_operator", None)
    if (operator := operator_of(actor)) is not None:
        operator.refresh_from_db(fields=["last_seen", "gone_since", "deleted_at"])
        if operator.deleted_at is None:
            presence.seen(operator, actor)
