"""Devices of suppliers: registered, edited, heard of, keys that sign for them, and what is computed of them (05 §1)."""

from datetime import timedelta

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from config.kernel import clock
from operators.workspaces.devices.models import DeviceOperator
from sessions.field.devices.keys import statement
from tests.factories.sessions import make_operator

pytestmark = pytest.mark.django_db
BODY = {"label": " Drone 7 ", "kind": "drone", "home": {"lat": 4.711, "lng": -74.072}, "coverage": {"radiusMeters": 2000}, "metadata": {"my_key": 1}}


def code(reply):
    return reply.status_code, reply.json().get("code")


def data(reply):
    assert reply.status_code < 300, reply.content
    return reply.json()["data"]


def test_one_is_registered_read_edited_and_taken_out(supplier):
    made = supplier.client.post("/device-operators", BODY)
    row = data(made)
    assert made.status_code == 201 and row["label"] == "Drone 7" and row["metadata"] == {"my_key": 1} and row["enabled"] is True
    assert row["coverage"] == {"center": BODY["home"], "radiusMeters": 2000} and row["environment"] == "LIVE"
    assert (row["availabilityState"], row["currentSessionId"], row["lastSeenAt"], row["isDefault"]) == ("OFFLINE", None, None, False)
    path = f"/device-operators/{row['id']}"
    seen = supplier.client.get(path)["ETag"]
    assert data(supplier.client.patch(path, {"home": None, "coverage": None}, if_match=seen))["home"] is None
    assert code(supplier.client.patch(path, {"enabled": False}, if_match=seen)) == (412, "edit_conflict")
    assert supplier.client.delete(path).status_code == 204 and supplier.client.get(path).status_code == 404
    assert data(supplier.client.post("/device-operators", BODY))["label"] == "Drone 7", "the name is free again"


def test_names_are_one_of_a_kind_whatever_the_case(supplier, other_supplier):
    data(supplier.client.post("/device-operators", BODY))
    assert code(supplier.client.post("/device-operators", {**BODY, "label": "DRONE 7"})) == (409, "duplicate_name")
    assert code(supplier.client.patch(f"/device-operators/{supplier.operator.pk}", {"label": "drone 7"})) == (409, "duplicate_name")
    assert other_supplier.client.post("/device-operators", BODY).status_code == 201


@pytest.mark.parametrize(
    "bad",
    [
        {"label": " "}, {"label": "x" * 81}, {"kind": "submarine"}, {"home": {"lat": 91, "lng": 0}}, {"coverage": {"radiusMeters": 9}},
        {"coverage": {"radiusMeters": 500001}}, {"home": None}, {"metadata": {"a": "x" * 4100}}, {"isDefault": True}, {"availabilityState": "BUSY"},
    ],
)  # fmt: skip
def test_bad_fields_are_named(supplier, bad):
    assert supplier.client.post("/device-operators", {**BODY, **bad}).status_code == 400


def test_who_may(api, consumer, supplier, other_supplier, alice, carol):
    assert code(api(consumer.owner).post("/device-operators", BODY)) == (403, "workspace_role_required")
    assert code(supplier.key("operators:read").post("/device-operators", BODY)) == (403, "permission_denied")
    assert code(supplier.client.post("/device-operators", {**BODY, "environment": "TEST"})) == (403, "environment_mismatch")
    path = f"/device-operators/{supplier.operator.pk}"
    assert other_supplier.client.get(path).status_code == other_supplier.client.delete(path).status_code == 404
    assert supplier.key("operators:read", environment="TEST").get(path).status_code == 404
    assert data(api(alice).get(path))["label"] == "Phone 1" and api(carol).get(path).status_code == 404
    body = {**BODY, "workspaceId": str(supplier.workspace.pk)}
    assert data(api(alice).post("/device-operators", body))["workspaceId"] == str(supplier.workspace.pk)
    assert code(other_supplier.client.post("/device-operators", body)) == (404, "reference_not_found")


