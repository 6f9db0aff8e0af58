"""What was refused or failed leaves a row, once, and never changes the answer."""

import json

import pytest
from django.db import DatabaseError

from audit import folding, refusals, services, tasks
from audit.models import AuditEvent
from config.kernel import broker, context
from config.kernel.access import ANONYMOUS, Actor, Kind, Perm
from config.kernel.credentials import mint
from config.kernel.errors import ApiError
from operators.identity.models import SignIn
from tests.factories.nodes import make_node

pytestmark = pytest.mark.django_db
PERSON = Actor(kind=Kind.USER, id="p1", label="Person")


def rows(**facts) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(verb__startswith="access.", **facts).order_by("id"))


def test_a_missing_permission_leaves_who_what_and_where(api, bob):
    api(bob).get("/audit-events?search=secret-query", user_agent="tests/1 tr_usr_" + "a" * 49)
    (row,) = rows()
    assert (row.verb, row.outcome, row.reason, row.status, row.permission) == (
        "access.request.denied",
        "denied",
        "permission_denied",
        403,
        "audit:read",
    )
    assert (row.actor_kind, row.actor_id, row.method, row.route) == ("user", str(bob.pk), "GET", "/api/v1/audit-events")
    assert (row.ip, row.sign_in_id) == ("127.0.0.1", str(SignIn.objects.get(user=bob).pk))
    assert row.credential_prefix.startswith("tr_usr_…")
    assert "a" * 20 not in row.user_agent


def test_a_bad_credential_leaves_its_prefix_and_last_four_only(api):
    token = mint("tr_usr_").token
    api(token=token).get("/auth/me")
    (row,) = rows()
    assert (row.actor_kind, row.reason, row.credential_prefix) == ("anonymous", "credential_invalid", f"tr_usr_…{token[-4:]}")


def test_nobody_at_a_closed_door_is_recorded_and_bad_input_is_not(api, alice):
    api().get("/audit-events")
    api(alice).get("/audit-events?limit=0")
    api(alice).get("/audit-events?colour=1")
    api(alice).get("/nowhere")
    assert [(row.reason, row.actor_kind) for row in rows()] == [("not_authenticated", "anonymous")]


def test_a_refusal_that_a_service_recorded_is_not_recorded_twice(api, db):
    api().post("/auth/login", {"email": "who@example.org", "password": "not the password"})
    assert [row.verb for row in AuditEvent.objects.filter(reason="sign_in_failed")] == ["auth.sign_in.failed"]
    assert rows() == []


def test_a_flood_is_one_row_at_once_and_one_at_its_end(api, bob, monkeypatch):
    for _ in range(5):
        assert api(bob).get("/audit-events").status_code == 403
    api(bob).get("/audit-events/facets")
    assert [row.route for row in rows()] == ["/api/v1/audit-events", "/api/v1/audit-events/facets"]
    assert refusals.close_folds() == 0
    later = folding.time.time() + folding.WINDOW_SECONDS + 3
    monkeypatch.setattr(folding.time, "time", lambda: later)
    assert (refusals.close_folds(), refusals.close_folds()) == (1, 0)
    closing = rows()[-1]
    assert (closing.route, closing.details) == ("/api/v1/audit-events", {"repeated": 4})


def test_who_tries_ids_or_tokens_is_one_flood(api, bob, monkeypatch):
    for name in "abcdef":
        assert api(bob).patch(f"/nodes/{make_node(name).pk}", {"notes": "mine"}).status_code == 403
    (row,) = rows()
    assert (row.reason, row.subject_kind) == ("permission_denied", "node")
    for _ in range(6):
        assert api(token=mint("tr_usr_").token).get("/auth/me").status_code == 401
    assert [row.reason for row in rows()] == ["permission_denied", "credential_invalid"]
    later = folding.time.time() + folding.WINDOW_SECONDS + 3
    monkeypatch.setattr(folding.time, "time", lambda: later)
    assert refusals.close_folds() == 2
    assert [row.details for row in rows()[2:]] == [{"repeated": 5}, {"repeated": 5}]


