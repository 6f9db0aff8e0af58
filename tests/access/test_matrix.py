"""Who may do what, route by route and caller by caller (03 §11): `matrix.csv` says what must be, `oracle` what follows from it.

Granted: the answer is none of 400, 401, 403, 404, 405, nor a crash. Refused: the exact status and code, and one row in the audit. Hidden and absent
answer alike, byte for byte, at the same cost in statements, and only the hidden one is recorded.
"""

import difflib

import pytest

from tests.access import asked, bodies, oracle, rows
from tests.access.calls import READS, Call
from tests.access.things import OWN, THINGS
from tests.access.world import in_turn, unknown_credentials
from tests.soak import amount

# To how many kinds of credential, at each row, hidden and absent are compared.
COMPARED = amount(1, 99)
REFUSED_IF_GRANTED = {400, 401, 403, 404, 405, 406, 415, 500}
# Writes that leave no row when they succeed (10: volume), and why others leave none.
SILENT = {
    ("POST", "/api/v1/auth/wallet/challenge"): "nothing happened yet",
    ("POST", "/api/v1/workspaces/challenge"): "nothing happened yet",
    ("POST", "/api/v1/auth/sign-ins/revoke-others"): "nobody has another one",
    ("PATCH", "/api/v1/auth/users/<uuid:id>/access"): "the roles are those that are held",
    ("POST", "/api/v1/device-operators/<uuid:id>/location"): "heard every few seconds",
    ("POST", "/api/v1/sessions/<uuid:id>/telemetry"): "every second; the samples are its own record",
    ("POST", "/api/v1/sessions/<uuid:id>/telemetry/batch"): "the same",
}


def _problems(call: Call, answer: oracle.Answer, row: rows.Row) -> list[str]:
    if answer.granted:
        return _granted(call, row)
    found = []
    if call.status != answer.status or (call.content.startswith(b"{") and call.code != answer.code):
        found.append(f"{answer.status} {answer.code} was due, got {call.status} {call.code} {call.content[:160]!r}")
    elif answer.permission and row.kinds & {"user", "key", "node"} and f'"{answer.permission}"'.encode() not in call.content:
        found.append(f"the answer does not name {answer.permission}: {call.content[:160]!r}")
    else:
        found += _recorded(call, answer, row)
    return found


def _turned_away(call: Call, row: rows.Row) -> bool:
    lacking = call.code == "permission_denied" and row.door is not None and f'"{row.door}"'.encode() in call.content
    return call.status in {401, 405, 406, 415, 500} or (lacking and b"out_of_scope" not in call.content)


def _granted(call: Call, row: rows.Row) -> list[str]:
    allowed, _ = bodies.PERMITTED_BUT.get(row.key, (0, ""))
    if row.where == "door":
        return [f"was to be let in, got {call.status} {call.content[:200]!r}"] if _turned_away(call, row) else []
    if call.status in REFUSED_IF_GRANTED - {allowed}:
        return [f"was to be granted, got {call.status} {call.content[:200]!r}"]
    happened = row.method not in READS and call.status < 300
    if happened and "user" in row.kinds and not call.audit and row.key not in SILENT:
        return [f"{call.status}, and nothing in the audit: record it, or say in SILENT why not"]
    unnamed = [
        event.verb for event in call.audit if happened and row.permission[0] not in "-~" and not event.permission and event.actor_kind != "system"
    ]
    return [f"the audit does not say by which permission: {', '.join(unnamed)}"] if unnamed else []


def _recorded(call: Call, answer: oracle.Answer, row: rows.Row) -> list[str]:
    if answer.status == 302:
        return []
    found = [(event.outcome, event.reason, event.status, event.route) for event in call.audit]
    reason = "out_of_scope" if answer.hidden else answer.code
    due = [("denied", reason, answer.status, row.route)]
    if found != due:
        return [f"the audit should hold {due}, holds {found}"]
    if answer.permission and "staff" not in row.kinds and call.audit[0].permission != answer.permission:
        return [f"the audit names {call.audit[0].permission}, not {answer.permission}"]
    return []


