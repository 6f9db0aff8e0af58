"""The one control room and its numbered changes.

Whatever changes the production takes the room's row (`locked`) before it decides and says what it did (`changed`): commands and lock
acquisitions are wholly before or wholly after one another, and one change is one event with one number.
"""

import json

from django.db import connection, transaction
from django.db.models import QuerySet

from config.kernel import broker, clock, realtime, wire
from config.kernel.access import Actor, Kind
from config.kernel.names import camelized
from operators.console.models import ConsoleOperator, ControlRoom, ControlRoomEvent

TOPIC = "control-room"
MAIN = "main"
SYSTEM = {"kind": "system", "id": None, "name": "Tallyroom"}
_NEXT = "UPDATE operators_controlroom SET seq = seq + 1, last_changed_by = %s WHERE id = %s RETURNING seq"


def main() -> ControlRoom:
    """The installation's room, as read; before the first change it may not be stored yet."""
    return ControlRoom.objects.filter(slug=MAIN).first() or ControlRoom(slug=MAIN)


def every() -> QuerySet[ControlRoom]:
    return ControlRoom.objects.all()


def locked() -> ControlRoom:
    """The room, held until the transaction ends. The last row lock but those of topic counters (01)."""
    rows = ControlRoom.objects.select_for_update(no_key=True)
    return rows.filter(slug=MAIN).first() or rows.get(pk=ControlRoom.objects.get_or_create(slug=MAIN)[0].pk)


def by(actor: Actor, operator: ConsoleOperator | None = None) -> dict:
    """Who did it, as the state and the events show it: `{kind, id, name}`."""
    if operator is not None:
        return {"kind": Kind.CONSOLE_OPERATOR.value, "id": operator.public_id, "name": operator.name}
    if actor.kind in (Kind.USER, Kind.API_KEY):
        return {"kind": actor.kind.value, "id": actor.id, "name": actor.label}
    return SYSTEM


def changed(room: ControlRoom, event: str, data: dict, who: dict) -> int:
    """Write one change of the room, whose row the caller holds, and return its number. `data` (snake_case) carries whole new values."""
    if not connection.in_atomic_block:
        raise RuntimeError("a change of the control room belongs into the transaction that made it")
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [json.dumps(who), room.pk])
        room.seq = cursor.fetchone()[0]
    room.last_changed_by = who
    ControlRoomEvent.objects.create(
        control_room=room,
        seq=room.seq,
        event=event,
        at=clock.now(),
        actor_kind=who["kind"],
        actor_id=who["id"],
        actor_name=who["name"],
        data=json.loads(wire.dumps(camelized(data))),
    )
    seq = room.seq
    transaction.on_commit(lambda: broker.attempt(lambda valkey: valkey.publish(realtime.CHANNEL, f"{TOPIC} {seq}")))
    return seq
