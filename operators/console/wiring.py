"""What the control room tells the kernel and access at start."""

from config.kernel.access import Kind, Perm, ports, register_credential
from config.kernel.names import camelized
from config.kernel.realtime import Topic, register_topic
from operators.access import scopes
from operators.console import history, identity, invites, lock_guard, room, state
from operators.console.models import ConsoleOperator, ControlRoom, ControlRoomEvent, Handover, Invite, SubsystemLock


def connect() -> None:
    """Called once, from `ready()`; harmless to repeat."""
    ports.admit = lock_guard.admit
    ports.check_lock = lock_guard.check_lock
    ports.commanded = lock_guard.commanded
    register_credential(identity.TOKEN_PREFIX, Kind.CONSOLE_OPERATOR, identity.actor_of_token)
    register_credential(invites.TOKEN_PREFIX, Kind.INVITE, invites.actor_of_token)
    scopes.register_kind("control_room", ControlRoom, open=True)
    for kind, model in {
        "console_operator": ConsoleOperator,
        "invite": Invite,
        "subsystem_lock": SubsystemLock,
        "handover": Handover,
        "control_room_event": ControlRoomEvent,
    }.items():
        scopes.register_kind(kind, model, open=True, policies=False)
    register_topic(
        Topic(
            room.TOPIC, Perm.CONTROL_ROOM_READ, snapshot=_snapshot, visible=lambda _actor, subjects: set(subjects), log=history.LOG, alive=state.alive
        )
    )


def _snapshot(_actor, _argument) -> dict:
    return camelized(state.state())
