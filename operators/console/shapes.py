"""Wire shapes of people and locks, as the state, the events and the routes show them (04 §4). snake_case; the kernel renames."""

from config.kernel import clock
from operators.console.models import ConsoleOperator, Handover, SubsystemLock
from operators.console.states import is_present


def person(operator: ConsoleOperator) -> dict:
    return {"id": operator.public_id, "name": operator.name}


def operator(row: ConsoleOperator) -> dict:
    """Connected as of now."""
    return {
        "id": row.public_id,
        "name": row.name,
        "role": row.role,
        "connected": is_present(row.last_seen, clock.now()),
        "guest": row.guest,
        "last_seen_at": row.last_seen,
    }


def lock(row: SubsystemLock) -> dict:
    """Its operator is loaded with it."""
    return {"holder": person(row.operator), "acquired_at": row.acquired_at, "reason": row.reason}


def handover(row: Handover) -> dict:
    return {
        "id": row.pk,
        "subsystem": row.subsystem,
        "from": person(row.holder),
        "to": person(row.asker),
        "note": row.note,
        "expires_at": row.expires_at,
    }
