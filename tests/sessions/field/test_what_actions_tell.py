"""`/sessions/:id/actions` where the answer hangs on more than state and side: the fleet, the picture, the bill. It says what the call would."""

import pytest

from config.kernel import clock
from sessions.settlement.models import Settlement
from tests.factories.sessions import make_operator, make_session
from tests.sessions.settlement.helpers import ended

pytestmark = pytest.mark.django_db
WHY = {"reason": "The picture was black for the last ten seconds."}


def told(client, session_id, name: str) -> tuple:
    action = client.get(f"/sessions/{session_id}/actions").json()["data"]["actions"][name]
    return action["enabled"], action.get("code")


def test_accept_knows_the_fleet(supplier, other_supplier, request_session):
    from operators.workspaces.devices.models import DeviceOperator

    pk = request_session()
    assert told(supplier.client, pk, "accept") == (True, None)
    assert told(other_supplier.client, pk, "accept") == (True, None), "its default operator is made on first need"
    assert supplier.client.post(f"/sessions/{request_session()}/accept").status_code == 200
    assert told(supplier.client, pk, "accept") == (False, "operator_busy")
    assert supplier.client.post(f"/sessions/{pk}/accept").json()["code"] == "operator_busy"
    make_operator(supplier.workspace, "Phone 2")
    assert told(supplier.client, pk, "accept") == (True, None)
    DeviceOperator.objects.filter(workspace=supplier.workspace).update(enabled=False)
    assert told(supplier.client, pk, "accept") == (False, "operator_disabled")
    assert supplier.client.post(f"/sessions/{pk}/accept").json()["code"] == "operator_disabled"
    assert other_supplier.client.post(f"/sessions/{request_session()}/accept").status_code == 200
    assert told(other_supplier.client, pk, "accept") == (False, "operator_busy")


def test_a_picture_is_there_while_media_flows(consumer, live, media):
    pk = live()
    assert told(consumer.client, pk, "frame") == (True, None)
    media.lost(pk, clock.now())
    assert told(consumer.client, pk, "frame") == (False, "frame_not_available")
    assert told(consumer.client, make_session(consumer.workspace).pk, "frame") == (False, "frame_not_available")


def test_a_bill_can_be_disputed_rejected_and_given_back(api, consumer, supplier, alice):
    session = ended(consumer.workspace, supplier.operator)
    books = api(alice)
    assert told(consumer.client, session.pk, "dispute") == told(books, session.pk, "void") == (True, None)
    assert told(supplier.client, session.pk, "dispute") == (False, "consumer_side_required")
    assert told(consumer.client, session.pk, "void") == told(consumer.client, session.pk, "rejectDispute") == (False, "permission_denied")
    assert told(books, session.pk, "dispute") == (False, "consumer_side_required")
    assert told(books, session.pk, "rejectDispute") == (False, "no_open_dispute")
    assert consumer.client.post(f"/sessions/{session.pk}/dispute", WHY).status_code == 201
    assert told(consumer.client, session.pk, "dispute") == (False, "dispute_exists")
    assert told(books, session.pk, "rejectDispute") == (True, None)
    Settlement.objects.filter(session=session).update(state="PENDING", confirmed_at=None, tx_hash="")
    assert told(books, session.pk, "void") == (False, "settlement_not_confirmed")
    never = make_session(consumer.workspace, "CANCELLED")
    assert told(consumer.client, never.pk, "dispute") == told(books, never.pk, "void") == (False, "invalid_state")


def test_the_role_of_a_workspace_is_asked_for_before_the_body_is_read(api, consumer, supplier):
    nonsense = {"kind": 7, "nonsense": True}
    for path, party in (("/sessions", supplier), ("/device-operators", consumer), ("/sessions/cancel-all-assignments", consumer)):
        scope = "operators:write" if path == "/device-operators" else "workspace:read"
        for client in (api(party.owner), party.key("sessions:read", scope)):
            reply = client.post(path, nonsense)
            expected = "permission_denied" if client.get("/auth/me").json()["data"]["kind"] == "api_key" and scope == "workspace:read" else None
            assert (reply.status_code, reply.json()["code"]) == (403, expected or "workspace_role_required"), path
    assert supplier.client.post("/device-operators", nonsense).status_code == 400


def test_events_and_keys_are_counted_and_exported(api, consumer, supplier, request_session, other_supplier):
    pk = request_session()
    assert supplier.client.post(f"/sessions/{pk}/accept").status_code == 200
    events = f"/sessions/{pk}/events"
    rows = consumer.client.get(events).json()["data"]
    counted = consumer.client.get(f"{events}/facets").json()["data"]["type"]
    assert counted == [{"value": name, "count": 1} for name in sorted(row["type"] for row in rows)]
    lines = consumer.client.get(f"{events}/export").getvalue().decode().splitlines()
    assert lines[0] == "id,sequence,type,at,data" and len(lines) == len(rows) + 1
    ids = [row["id"] for row in reversed(rows)]
    chosen = consumer.client.post(f"{events}/export", {"ids": ids}).getvalue().decode().splitlines()
    assert [line.split(",")[0] for line in chosen[1:]] == ids
    for path in (f"{events}/facets", f"{events}/export"):
        assert other_supplier.client.get(path).status_code == 404
    assert other_supplier.client.post(f"{events}/export", {"ids": ids}).status_code == 404

    from operators.workspaces.devices.models import DeviceKey

    keys = f"/device-operators/{supplier.operator.pk}/keys"
    made = [DeviceKey.objects.create(operator=supplier.operator, address="0x" + digit * 40, issued_at=clock.now()) for digit in "12"]
    DeviceKey.objects.filter(pk=made[0].pk).update(revoked_at=clock.now())
    assert supplier.client.get(f"{keys}/facets").json()["data"]["active"] == [{"value": False, "count": 1}, {"value": True, "count": 1}]
    lines = supplier.client.get(f"{keys}/export?active=true").getvalue().decode().splitlines()
    assert len(lines) == 2 and lines[1].startswith(str(made[1].pk))
    assert supplier.client.post(f"{keys}/export", {"ids": [str(made[0].pk)]}).status_code == 200
    assert other_supplier.client.get(f"{keys}/export").status_code == 404
