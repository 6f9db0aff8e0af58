"""Who is asked at a row of the matrix: everyone whose answer can differ, and of those who are alike some, others at each row."""

from functools import partial

from tests.access import oracle, rows
from tests.access.world import Caller, World, in_turn
from tests.soak import amount

# How many of one kind who get the same answer are asked at each row; over all rows everybody is.
ALIKE = amount(1, 99)


def turn(row: rows.Row) -> int:
    """Its place in the file: the next row asks others."""
    return rows.rows().index(row)


def some(world: World, row: rows.Row) -> list[Caller]:
    """Everyone whose answer can differ; of those who are alike to this row one, another for each row in turn; of those of a kind who get the same answer
    a few, others each time."""
    callers, at = world.callers, turn(row)
    if row.kinds & {"public", "anyone"}:
        return list({caller.kind: caller for caller in callers}.values())
    if row.where in {"door", "shell", "-"}:
        # No object is asked about: how far somebody reaches makes no difference at the door.
        callers = [caller for caller in callers if caller.kind != "user" or (caller.reach == "in" and caller.here)]
    callers = in_turn(callers, partial(_alike_to, row), at)

    def answer(caller: Caller) -> object:
        return caller.kind, oracle.expected(world.caller_for(caller, row.door), row)

    return in_turn(callers, answer, at, most=ALIKE)


def _alike_to(row: rows.Row, caller: Caller) -> object:
    """A kind that the row does not take is turned away unseen; out of reach, what counts is whether a role reaches everything and holds the permission."""
    if caller.kind not in {*row.kinds, "user", "nobody"}:
        return caller.kind
    if caller.role and caller.kind == "user" and caller.reach != "in":
        return caller.reach, caller.role in {"owner", "admin"}, row.on_object is not None and oracle.holds(caller, row.on_object)
    return caller.name
