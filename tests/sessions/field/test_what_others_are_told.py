"""Webhooks and the audit of a session: numbered without gaps, both sides, no secrets (05 §11, §14: 10)."""

import json

import pytest

from audit.models import AuditEvent
from config.kernel import versions
from operators.access.backend import actor_of_user
from operators.webhooks import services as webhooks
from operators.webhooks.models import WebhookDelivery
from sessions.field.models import FieldSession

pytestmark = pytest.mark.django_db
TYPES = ["session.requested", "session.assigned", "session.live", "session.ended", "settlement.confirmed"]


def endpoint(party) -> None:
    facts = {"url": "https://hooks.example.org/in", "types": TYPES, "api_version": versions.current(), "environment": "LIVE"}
    webhooks.create(actor=actor_of_user(party.owner), workspace=party.workspace, **facts)


def bodies(party) -> list[dict]:
    rows = WebhookDelivery.objects.filter(endpoint__workspace=party.workspace).order_by("created_at", "id")
    return [json.loads(row.body) if isinstance(row.body, (str, bytes)) else row.body for row in rows]


def test_both_sides_hear_of_their_session_under_its_own_numbers(consumer, supplier, other_supplier, live):
    for party in (consumer, supplier, other_supplier):
        endpoint(party)
    pk = live()
    assert consumer.client.post(f"/sessions/{pk}/end").status_code == 200
    told = sorted(bodies(consumer), key=lambda body: body["sequence"])
    assert [body["type"] for body in told][:3] == TYPES[:3] and [body["sequence"] for body in told] == list(range(1, len(told) + 1))
    assert told[0]["data"]["session"]["id"] == pk and told[3]["data"]["session"]["chargedMicroUsdc"] is not None
    assert [body["type"] for body in sorted(bodies(supplier), key=lambda body: body["sequence"])][:2] == ["session.assigned", "session.live"]
    assert bodies(other_supplier) == []
    text = json.dumps(told)
    assert "whip" not in text and "tr_edge_" not in text and "http" not in text


def test_every_move_is_in_the_audit_of_both_sides(consumer, supplier, live):
    pk = live()
    consumer.client.post(f"/sessions/{pk}/end")
    rows = list(AuditEvent.objects.filter(subject_kind="session", subject_id=pk).order_by("occurred_at", "id"))
    assert [row.verb for row in rows] == ["session.requested", "session.assigned", "session.started", "session.live", "session.ended"]
    assert set(rows[-1].workspace_ids) == {consumer.workspace.pk, supplier.workspace.pk} and set(rows[0].workspace_ids) == {consumer.workspace.pk}
    assert rows[-1].after["state"] == "ENDED" and rows[1].before["state"] == "REQUESTED" and rows[-1].environment == "LIVE"


def test_the_history_is_read_by_its_sides(consumer, supplier, other_supplier, request_session):
    pk = request_session()
    supplier.client.post(f"/sessions/{pk}/accept")
    rows = consumer.client.get(f"/sessions/{pk}/events").json()["data"]
    assert [(row["sequence"], row["type"], row["fromState"], row["toState"]) for row in rows] == [
        (1, "session.requested", None, "REQUESTED"), (2, "session.assigned", "REQUESTED", "ASSIGNED"),
    ]  # fmt: skip
    assert supplier.client.get(f"/sessions/{pk}/events?type=session.assigned").json()["meta"]["returned"] == 1
    assert supplier.client.get(f"/sessions/{pk}/events?search=assigned").json()["meta"]["returned"] == 1
    assert other_supplier.client.get(f"/sessions/{pk}/events").status_code == 404
    assert FieldSession.objects.get(pk=pk).event_sequence == 2


def test_exports_facets_and_filters(consumer, supplier, request_session):
    ids = [request_session(label=f"=1+{number}") for number in range(3)]
    supplier.client.post(f"/sessions/{ids[0]}/accept")
    facets = consumer.client.get("/sessions/facets").json()["data"]
    assert {row["value"]: row["count"] for row in facets["state"]} == {"ASSIGNED": 1, "REQUESTED": 2}
    listed = consumer.client.get("/sessions?state=ASSIGNED&side=consumer").json()["data"]
    assert [row["id"] for row in listed] == [ids[0]]
    assert [row["id"] for row in supplier.client.get("/sessions?side=operator").json()["data"]] == [ids[0]]
    assert supplier.client.get("/sessions?side=consumer").json()["data"] == []
    assert [row["id"] for row in consumer.client.get("/sessions").json()["data"]] == ids[::-1], "newest first"
    text = supplier.client.get("/sessions/export").getvalue().decode()
    assert text.count("'=1+") == 3 and text.count(str(consumer.workspace.pk)) == 1, "of open requests the consumer stays unsaid"
    chosen = consumer.client.post("/sessions/export", {"ids": ids[:2]})
    assert chosen.getvalue().decode().count("\n") == 3
    assert supplier.client.post("/sessions/export", {"ids": [ids[0], str(consumer.workspace.pk)]}).status_code == 404
