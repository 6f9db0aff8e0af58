"""The endpoints: what they say, and to whom."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.test import RequestFactory

from audit import sealing, selectors
from audit.models import AuditEvent
from config.kernel import clock
from config.kernel.access import Actor, Kind, Reach, ports
from operators.access.models import AccessPolicy, policy_id
from operators.identity.models import User
from tests.factories.users import make_user

pytestmark = pytest.mark.django_db
NORTH, SOUTH = ("site:019a0000-0000-7000-8000-00000000000a", "site:019a0000-0000-7000-8000-00000000000b")
LIST_FIELDS = {
    "id", "occurredAt", "verb", "actor", "onBehalfOf", "subject", "permission", "outcome", "reason", "correlation", "requestId", "method", "route",
    "status", "ip", "userAgent", "signInId", "credentialPrefix", "environment",
}  # fmt: skip


def node(number: int) -> tuple:
    return ("node", f"019a0000-0000-7000-8000-{number:012d}", f"Node {number}")


def test_the_list_is_newest_first_and_says_nothing_of_changes_or_scope(api, alice, write):
    old, new = write(subject=node(1), scope=[NORTH]), write(subject=node(2), scope=[NORTH], before={"a": 1}, after={"a": 2})
    rows = api(alice).get("/audit-events?subjectKind=node").json()["data"]
    assert [row["id"] for row in rows] == [str(new.pk), str(old.pk)]
    assert set(rows[0]) == LIST_FIELDS
    assert rows[0]["subject"] == {"kind": "node", "id": node(2)[1], "label": "Node 2"}
    assert rows[0]["actor"] == {"kind": "user", "id": "anna", "label": "Anna"}


def test_pages_follow_a_cursor_in_both_directions(api, alice, write):
    made = [str(write(subject=node(number)).pk) for number in range(5)]
    for sort, wanted in (("-id", made[::-1]), ("id", made)):
        seen, cursor = [], ""
        while cursor is not None:
            page = api(alice).get(f"/audit-events?subjectKind=node&limit=2&sort={sort}{cursor and '&cursor=' + cursor}").json()
            seen += [row["id"] for row in page["data"]]
            cursor = page["meta"]["nextCursor"]
        assert seen == wanted
    assert api(alice).get("/audit-events?cursor=forged").json()["code"] == "cursor_invalid"


def test_the_detail_adds_changes_links_and_the_seal(api, alice, write):
    event = write(subject=node(1), before={"alias": "Nave", "same": 1}, after={"alias": "Choir", "same": 1}, details={"why_not": 1})
    detail = api(alice).get(f"/audit-events/{event.pk}").json()["data"]
    assert (detail["before"], detail["after"], detail["details"]) == ({"alias": "Nave"}, {"alias": "Choir"}, {"whyNot": 1})
    assert detail["seal"] is None
    assert api(alice).get(detail["links"]["request"]).json()["data"][0]["id"] == str(event.pk)
    sealing.seal()
    seal = api(alice).get(f"/audit-events/{event.pk}").json()["data"]["seal"]
    assert (seal["month"], len(seal["digest"])) == (f"{event.occurred_at:%Y-%m}", 64)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_no_method_writes_an_event(api, alice, write, method):
    event = write()
    for path in ("/audit-events", f"/audit-events/{event.pk}"):
        reply = getattr(api(alice), method)(path, {})
        assert (reply.status_code, reply.json()["code"]) == (405, "method_not_allowed")
        assert "GET" in reply["Allow"]


def test_filters_pick_the_rows_they_name(api, alice, write):
    job = "019a0000-0000-7000-8000-0000000000cc"
    wanted = write(subject=node(1), reason="because", correlation={"job_id": job}, permission="node:manage", environment="TEST")
    write("access.task.failed", outcome="failed", subject=node(2))
    ask = api(alice).get
    for query in (
        "verb=audit.*&subjectKind=node",
        f"subjectId={node(1)[1]}",
        "reason=because",
        f"correlationId={job}",
        "permission=node:manage",
        "environment=TEST",
        f"requestId={wanted.request_id}",
        "search=Node 1",
        "outcome=succeeded&actorId=anna&subjectKind=node",
    ):
        assert [row["id"] for row in ask(f"/audit-events?{query}").json()["data"]] == [str(wanted.pk)], query
    assert ask("/audit-events?ip=999").json()["code"] == "validation_failed"
    assert ask("/audit-events?outcome=maybe").status_code == 400
    assert ask("/audit-events?colour=red").json()["code"] == "unknown_parameter"


def test_from_and_to_are_exact_to_the_microsecond(api, alice, write):
    at = datetime(2026, 11, 5, 12, 0, 0, 500, tzinfo=UTC)
    for step in (-1, 0, 1):
        with clock.frozen(at + timedelta(microseconds=step)):
            write(subject=node(10 + step))
    query = f"/audit-events?from={at.isoformat().replace('+00:00', 'Z')}&to={(at + timedelta(microseconds=1)).isoformat().replace('+00:00', 'Z')}"
    assert [row["subject"]["label"] for row in api(alice).get(query).json()["data"]] == ["Node 10"]


def test_facets_count_each_field_under_the_other_filters(api, alice, write):
    for number in range(3):
        write(subject=node(number))
    write("access.task.failed", outcome="failed", subject=node(9), reason="busy")
    with clock.frozen(datetime.now(UTC) - timedelta(days=20)):
        write("access.task.failed", outcome="failed", subject=node(9))
    reply = api(alice).get("/audit-events/facets?subjectKind=node&outcome=succeeded").json()
    facets = reply["data"]
    assert facets["outcome"] == [{"value": "succeeded", "count": 3}, {"value": "failed", "count": 2}]
    assert facets["verb"] == [{"value": "audit.trail.verified", "count": 3}]
    assert facets["area"] == [{"value": "audit", "count": 3}]
    assert facets["reason"] == facets["permission"] == []
    assert set(facets) == {"verb", "area", "actorKind", "subjectKind", "permission", "outcome", "reason"}
    assert "from" in reply["meta"]
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    recent = api(alice).get(f"/audit-events/facets?subjectKind=node&from={since}").json()
    assert recent["data"]["outcome"] == [{"value": "succeeded", "count": 3}, {"value": "failed", "count": 1}]
    assert "meta" not in recent


def test_a_filtered_area_still_shows_the_other_areas(api, alice, write):
    write(subject=node(1))
    write("access.task.failed", outcome="failed", subject=node(1))
    facets = api(alice).get("/audit-events/facets?verb=audit.*&subjectKind=node").json()["data"]
    assert {facet["value"] for facet in facets["area"]} == {"audit", "access"}


def exported(reply) -> bytes:
    return b"".join(reply.streaming_content)


def test_an_export_is_the_filtered_rows_defused_and_audited(api, alice, write):
    write(subject=("node", node(1)[1], "=cmd()"), before={"a": 1}, after={"a": 2})
    reply = api(alice).get("/audit-events/export?subjectKind=node")
    (row,) = csv.DictReader(io.StringIO(exported(reply).decode()))
    assert (row["subjectLabel"], row["before"], row["after"]) == ("'=cmd()", '{"a":1}', '{"a":2}')
    assert "scope" not in row
    assert reply["Content-Disposition"].startswith('attachment; filename="audit-events-')
    own = AuditEvent.objects.filter(verb="audit.events.exported").get()
    assert (own.outcome, own.permission, own.actor_id) == ("allowed", "audit:read", str(alice.pk))
    assert own.details == {"filters": {"subjectKind": ["node"]}, "rows": 1}


def test_chosen_rows_come_in_the_asked_order_and_one_hidden_id_hides_all(api, alice, write):
    events = [write(subject=node(number), before={"a": 1}, after={"a": number}) for number in (2, 3)]
    ids = [str(event.pk) for event in events]
    reply = api(alice).post("/audit-events/export?format=jsonl", {"ids": ids})
    lines = [json.loads(line) for line in exported(reply).splitlines()]
    assert [line["id"] for line in lines] == ids
    assert lines[1]["after"] == {"a": 3}
    reply = api(alice).post("/audit-events/export", {"ids": [*ids, "019a0000-0000-7000-8000-0000000000ff"]})
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


def auditor(name: str, *scopes: str):
    user = make_user(name, roles=["auditor"])
    for scope in scopes:
        policy("allow", user, scope)
    return user


def policy(effect: str, user, scope: str) -> None:
    kind, _, pk = scope.partition(":")
    rule = {"effect": effect, "subject_type": "user", "subject_id": str(user.pk), "permissions": ["*"], "resource_type": kind, "resource_id": pk}
    AccessPolicy.objects.create(pk=policy_id(**rule), **rule)


@pytest.fixture
def narrowed(api):
    """An installation whose one open policy was taken away."""
    AccessPolicy.objects.all().delete()
    return api


def labels(client, query="") -> set:
    return {row["subject"]["label"] if row["subject"] else None for row in client.get(f"/audit-events?actorId=anna{query}").json()["data"]}


def test_two_scoped_readers_see_disjoint_rows_and_facets(narrowed, write):
    north, south = auditor("Nora", NORTH), auditor("Saul", SOUTH)
    write(subject=node(1), scope=[NORTH], reason="north")
    write(subject=node(2), scope=[SOUTH], reason="south")
    hidden = write(subject=node(3), scope=[SOUTH])
    assert (labels(narrowed(north)), labels(narrowed(south))) == ({"Node 1"}, {"Node 2", "Node 3"})
    reasons = [narrowed(user).get("/audit-events/facets?actorId=anna").json()["data"]["reason"] for user in (north, south)]
    assert reasons == [[{"value": "north", "count": 1}], [{"value": "south", "count": 1}]]
    assert narrowed(north).get(f"/audit-events/{hidden.pk}").status_code == 404
    assert narrowed(north).post("/audit-events/export", {"ids": [str(hidden.pk)]}).status_code == 404
    assert b"Node 2" not in exported(narrowed(north).get("/audit-events/export?actorId=anna"))


def test_a_deny_policy_hides_even_from_an_owner_and_everything_below(api, alice, write):
    write(subject=node(1), scope=[NORTH])
    write(subject=node(2), scope=[SOUTH])
    policy("deny", alice, NORTH)
    assert labels(api(alice)) == {"Node 2"}
    policy("deny", alice, "node:*")
    assert labels(api(alice)) == set()


def test_own_actions_and_controller_level_events_need_no_scope(narrowed, write):
    user = auditor("Nora")
    mine = Actor(kind=Kind.USER, id=str(user.pk), label="Nora")
    own = write(actor=mine, subject=node(1), scope=[NORTH])
    write(subject=node(2), scope=[NORTH])
    write()
    assert str(own.pk) in {row["id"] for row in narrowed(user).get("/audit-events").json()["data"]}
    assert labels(narrowed(user)) == {None}


def test_a_member_of_a_workspace_sees_its_events_and_no_others(api, write, monkeypatch):
    workspace = "019a0000-0000-7000-8000-0000000000aa"
    write(subject=node(1), scope=[f"workspace:{workspace}"])
    write(subject=node(2), scope=["workspace:019a0000-0000-7000-8000-0000000000bb"])
    write()
    monkeypatch.setattr(ports, "reach", lambda actor, permission: Reach(workspaces=(workspace,)))
    member = Actor(kind=Kind.USER, id="wanda", label="Wanda")
    assert [event.subject_label for event in selectors.visible(member)] == ["Node 1"]
    assert not selectors.visible(Actor(kind=Kind.ANONYMOUS)).exclude(workspace_ids__contains=[workspace]).exists()


def test_a_workspace_filter_picks_its_events(api, alice, write):
    workspace = "019a0000-0000-7000-8000-0000000000aa"
    write(subject=node(1), scope=[f"workspace:{workspace}"])
    rows = api(alice).get(f"/audit-events?workspaceId={workspace}").json()["data"]
    assert [row["subject"]["label"] for row in rows] == ["Node 1"]
    assert workspace not in json.dumps(rows)


def test_only_holders_read_and_only_admins_of_the_system_see_its_integrity(api, alice, bob, write):
    write()
    sealing.seal()
    for path in ("", "/facets", "/export", "/integrity"):
        assert api(bob).get(f"/audit-events{path}").json()["data"] == {"permission": "audit:read", "rule": "permission_denied"}
        assert api().get(f"/audit-events{path}").status_code == 401
    reader = make_user("Nora", roles=["auditor"])
    assert api(reader).get("/audit-events/integrity").json()["data"]["permission"] == "system:admin"
    facts = api(alice).get("/audit-events/integrity").json()["data"]
    assert set(facts) == {"sealedThrough", "pending", "lastCheckpoint", "lastVerification", "publicKeys"}
    assert facts["lastCheckpoint"]["keyId"] in {key["keyId"] for key in facts["publicKeys"]}


@pytest.fixture
def screen(api, alice):
    """(the admin's screen, `ask(query)`: a request of alice's)."""

    def ask(query: str = ""):
        request = RequestFactory().get(f"/admin/audit/auditevent/?{query}")
        request.user = User.objects.get(pk=alice.pk)
        request.actor = Actor(kind=Kind.USER, id=str(alice.pk), label="Alice", subject=request.user)
        return request

    return admin.site._registry[AuditEvent], ask


def test_the_admin_shows_and_never_edits(screen, write):
    event = write(subject=node(1), before={"a": "<b>"}, after={"a": 2})
    page, ask = screen
    assert not any([page.has_add_permission(ask()), page.has_change_permission(ask(), event), page.has_delete_permission(ask(), event)])
    assert page.has_view_permission(ask(), event)
    assert list(page.get_actions(ask())) == ["export_selected_events"]
    sealing.seal()
    shown = page.changeform_view(ask(), str(event.pk)).render().content.decode()
    assert "&lt;b&gt;" in shown
    assert f"{event.occurred_at:%Y-%m} · " in shown
    assert "Node 1" in page.changelist_view(ask()).render().content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("when=2026-11", ["Node 2", "Node 1"]),
        ("when=2026-11-05", ["Node 1"]),
        ("when=yesterday", []),
        ("when=9999-12-31", []),
        ("area=audit&when=2026-11", ["Node 2", "Node 1"]),
        ("area=auth&when=2026-11", []),
        ("outcome=failed&when=2026-11", []),
    ],
)
def test_the_admin_drills_down_by_time_area_and_outcome(screen, write, query, found):
    for day in (5, 6):
        with clock.frozen(datetime(2026, 11, day, 12, tzinfo=UTC)):
            write(subject=node(day - 4))
    page, ask = screen
    shown = page.changelist_view(ask(f"{query}&q=Node")).context_data["cl"]
    assert [event.subject_label for event in shown.queryset] == found


def test_the_admins_export_is_audited(screen, write):
    event = write(subject=node(1))
    page, ask = screen
    assert b"Node 1" in exported(page.export_selected_events(ask(), AuditEvent.objects.filter(pk=event.pk)))
    assert AuditEvent.objects.get(verb="audit.events.exported").details == {"ids": [str(event.pk)], "rows": 1, "via": "admin"}