def _alike(hidden: Call, absent: Call) -> list[str]:
    """Hidden and absent, to whom both are nothing."""
    found = []
    if (hidden.status, hidden.content) != (absent.status, absent.content):
        found.append(f"hidden and absent differ: {hidden.content[:120]!r} {absent.status} {absent.content[:120]!r}")
    ours = {name: value for name, value in hidden.headers.items() if name not in {"Request-Id"}}
    theirs = {name: value for name, value in absent.headers.items() if name not in {"Request-Id"}}
    if ours != theirs:
        found.append(f"their headers differ: {ours} {theirs}")
    if hidden.statements != absent.statements:
        found.append("they cost differently:\n" + "\n".join(difflib.ndiff(hidden.statements, absent.statements)))
    if absent.audit:
        found.append("an absent id left a row")
    return found


@pytest.mark.parametrize("row", rows.calls(), ids=str)
def test_everyone_gets_the_answer_that_is_due(world, row):
    failures, hidden = [], {}
    for caller in asked.some(world, row):
        if row.where == "own" and not caller.user:
            continue
        answer = oracle.expected(world.caller_for(caller, row.door), row)
        call = Call(world, caller, row)
        found = _problems(call, answer, row)
        if answer.hidden and not found and row.where != "member":
            # What makes it hidden to another of the same kind goes the same way.
            hidden.setdefault(caller.kind, caller)
        failures += [f"{caller}: {problem}" for problem in found]
    for caller in in_turn(list(hidden.values()), lambda caller: "", asked.turn(row), most=COMPARED):
        found = _alike(*(Call(world, caller, row, absent=absent, count=True) for absent in (False, True)))
        failures += [f"{caller}: {problem}" for problem in found]
    assert not failures, "\n".join(
        [f"{row} (tests/access/matrix.csv says: {row.permission}, {sorted(row.kinds)}, {row.thing}, {row.where})", *failures]
    )


def test_every_route_topic_socket_and_screen_has_a_row():
    known = {row.key for row in rows.rows()}
    missing = [line for key, line in sorted(rows.declared().items()) if key not in known]
    hint = (
        "add to tests/access/matrix.csv (its columns: tests/access/rows.py; what `?` names: things.py; a body, where `{}` is no valid one: bodies.py)"
    )
    assert not missing, f"{hint}:\n" + "\n".join(missing)


def test_no_row_outlives_its_route_and_none_stands_twice():
    keys = [row.key for row in rows.rows()]
    assert [key for key in keys if key not in rows.declared()] == []
    assert len(keys) == len(set(keys))


def test_the_code_declares_what_the_file_says():
    """The file is kept by hand: it must not follow a route that lost its permission or let in another kind."""
    differ = []
    for row in rows.rows():
        _, _, permission, kinds, _, _ = rows.declared()[row.key].split(",")
        declared = frozenset(kinds.split())
        said = row.kinds if "anyone" not in row.kinds else frozenset({"public"})
        if permission not in {"?", row.door or "-"} and not permission.startswith("view"):
            differ.append(f"{row}: the file says {row.permission}, the code {permission}")
        if kinds not in {"?", "page"} and row.route.startswith("/api/") and said != declared:
            differ.append(f"{row}: the file says {sorted(said)}, the code {sorted(declared)}")
    assert not differ, "\n".join(differ)


def test_things_bodies_and_the_file_belong_together():
    assert {row.thing for row in rows.rows()} <= {"-", *THINGS, *OWN}, "give the thing an entry in tests/access/things.py"
    keys = {row.key for row in rows.rows()}
    assert [key for key in {**bodies.BODIES, **bodies.PERMITTED_BUT, **SILENT} if key not in keys] == []
    assert set(oracle.letters()) >= {row.door for row in rows.calls() if row.door}


def test_the_table_of_the_file_is_the_catalogue():
    from operators.access.catalogue import CATALOGUE

    users, members = {"owner": "O", "admin": "A", "operator": "P", "viewer": "V", "auditor": "U"}, {"OWNER": "W", "ADMIN": "M", "VIEWER": "R"}
    found = {
        entry.perm.value: (
            {users[role] for role in entry.roles}, {members[role] for role in entry.workspace_roles}, entry.key,
        )
        for entry in CATALOGUE.values()
    }  # fmt: skip
    assert found == {name: (set(line["user"]), set(line["workspace"]), line["key"] == "K") for name, line in oracle.letters().items()}


def test_the_world_knows_every_kind_of_credential_that_the_product_issues():
    assert not unknown_credentials(), "these credentials exist by now: give tests/access/world.py ISSUE a token for each caller of their kind"