def test_lists_filter_sort_count_and_export(supplier, request_session):
    make_operator(supplier.workspace, "Drone", kind="drone", seen=False)
    make_operator(supplier.workspace, "Off", enabled=False)
    data(supplier.client.post(f"/sessions/{request_session()}/accept", {"operatorId": str(supplier.operator.pk)}))

    def labels(query):
        return [row["label"] for row in data(supplier.client.get(f"/device-operators?{query}"))]

    assert labels("") == ["Drone", "Off", "Phone 1"] and labels("kind=drone") == ["Drone"] and labels("enabled=false") == ["Off"]
    assert labels("availabilityState=BUSY") == ["Phone 1"] and labels("search=dro") == ["Drone"] and labels("sort=-lastSeenAt")[-1] == "Drone"
    facets = data(supplier.client.get("/device-operators/facets"))
    assert {row["value"]: row["count"] for row in facets["availabilityState"]} == {"BUSY": 1, "OFFLINE": 2}
    exported = supplier.client.get("/device-operators/export").getvalue().decode()
    assert exported.count("\n") == 4 and "Phone 1" in exported


def test_a_busy_one_stays_and_says_what_it_serves(supplier, request_session):
    pk = request_session()
    data(supplier.client.post(f"/sessions/{pk}/accept"))
    path = f"/device-operators/{supplier.operator.pk}"
    row = data(supplier.client.get(path))
    assert (row["availabilityState"], row["currentSessionId"], row["idleSince"]) == ("BUSY", pk, None)
    assert data(supplier.client.get(f"{path}/actions"))["actions"]["delete"]["code"] == "operator_busy"
    assert code(supplier.client.delete(path)) == (409, "operator_busy")
    data(supplier.client.delete(f"/sessions/{pk}"))
    assert data(supplier.client.get(path))["idleSince"] and supplier.client.delete(path).status_code == 204


def test_the_heartbeat_counts_upwards_only(supplier):
    path = f"/device-operators/{supplier.operator.pk}/location"
    here = {"point": {"lat": 4.72, "lng": -74.08}, "accuracyMeters": 5}
    first = data(supplier.client.post(path, {**here, "sequence": 5, "batteryPercent": 80, "speedMps": 1.5}))
    assert first["pointAccepted"] is True and first["lastSeenAt"]
    for old in (5, 4):
        reply = supplier.client.post(path, {**here, "sequence": old})
        assert code(reply) == (409, "sequence_replayed") and reply.json()["data"] == {"lastSequence": 5}
    assert data(supplier.client.post(path, {"point": {"lat": 0, "lng": 0}, "accuracyMeters": 101, "sequence": 6}))["pointAccepted"] is False
    fixed = make_operator(supplier.workspace)
    assert data(supplier.client.post(f"/device-operators/{fixed.pk}/location", {"sequence": 7}))["pointAccepted"] is False
    row = data(supplier.client.get(f"/device-operators/{supplier.operator.pk}"))
    assert row["lastPoint"] == here["point"] and row["lastAccuracyMeters"] == 5


def test_too_many_heartbeats_are_a_loop(supplier):
    path = f"/device-operators/{supplier.operator.pk}/location"
    answers = [supplier.client.post(path, {"sequence": number}).status_code for number in range(1, 12)]
    assert answers[:2] == [200, 200] and 429 in answers


def test_who_was_not_heard_for_25_seconds_is_offline(supplier):
    now, path = clock.now(), f"/device-operators/{supplier.operator.pk}"
    with clock.frozen(now):
        DeviceOperator.objects.filter(pk=supplier.operator.pk).update(last_seen_at=now - timedelta(seconds=25))
        assert data(supplier.client.get(path))["availabilityState"] == "ONLINE"
        DeviceOperator.objects.filter(pk=supplier.operator.pk).update(last_seen_at=now - timedelta(seconds=25, milliseconds=1))
        assert data(supplier.client.get(path))["availabilityState"] == "OFFLINE"


