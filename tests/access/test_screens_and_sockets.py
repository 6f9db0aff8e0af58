"""The matrix of what is no route of the API: every screen of the admin, every topic of `/ws`, every socket."""

from dataclasses import replace

import pytest
from asgiref.sync import async_to_sync
from django.db import connection

from audit.models import AuditEvent
from config.kernel import broker
from nodes.meters.consumers import NodeConsumer
from sessions.control_room.consumers import ProgramConsumer
from tests.access import asked, oracle, rows
from tests.access.calls import NOWHERE, Call, undone
from tests.access.things import THINGS
from tests.access.world import Caller, World, in_turn
from tests.realtime.client import Socket

# To the pages of one thing: whoever differs from another there.
_TELLING = {"owner, in", "owner, denied", "admin, out", "operator, in", "operator, out", "viewer, in", "auditor, in", "OWNER of this workspace"}


def _page(row: rows.Row, path: str, permission: str) -> rows.Row:
    return replace(row, method="GET", route=row.route + path, permission=permission, thing="-" if not path else row.thing)


@pytest.mark.parametrize("row", rows.of("SCREEN"), ids=str)
def test_the_admin_opens_each_screen_to_whom_it_belongs(world, row):
    listing = _page(row, "", row.screen["view"])
    failures = []
    # A list asks for the role alone; who opens no admin at all is led away unseen.
    for caller in in_turn(
        world.callers,
        lambda caller: caller.role if caller.kind == "user" and oracle.opens_admin(caller) else caller.kind,
        asked.turn(row),
    ):
        due, got = oracle.expected(caller, listing), Call(world, caller, listing).status
        if got != (due.status or 200):
            failures.append(f"{caller}: {due.status or 200} was due, got {got}")
    assert not failures, "\n".join([f"{row.route}: {row.permission}", *failures])


@pytest.mark.parametrize("row", [row for row in rows.of("SCREEN") if row.thing != "-"], ids=str)
def test_a_things_pages_open_by_view_add_change_and_delete(world, row):
    thing, failures = THINGS[row.thing], []
    pk = list(thing.ids(world, row.thing).values())[-1 if row.thing != "recording" else 0]
    for caller in (caller for caller in world.callers if caller.name in _TELLING):
        for page in ("add", "change", "delete", "history"):
            path = "add/" if page == "add" else f"{pk}/{page}/"
            got, due = Call(world, caller, _page(row, path, "-")).status, _due(caller, row, page)
            if got != due:
                failures.append(f"{caller}, {page}: {due} was due, got {got}")
    assert not failures, "\n".join([f"{row.route}: {row.permission}", *failures])


def _due(caller: Caller, row: rows.Row, page: str) -> int:
    """Hidden or absent, the admin leads back to its first page."""
    if not oracle.opens_admin(caller):
        return 302
    view = row.screen["view"]
    asked = row.screen.get(page) if page in {"add", "delete"} else view
    if page == "add":
        return 200 if asked and oracle.holds(caller, asked) else 403
    seen = oracle.reaches(caller, view, THINGS[row.thing])
    if page != "history" and not (asked and oracle.holds(caller, asked)):
        return 403
    if not seen:
        return 302
    return 200 if asked and oracle.reaches(caller, asked, THINGS[row.thing]) else 403


def _first_word(socket: Socket, *says) -> dict:
    async def ask():
        async with socket:
            for message in says:
                await socket.say(**message)
            return await socket.hear()

    return async_to_sync(ask)()


def _asked(socket: Socket, *says) -> tuple[str, list[AuditEvent]]:
    """(code, or nothing where it is let in; what the audit holds of it), taken back."""
    with undone():
        broker.attempt(lambda valkey: valkey.flushdb())
        before, waiting = set(AuditEvent.objects.values_list("pk", flat=True)), len(connection.run_on_commit)
        word = _first_word(socket, *says)
        for _, send, _ in connection.run_on_commit[waiting:]:
            send()
        return word.get("code", "") if word["type"] == "error" else "", list(AuditEvent.objects.exclude(pk__in=before))


@pytest.mark.parametrize("row", rows.of("SUBSCRIBE"), ids=str)
def test_a_topic_is_for_whom_its_row_says(world, row):
    failures = []
    for caller in asked.some(world, row):
        due = oracle.expected(world.caller_for(caller, row.door), row)
        if due.granted and row.where == "door":
            continue
        topic = row.route.replace("<id>", str(THINGS[row.thing].ids(world, row.thing)["id"])) if row.thing != "-" else row.route
        code, audit = _asked(Socket(caller.token), {"type": "subscribe", "topic": topic})
        if code != due.code:
            failures.append(f"{caller}: {due.code or 'a snapshot'} was due, got {code or 'a snapshot'}")
        recorded, reason = [(event.outcome, event.reason) for event in audit], "out_of_scope" if due.hidden else due.code
        if recorded != ([] if due.granted else [("denied", reason)]):
            failures.append(f"{caller}: after {due.code or 'a snapshot'} the audit holds {recorded}")
    assert not failures, "\n".join([f"{row.route}: {row.permission}", *failures])


@pytest.mark.parametrize("row", [row for row in rows.of("SUBSCRIBE") if row.where == "path"], ids=str)
def test_a_topic_of_something_absent_is_refused_and_leaves_nothing(world: World, row):
    owner = next(caller for caller in world.callers if caller.name == "owner, in")
    assert _asked(Socket(owner.token), {"type": "subscribe", "topic": row.route.replace("<id>", NOWHERE)}) == ("not_found", [])


def test_the_socket_of_recorders_is_for_nodes(world):
    row = next(row for row in rows.of("CONNECT") if row.route == "^ws/node$")
    failures = []
    for caller in world.callers:
        due = oracle.expected(caller, row)
        code, audit = _asked(Socket(caller.token, consumer=NodeConsumer))
        if code != due.code or len(audit) != (not due.granted):
            failures.append(f"{caller}: {due.code or 'hints'} was due, got {code or 'hints'}, {len(audit)} rows in the audit")
    assert not failures, "\n".join(failures)


def test_the_socket_of_the_program_page_is_for_its_link_alone(world):
    for caller in world.callers:
        due = "" if (caller.token or "").startswith("tr_pgm_") else "not_found"
        assert _asked(Socket(caller.token, consumer=ProgramConsumer), {"token": caller.token or "x"})[0] == due, caller


def test_every_socket_is_asked():
    assert {row.route for row in rows.of("CONNECT")} == {"^ws$", "^ws/node$", "^ws/program$"}, "ask the new socket here, for each caller"