def test_without_the_broker_each_process_folds_for_itself(monkeypatch):
    monkeypatch.setattr(broker, "attempt", lambda call, default=None: default)
    monkeypatch.setattr(folding, "_local", {})
    assert [folding.admit(("k",), "{}") for _ in range(3)] == [True, False, False]
    assert list(folding.due()) == []
    assert list(folding.due(now=folding.time.time() + folding.WINDOW_SECONDS + 3)) == [("{}", 2)]


def test_failures_are_kept_one_by_one():
    with context.use(context.RequestContext("r-12345678", method="POST", route="/x", actor=PERSON)):
        for _ in range(2):
            refusals.refused(ApiError("invalid_state"), None, None)
    assert [(row.verb, row.outcome, row.reason, row.status) for row in rows()] == [("access.request.failed", "failed", "invalid_state", 409)] * 2


@pytest.mark.parametrize("code", ["validation_failed", "not_found", "edit_conflict", "body_too_large", "range_not_satisfiable", "teapot"])
def test_what_is_neither_refused_nor_failed_leaves_nothing(code):
    refusals.refused(ApiError(code), None, None)
    assert rows() == []


def test_a_hidden_object_is_recorded_by_the_task_behind_the_404_and_an_absent_one_is_not(api, alice, bob, commits, monkeypatch):
    queued = []
    monkeypatch.setattr(tasks.look_behind, "apply_async", lambda args, **_: queued.append(args))
    api(alice), api(bob)
    hidden, absent = SignIn.objects.get(user=alice).pk, "019a0000-0000-7000-8000-0000000000ff"
    for pk in (hidden, absent):
        with commits():
            assert api(bob).delete(f"/auth/sign-ins/{pk}").status_code == 404
    assert len(queued) == 2
    for args in queued:
        tasks.look_behind.run_once(*json.loads(json.dumps(args)))
    (row,) = rows()
    assert (row.outcome, row.reason, row.subject_id, row.actor_id, row.status) == ("denied", "out_of_scope", str(hidden), str(bob.pk), 404)


def test_sockets_note_their_refusals():
    refusals.note(ApiError("credential_revoked"), actor=ANONYMOUS, route="/ws", ip="10.0.0.7", credential=mint("tr_node_").token)
    (row,) = rows()
    assert (row.method, row.route, row.ip, row.reason, row.credential_prefix[:9]) == ("WS", "/ws", "10.0.0.7", "credential_revoked", "tr_node_…")


def test_a_task_that_raises_is_a_folded_failure():
    for _ in range(3):
        refusals.task_failed("jobs.reconcile", ZeroDivisionError(), "r-12345678")
    (row,) = rows()
    assert (row.verb, row.actor_kind, row.actor_label, row.reason, row.request_id) == (
        "access.task.failed",
        "system",
        "jobs.reconcile",
        "ZeroDivisionError",
        "r-12345678",
    )


def test_a_row_that_cannot_be_written_is_counted_and_the_answer_stays(api, bob, monkeypatch):
    def broken(row):
        raise DatabaseError("gone")

    lost = refusals.metrics.AUDIT_LOST._value.get()
    monkeypatch.setattr(services, "append_alone", broken)
    assert api(bob).get("/audit-events").json()["code"] == "permission_denied"
    assert refusals.metrics.AUDIT_LOST._value.get() == lost + 1


def test_a_denial_inside_a_request_survives_its_rollback(django_capture_on_commit_callbacks):
    with context.use(context.RequestContext("r-12345678", method="POST", route="/x")):
        services.record("access.request.denied", actor=PERSON, outcome="denied", permission=Perm.NODE_MANAGE)
        assert rows() == []
        refusals.refused(ApiError("permission_denied"), None, None)
    assert len(rows()) == 1


def test_a_page_form_without_its_token_is_recorded(api, alice):
    client = api(alice)
    assert client.request("POST", "/admin/logout/", data=b"", content_type="application/x-www-form-urlencoded").status_code == 403
    (row,) = rows()
    assert (row.outcome, row.reason, row.method, row.status) == ("denied", "csrf_failed", "POST", 403)
