"""The routes: who may, what is refused, what is shown, and what is never."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction

from audit.models import AuditEvent
from config.kernel import clock
from config.kernel.outbound import guard
from operators.webhooks import services
from operators.webhooks.models import WebhookDelivery, WebhookEndpoint
from operators.workspaces import services as workspaces
from tests.operators.webhooks.conftest import SESSION, acting, emit, make_endpoint, work_off
from tests.operators.workspaces.conftest import make_key, make_workspace

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/tallyroom"
BODY = {"url": URL, "types": ["session.live", "session.ended"]}


@pytest.fixture(autouse=True)
def _names(monkeypatch):
    monkeypatch.setattr(guard, "lookup", lambda host, _port: [host if host[0].isdigit() else "93.184.216.34"])


def code(response) -> tuple[int, str]:
    return response.status_code, response.json().get("code")


@pytest.fixture
def hooked(acme, api):
    acme.key = api(token=make_key(acme.workspace, acme.olga, scopes=["webhook:manage"]))
    acme.made = acme.key.post("/webhook-endpoints", BODY)
    acme.data = acme.made.json()["data"]
    acme.path = f"/webhook-endpoints/{acme.data['id']}"
    return acme


def test_the_secret_is_shown_once(hooked):
    data = hooked.data
    assert hooked.made.status_code == 201 and hooked.made["Location"] == f"/api/v1{hooked.path}" and data["secret"].startswith("whsec_")
    assert (data["environment"], data["apiVersion"], data["enabled"], data["workspaceId"]) == ("LIVE", "2026-11-23", True, str(hooked.workspace.pk))
    for path in (hooked.path, "/webhook-endpoints"):
        assert data["secret"] not in hooked.key.get(path).content.decode()
    assert data["secret"].encode() not in bytes(WebhookEndpoint.objects.get().secret)
    row = AuditEvent.objects.get(verb="webhook.endpoint.created")
    assert data["secret"] not in str(row.after) and row.environment == "LIVE"


def test_a_replay_holds_no_secret(hooked):
    first, again = [hooked.key.post(f"{hooked.path}/rotate-secret", {}, idempotency_key="k") for _ in range(2)]
    assert first.json()["data"]["secret"] != hooked.data["secret"] and again.json()["data"] == {**first.json()["data"], "secret": None}
    assert first.json()["data"]["previousSecretUntil"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"url": "http://hooks.example.com/"}, "webhook_url_refused"),
        ({"url": "https://127.0.0.1/"}, "webhook_url_refused"),
        ({"url": "https://169.254.169.254/latest"}, "webhook_url_refused"),
        ({"url": "https://10.1.2.3:8443/"}, "webhook_url_refused"),
        ({"url": "https://u:p@hooks.example.com/"}, "webhook_url_refused"),
        ({"url": "nonsense"}, "webhook_url_refused"),
        ({"url": 7}, "validation_failed"),
        ({"types": []}, "validation_failed"),
        ({"types": ["session.imagined"]}, "validation_failed"),
        ({"types": ["session.live", "session.live"]}, "validation_failed"),
        ({"types": "session.live"}, "validation_failed"),
        ({"apiVersion": "2020-01-01"}, "validation_failed"),
        ({"environment": "PROD"}, "validation_failed"),
        ({"secret": "whsec_x"}, "unknown_parameter"),
    ],
    ids=str,
)
def test_what_is_no_endpoint_is_400(hooked, api, changes, expected):
    refused = api(hooked.olga).post("/webhook-endpoints", {**BODY, "workspaceId": str(hooked.workspace.pk), **changes})
    assert code(refused) == (400, expected) and WebhookEndpoint.objects.count() == 1
    if not set(changes) & {"environment"}:
        assert code(hooked.key.patch(hooked.path, changes)) == (400, expected)


def test_who_may(hooked, api, alice, bob, mallory):
    body = {**BODY, "workspaceId": str(hooked.workspace.pk)}
    assert code(api(hooked.vera).post("/webhook-endpoints", body)) == (403, "permission_denied")
    assert code(api(bob).get("/webhook-endpoints")) == (403, "permission_denied")
    assert code(api(mallory).get(hooked.path)) == (403, "permission_denied")
    assert api().get("/webhook-endpoints").status_code == 401
    for user in (alice, hooked.olga, hooked.adam):
        assert api(user).get(hooked.path).status_code == 200
    made = api(hooked.adam).post("/webhook-endpoints", BODY)
    assert made.json()["data"]["workspaceId"] == str(hooked.workspace.pk), "none selected, and adam has only this one"
    client = api(hooked.adam)
    client.post("/auth/workspace/select", {"workspaceId": str(hooked.workspace.pk)})
    assert client.post("/webhook-endpoints", {**BODY, "environment": "TEST"}).json()["data"]["environment"] == "TEST"
    assert code(api(token=make_key(hooked.workspace, hooked.olga)).get("/webhook-endpoints")) == (403, "permission_denied")


def test_strangers_and_the_other_world_find_nothing(hooked, api, commits):
    other = make_workspace("other-room", OWNER=hooked.vera)
    foreign = api(token=make_key(other, hooked.vera, scopes=["webhook:manage"]))
    testing = api(token=make_key(hooked.workspace, hooked.olga, environment="TEST", scopes=["webhook:manage"]))
    emit(hooked.workspace)
    delivery = f"/webhook-deliveries/{WebhookDelivery.objects.get().pk}"
    for client in (foreign, testing):
        assert client.get("/webhook-endpoints").json()["data"] == client.get("/webhook-deliveries").json()["data"] == []
        for path in (hooked.path, f"{hooked.path}/actions", delivery, f"{delivery}/actions"):
            assert code(client.get(path)) == (404, "not_found")
        assert code(client.patch(hooked.path, {"enabled": False})) == code(client.delete(hooked.path)) == (404, "not_found")
        for path in (f"{hooked.path}/test", f"{hooked.path}/rotate-secret", f"{delivery}/redeliver"):
            assert code(client.post(path, {})) == (404, "not_found")
        assert code(client.post("/webhook-deliveries/redeliver", {"ids": [delivery.rsplit("/")[-1]]})) == (404, "not_found")
    assert code(foreign.post("/webhook-endpoints", {**BODY, "workspaceId": str(hooked.workspace.pk)})) == (404, "reference_not_found")
    assert code(testing.post("/webhook-endpoints", {**BODY, "environment": "LIVE"})) == (403, "environment_mismatch")
    assert testing.post("/webhook-endpoints", BODY).json()["data"]["environment"] == "TEST"


def test_ten_for_each_environment(hooked, monkeypatch):
    monkeypatch.setattr("operators.webhooks.services.ENDPOINTS", 1)
    refused = hooked.key.post("/webhook-endpoints", BODY)
    assert code(refused) == (409, "limit_reached") and refused.json()["data"] == {"limit": 1}
    hooked.key.delete(hooked.path)
    assert hooked.key.post("/webhook-endpoints", BODY).status_code == 201


def test_the_version_of_who_made_it(hooked, api):
    made = hooked.key.post("/webhook-endpoints", BODY, operator_version="2025-06-19").json()["data"]
    assert made["apiVersion"] == "2025-06-19"
    pinned = api(token=make_key(hooked.workspace, hooked.olga, scopes=["webhook:manage"], version="2024-11-11"))
    assert pinned.post("/webhook-endpoints", BODY).json()["data"]["apiVersion"] == "2024-11-11"


def test_editing_honours_if_match_and_discards_when_disabled(hooked):
    tag = hooked.key.get(hooked.path)["ETag"]
    assert hooked.key.patch(hooked.path, {"types": ["dispute.opened", "session.live"]}, if_match=tag).json()["data"]["types"] == ["dispute.opened", "session.live"]  # fmt: skip
    assert code(hooked.key.patch(hooked.path, {"enabled": False}, if_match=tag)) == (412, "edit_conflict")
    emit(hooked.workspace)
    assert hooked.key.patch(hooked.path, {"enabled": False}).json()["data"]["enabled"] is False
    delivery = hooked.key.get("/webhook-deliveries").json()["data"][0]
    assert delivery["status"] == "discarded" and "nextAttemptAt" in delivery
    assert code(hooked.key.post(f"{hooked.path}/test", {})) == (409, "invalid_state")
    assert hooked.key.get(f"{hooked.path}/actions").json()["data"]["actions"]["test"]["code"] == "invalid_state"
    assert code(hooked.key.post(f"/webhook-deliveries/{delivery['id']}/redeliver", {})) == (409, "delivery_not_redeliverable")


def test_a_deleted_endpoint_leaves_its_deliveries(hooked):
    emit(hooked.workspace)
    assert hooked.key.delete(hooked.path).status_code == 204 and code(hooked.key.get(hooked.path)) == (404, "not_found")
    (delivery,) = hooked.key.get("/webhook-deliveries").json()["data"]
    assert delivery["status"] == "discarded" and delivery["body"]["data"] == {"state": "LIVE"}
    action = hooked.key.get(f"/webhook-deliveries/{delivery['id']}/actions").json()["data"]["actions"]["redeliver"]
    assert (action["enabled"], action["code"]) == (False, "delivery_not_redeliverable")
    assert WebhookEndpoint.objects.get().secret is None


def test_deliveries_are_listed_filtered_counted_and_exported(hooked):
    emit(hooked.workspace)
    emit(hooked.workspace, "session.ended")
    emit(hooked.workspace, session="0192f0c8-0000-7000-8000-000000000002")
    listed = lambda query: len(hooked.key.get(f"/webhook-deliveries{query}").json()["data"])  # noqa: E731
    assert listed("") == 3 and listed(f"?sessionId={SESSION}") == 2 and listed("?type=session.ended") == 1
    assert listed(f"?conversationId={SESSION}") == 0 and listed("?status=failed") == 0 and listed("?status=pending&status=failed") == 3
    assert listed(f"?endpointId={hooked.data['id']}") == 3 and listed("?createdFrom=2100-01-01T00:00:00Z") == 0
    assert code(hooked.key.get("/webhook-deliveries?colour=red")) == (400, "unknown_parameter")
    facets = hooked.key.get("/webhook-deliveries/facets").json()["data"]
    assert facets["status"] == [{"value": "pending", "count": 3}] and facets["type"][0] == {"value": "session.live", "count": 2}
    one = hooked.key.get("/webhook-deliveries?type=session.ended").json()["data"][0]
    assert one["subject"] == {"kind": "session", "id": SESSION} and one["attempts"] == [] and one["redeliveryOf"] is None
    assert hooked.key.get(f"/webhook-deliveries/{one['id']}").json()["data"] == one
    export = hooked.key.get("/webhook-deliveries/export")
    assert b"".join(export.streaming_content).decode().count("session.live") == 2
    assert hooked.key.post("/webhook-endpoints/export", {"ids": [hooked.data["id"]]}).status_code == 200
    assert {row.verb for row in AuditEvent.objects.filter(verb__endswith="exported")} == {"webhook.delivery.exported", "webhook.endpoint.exported"}


def test_testing_and_redelivering(acme, api, receiver, here):
    endpoint, _ = make_endpoint(acme.workspace, acme.olga, receiver.url)
    client = api(acme.adam)
    sent = client.post(f"/webhook-endpoints/{endpoint.pk}/test", {})
    data = sent.json()["data"]
    assert sent.status_code == 202 and sent["Location"].endswith(data["id"]) and (data["type"], data["status"]) == ("webhook.test", "pending")
    assert code(client.post(f"/webhook-deliveries/{data['id']}/redeliver", {})) == (409, "delivery_not_redeliverable"), "pending"
    assert work_off() == 1
    done = client.get(f"/webhook-deliveries/{data['id']}").json()["data"]
    assert (done["status"], done["attempts"][0]["statusCode"], done["attempts"][0]["error"]) == ("succeeded", 200, None)
    again = client.post(f"/webhook-deliveries/{data['id']}/redeliver", {})
    assert again.status_code == 202 and again.json()["data"]["redeliveryOf"] == data["id"] and again.json()["data"]["webhookId"] == data["webhookId"]
    work_off()
    (first, body), (second, repeated) = receiver.heard
    assert body == repeated and first["webhook-id"] == second["webhook-id"] == data["webhookId"]
    assert AuditEvent.objects.filter(verb="webhook.delivery.redelivered").count() == 1


def test_an_event_is_queued_once_for_an_endpoint_and_again_only_by_hand(acme, receiver, here):
    make_endpoint(acme.workspace, acme.olga, receiver.url)
    emit(acme.workspace)
    work_off()
    first = WebhookDelivery.objects.get()
    twin = {"endpoint_id": first.endpoint_id, "workspace_id": first.workspace_id, "environment": "LIVE", "message_id": first.message_id}
    twin |= {"type": first.type, "status": "succeeded", "created_at": clock.now() + timedelta(seconds=1)}
    with pytest.raises(IntegrityError, match="webhook_event_once"), transaction.atomic():
        WebhookDelivery.objects.create(**twin)
    actor = acting(acme.olga)
    (again,) = services.redeliver(actor=actor, deliveries=[first])
    work_off()
    first.delete()
    again.refresh_from_db()
    assert again.redelivery_of_id is None, "what it repeats may be forgotten"
    services.redeliver(actor=actor, deliveries=[again])
    assert list(WebhookDelivery.objects.values_list("again", flat=True)) == [True, True]


def test_what_was_sent_again_before_that_rule_is_told_from_what_was_first(acme, receiver, here):
    make_endpoint(acme.workspace, acme.olga, receiver.url)
    emit(acme.workspace)
    emit(acme.workspace)
    work_off()
    repeated, only = WebhookDelivery.objects.order_by("created_at", "id")
    (known,) = services.redeliver(actor=acting(acme.olga), deliveries=[repeated])
    (forgotten,) = services.redeliver(actor=acting(acme.olga), deliveries=[repeated])
    WebhookDelivery.objects.filter(pk=forgotten.pk).update(redelivery_of=None)
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX webhook_event_once")
        WebhookDelivery.objects.update(again=False)
        cursor.execute(import_module("operators.migrations.0014_webhook_event_once").SENT_AGAIN)
    rows = dict(WebhookDelivery.objects.values_list("pk", "again"))
    assert rows == {repeated.pk: False, only.pk: False, known.pk: True, forgotten.pk: True}


def test_redelivering_many_is_all_or_none(acme, api, receiver, here):
    make_endpoint(acme.workspace, acme.olga, receiver.url)
    client = api(acme.olga)
    for _ in range(2):
        emit(acme.workspace)
    work_off()
    emit(acme.workspace)
    ids = [row["id"] for row in client.get("/webhook-deliveries?sort=createdAt").json()["data"]]
    refused = client.post("/webhook-deliveries/redeliver", {"ids": ids})
    assert code(refused) == (409, "delivery_not_redeliverable") and refused.json()["data"] == {"ids": ids[2:]}
    assert WebhookDelivery.objects.count() == 3
    assert code(client.post("/webhook-deliveries/redeliver", {"ids": [*ids[:2], SESSION]})) == (404, "not_found")
    made = client.post("/webhook-deliveries/redeliver", {"ids": ids[:2]})
    assert made.status_code == 202 and [row["redeliveryOf"] for row in made.json()["data"]] == ids[:2]
    for bad in ([], [ids[0], ids[0]], "x"):
        assert code(client.post("/webhook-deliveries/redeliver", {"ids": bad})) == (400, "validation_failed")


def test_a_suspended_workspace_manages_nothing(hooked, api, alice):
    workspaces.suspend(actor=acting(alice), workspace=hooked.workspace, suspended=True)
    client = api(hooked.olga)
    assert code(client.post(f"{hooked.path}/test", {})) == code(client.delete(hooked.path)) == (403, "workspace_suspended")
    assert code(client.post("/webhook-endpoints", {**BODY, "workspaceId": str(hooked.workspace.pk)})) == (403, "workspace_suspended")
    assert api(alice).post(f"{hooked.path}/test", {}).status_code == 202