def test_the_workspace_itself_may_be_heard(supplier, other_supplier, consumer, api):
    path = f"/workspaces/{other_supplier.workspace.pk}/location"
    assert data(other_supplier.client.post(path, {"sequence": 1, "point": {"lat": 1, "lng": 1}, "accuracyMeters": 10}))["pointAccepted"]
    made = DeviceOperator.objects.get(workspace=other_supplier.workspace)
    assert made.is_default and (made.last_point_lat, made.kind) == (1, "other")
    assert code(other_supplier.client.post(path, {"sequence": 1})) == (409, "sequence_replayed")
    assert supplier.client.post(path, {"sequence": 2}).status_code in {403, 404}
    assert code(api(consumer.owner).post(f"/workspaces/{consumer.workspace.pk}/location", {"sequence": 1})) == (403, "workspace_role_required")
    coverage = {"center": {"lat": 2, "lng": 2}, "radiusMeters": 300}
    changes = {"coverage": coverage, "deviceKind": "robot"}
    assert api(other_supplier.owner).patch(f"/workspaces/{other_supplier.workspace.pk}", changes).status_code == 200
    row = data(other_supplier.client.get(f"/device-operators/{made.pk}"))
    assert (row["kind"], row["coverage"]) == ("robot", coverage), "the default operator follows its workspace"


class Key:
    """A device's own key."""

    def __init__(self):
        self.account = Account.create()

    def body(self, operator_id, *, at=None, address=None, signer=None) -> dict:
        address, issued_at = address or self.account.address, clock.wire(at or clock.now())
        text = statement(address=address, issued_at=issued_at, operator_id=operator_id)
        proof = "0x" + bytes((signer or self).account.sign_message(encode_defunct(text=text)).signature).hex()
        return {"address": address, "issuedAt": issued_at, "proof": proof}


def test_keys_are_proven_listed_limited_and_never_return(supplier):
    pk, key = supplier.operator.pk, Key()
    path = f"/device-operators/{pk}/keys"
    made = data(supplier.client.post(path, key.body(pk)))
    assert made["address"] == key.account.address and data(supplier.client.get(path))[0]["id"] == made["id"]
    assert [row["id"] for row in data(supplier.client.get(f"{path}?search={made['address'][2:12]}"))] == [made["id"]]
    assert data(supplier.client.get(f"{path}?search=nobody")) == []
    assert code(supplier.client.post(path, key.body(pk))) == (409, "key_exists")
    assert supplier.client.post(path, Key().body(pk, address=key.account.address.lower())).status_code == 422
    assert supplier.client.delete(f"{path}/{made['id']}").status_code == 204
    assert data(supplier.client.get(path))[0]["revokedAt"] and data(supplier.client.get(f"{path}?active=true")) == []
    assert code(supplier.client.post(path, key.body(pk))) == (409, "key_exists"), "a revoked address never returns"
    for _ in range(5):
        data(supplier.client.post(path, Key().body(pk)))
    reply = supplier.client.post(path, Key().body(pk))
    assert code(reply) == (409, "limit_reached") and reply.json()["data"] == {"limit": 5}


def test_a_proof_of_anything_else_is_none(supplier, other_supplier):
    pk, key = supplier.operator.pk, Key()
    path = f"/device-operators/{pk}/keys"
    good = key.body(pk)
    bad = [
        key.body(other_supplier.workspace.pk), key.body(pk, signer=Key()), key.body(pk, at=clock.now() - timedelta(seconds=301)),
        key.body(pk, at=clock.now() + timedelta(seconds=301)), {**good, "proof": ""}, {**good, "proof": "0x00"}, {**good, "proof": "0x" + "00" * 65},
        {**good, "proof": good["proof"][:-2]}, {**good, "issuedAt": clock.wire(clock.now() - timedelta(seconds=1))},
    ]  # fmt: skip
    for body in bad:
        assert code(supplier.client.post(path, body)) == (422, "proof_invalid"), body
    assert other_supplier.client.post(path, good).status_code == 404
    assert supplier.client.post(path, {**good, "address": "0x12"}).status_code == 400
    assert data(supplier.client.post(path, {**key.body(pk, address=key.account.address.lower())}))["address"] == key.account.address
