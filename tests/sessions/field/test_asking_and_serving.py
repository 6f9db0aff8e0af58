"""From the request to somebody who serves it, and calling it off (05 §2, §3)."""

from datetime import timedelta

import pytest

from config.kernel import clock
from operators.workspaces.devices.models import DeviceOperator
from sessions.field.models import FieldSession
from tests.factories.sessions import BOGOTA, make_operator

pytestmark = pytest.mark.django_db


def code(reply):
    return reply.status_code, reply.json().get("code")


def data(reply):
    assert reply.status_code < 300, reply.content
    return reply.json()["data"]


def test_a_request_says_what_it_costs_and_until_when(consumer, wish):
    reply = consumer.client.post("/sessions", {**wish, "label": "Plaza", "externalRef": "x-1", "metadata": {"my_key": 1}, "kinds": ["phone"]})
    session = data(reply)
    assert reply.status_code == 201 and reply["Location"].endswith(session["id"])
    assert (session["state"], session["environment"], session["mode"]) == ("REQUESTED", "LIVE", "wall_clock")
    assert session["ratePerSecondMicroUsdc"] == "1000" and session["feeBps"] == 1500 and session["holdMicroUsdc"] == "600000"
    assert session["point"] == wish["point"] and session["geofenceRadiusMeters"] == 100 and session["geofencePolygon"] is None
    assert session["metadata"] == {"my_key": 1} and session["consumerWorkspaceId"] == str(consumer.workspace.pk)
    assert session["settlement"] == {"state": "NOT_READY", "txHash": None} and session["videoBackendRef"] is None
    assert session["trust"] == {"required": 0, "reached": 0, "flags": []} and session["tally"] == "off"
    row = FieldSession.objects.get(pk=session["id"])
    assert row.deadline_at == row.created_at + timedelta(seconds=600)
    assert [(event.sequence, event.type) for event in row.events.all()] == [(1, "session.requested")]


@pytest.mark.parametrize(
    "bad",
    [
        {"maxDurationSeconds": 9}, {"maxDurationSeconds": 86401}, {"maxDurationSeconds": -5}, {"maxDurationSeconds": 10**9}, {"maxDurationSeconds": "x"},
        {"point": {"lat": 91, "lng": 0}}, {"point": {"lat": -91, "lng": 0}}, {"point": {"lat": 0}}, {"point": None}, {"waitTimeoutSeconds": 4},
        {"waitTimeoutSeconds": 3601}, {"geofenceRadiusMeters": 4}, {"geofenceRadiusMeters": 50001}, {"mode": "other"}, {"requiredTrustTier": 4},
        {"requiredTrustTier": 1}, {"kinds": ["submarine"]}, {"kinds": ["phone", "phone"]}, {"label": "x" * 81}, {"externalRef": "x" * 121},
        {"metadata": {"a": "x" * 4100}}, {"geofencePolygon": {"type": "Polygon", "coordinates": []}}, {"maxRatePerSecondMicroUsdc": "-1"},
        {"geofencePolygon": {"type": "Polygon", "coordinates": [[[-74.073, 4.71], [-74.071, 4.71], [-74.071, 4.712], [-74.073, 4.71]]]},
         "geofenceRadiusMeters": 50},
        {"nope": 1}, {"environment": "OTHER"}, {"quoteId": "x"},
    ],
)  # fmt: skip
def test_bad_bodies_are_refused_with_their_field(consumer, wish, bad):
    reply = consumer.client.post("/sessions", {**wish, **bad})
    assert reply.status_code == 400 and reply.json()["data"]["errors"][0]["path"].split(".")[0].split("[")[0] in {*bad, "geofencePolygon"}
    assert not FieldSession.objects.exists()


def test_a_polygon_may_be_the_fence(consumer, wish):
    ring = [[-74.073, 4.710], [-74.071, 4.710], [-74.071, 4.712], [-74.073, 4.712], [-74.073, 4.710]]
    session = data(consumer.client.post("/sessions", {**wish, "geofencePolygon": {"type": "Polygon", "coordinates": [ring]}}))
    assert session["geofencePolygon"]["coordinates"] == [ring] and session["geofenceRadiusMeters"] is None


def test_who_may_ask(api, consumer, supplier, wish, alice, carol):
    assert code(supplier.client.post("/sessions", wish)) == (403, "permission_denied")
    assert code(api(supplier.owner).post("/sessions", wish)) == (403, "workspace_role_required")
    assert code(api(carol).post("/sessions", wish)) == (403, "permission_denied")
    assert data(api(consumer.owner).post("/sessions", wish))["environment"] == "LIVE"
    assert data(api(consumer.owner).post("/sessions", {**wish, "environment": "TEST"}))["environment"] == "TEST"
    assert code(consumer.client.post("/sessions", {**wish, "environment": "TEST"})) == (403, "environment_mismatch")
    assert code(consumer.client.post("/sessions", {**wish, "workspaceId": str(supplier.workspace.pk)})) == (404, "reference_not_found")
    assert code(consumer.client.post("/sessions", {**wish, "operatorWorkspaceId": str(consumer.workspace.pk)})) == (404, "reference_not_found")
    assert data(api(alice).post("/sessions", {**wish, "workspaceId": str(consumer.workspace.pk)}))["state"] == "REQUESTED"
    assert code(consumer.client.post("/sessions", {**wish, "maxRatePerSecondMicroUsdc": "999"})) == (409, "rate_above_max")
    assert data(consumer.client.post("/sessions", {**wish, "maxRatePerSecondMicroUsdc": "1000"}))["maxRatePerSecondMicroUsdc"] == "1000"


def test_an_open_request_is_seen_by_suppliers_without_its_consumer(api, consumer, supplier, other_supplier, request_session):
    pk = request_session(externalRef="secret", metadata={"a": 1})
    seen = data(supplier.client.get(f"/sessions/{pk}"))
    assert seen["consumerWorkspaceId"] is None and seen["externalRef"] is None and seen["metadata"] == {}
    assert str(consumer.workspace.pk) not in supplier.client.get("/sessions").content.decode()
    assert data(supplier.client.get("/sessions?view=open"))[0]["id"] == pk
    assert data(other_supplier.client.get("/sessions?view=open")) == [], "no operator of theirs covers the point"
    assert data(other_supplier.client.get("/sessions"))[0]["id"] == pk
    assert data(consumer.client.get(f"/sessions/{pk}"))["externalRef"] == "secret"
    data(supplier.client.post(f"/sessions/{pk}/accept"))
    assert data(supplier.client.get(f"/sessions/{pk}"))["consumerWorkspaceId"] == str(consumer.workspace.pk)
    gone = other_supplier.client.get(f"/sessions/{pk}")
    absent = other_supplier.client.get(f"/sessions/{consumer.workspace.pk}")
    assert gone.status_code == absent.status_code == 404 and gone.content == absent.content


def test_a_request_to_one_supplier_is_hidden_from_the_others(supplier, other_supplier, request_session):
    pk = request_session(operatorWorkspaceId=str(supplier.workspace.pk))
    assert data(supplier.client.get(f"/sessions/{pk}"))["operatorWorkspaceId"] == str(supplier.workspace.pk)
    assert other_supplier.client.get(f"/sessions/{pk}").status_code == 404
    assert other_supplier.client.post(f"/sessions/{pk}/accept").status_code == 404
    assert data(supplier.client.post(f"/sessions/{pk}/accept"))["state"] == "ASSIGNED"


def test_accepting_takes_the_fleet_in_order_and_then_says_busy(supplier, request_session):
    now = clock.now()
    fleet = [make_operator(supplier.workspace, f"Drone {n}", idle_since=now - timedelta(seconds=n)) for n in (30, 20)]
    DeviceOperator.objects.filter(pk=supplier.operator.pk).update(idle_since=now - timedelta(seconds=40))
    taken = [data(supplier.client.post(f"/sessions/{request_session()}/accept"))["operatorId"] for _ in range(3)]
    assert taken == [str(operator.pk) for operator in (supplier.operator, *fleet)]
    assert code(supplier.client.post(f"/sessions/{request_session()}/accept")) == (409, "operator_busy")


def test_accepting_without_any_device_makes_the_default_one(other_supplier, request_session):
    first = data(other_supplier.client.post(f"/sessions/{request_session()}/accept"))
    made = DeviceOperator.objects.get(pk=first["operatorId"])
    assert made.is_default and made.kind == first["operatorKind"] == "other"
    assert code(other_supplier.client.post(f"/sessions/{request_session()}/accept")) == (409, "operator_busy")


def test_accepting_with_a_named_operator(supplier, other_supplier, request_session):
    body = {"operatorId": str(supplier.operator.pk)}
    assert code(other_supplier.client.post(f"/sessions/{request_session()}/accept", body)) == (404, "reference_not_found")
    pk = request_session()
    DeviceOperator.objects.filter(pk=supplier.operator.pk).update(enabled=False)
    assert code(supplier.client.post(f"/sessions/{pk}/accept", body)) == (409, "operator_disabled")
    assert code(supplier.client.post(f"/sessions/{pk}/accept")) == (409, "operator_disabled")
    DeviceOperator.objects.filter(pk=supplier.operator.pk).update(enabled=True)
    assert data(supplier.client.post(f"/sessions/{pk}/accept", body))["operatorId"] == body["operatorId"]
    assert code(supplier.client.post(f"/sessions/{request_session()}/accept", body)) == (409, "operator_busy")


def test_dispatch_takes_the_longest_idle_of_those_who_may(consumer, supplier, other_supplier, request_session):
    now = clock.now()
    DeviceOperator.objects.filter(pk=supplier.operator.pk).update(idle_since=now - timedelta(seconds=10))
    near = make_operator(other_supplier.workspace, "Near", idle_since=now - timedelta(seconds=99))
    nearer = make_operator(other_supplier.workspace, "Twin", idle_since=now - timedelta(seconds=99), at=(4.7111, -74.072))
    pk = request_session()
    listed = data(consumer.client.get(f"/sessions/{pk}/candidates"))
    assert [row["operatorId"] for row in listed] == [str(one.pk) for one in (near, nearer, supplier.operator)]
    assert listed[0]["distanceMeters"] == 0 and listed[1]["distanceMeters"] == 100 and listed[0]["idleSeconds"] >= 99
    taken = data(consumer.client.post(f"/sessions/{pk}/dispatch"))
    assert (taken["state"], taken["operatorId"]) == ("ASSIGNED", str(near.pk))
    assert code(consumer.client.post(f"/sessions/{pk}/dispatch")) == (409, "invalid_state")
    assert code(consumer.client.get(f"/sessions/{pk}/candidates")) == (409, "invalid_state")


def test_what_dispatch_passes_by_and_why(consumer, supplier, request_session):
    now, operator = clock.now(), supplier.operator
    circle = {"coverage_lat": BOGOTA[0], "coverage_lng": BOGOTA[1], "coverage_radius_meters": 1000}

    def refused(reason, session, **changes):
        DeviceOperator.objects.filter(pk=operator.pk).update(**changes)
        reply = consumer.client.post(f"/sessions/{session}/dispatch", {"operatorId": str(operator.pk)})
        assert code(reply) == (409, "operator_not_eligible") and reply.json()["data"] == {"reason": reason}
        none = consumer.client.post(f"/sessions/{session}/dispatch")
        assert code(none) == (503, "no_coverage") and none.json()["transient"] and none["Retry-After"] == "5"
        assert data(consumer.client.get(f"/sessions/{session}/candidates")) == []

    with clock.frozen(now):
        pk = request_session(kinds=["phone"])
        refused("not_seen", pk, **circle, last_seen_at=now - timedelta(seconds=25, milliseconds=1))
        refused("disabled", pk, last_seen_at=now - timedelta(seconds=25), enabled=False)
        refused("wrong_kind", pk, enabled=True, kind="drone")
        # A millimetre outside; the edge itself is inside.
        from sessions.field.geography import geod

        lng, lat, _ = geod().fwd(BOGOTA[1], BOGOTA[0], 45, 1000.001)
        refused("outside_coverage", pk, kind="phone", coverage_lat=lat, coverage_lng=lng)
        operator.workspace.declared_offline = True
        operator.workspace.save()
        refused("offline", pk, **circle)
        operator.workspace.declared_offline = False
        operator.workspace.save()
        lng, lat, _ = geod().fwd(BOGOTA[1], BOGOTA[0], 45, 1000)
        DeviceOperator.objects.filter(pk=operator.pk).update(coverage_lat=lat, coverage_lng=lng)
        assert data(consumer.client.post(f"/sessions/{pk}/dispatch"))["operatorId"] == str(operator.pk)
        refused("busy", request_session())
    unknown = consumer.client.post(f"/sessions/{request_session()}/dispatch", {"operatorId": str(consumer.workspace.pk)})
    assert code(unknown) == (404, "reference_not_found")


def test_calling_it_off_frees_everybody_at_once(consumer, supplier, request_session):
    pk = request_session()
    assert code(supplier.client.delete(f"/sessions/{pk}")) == (403, "consumer_side_required")
    data(supplier.client.post(f"/sessions/{pk}/accept"))
    assert data(supplier.client.get(f"/device-operators/{supplier.operator.pk}"))["availabilityState"] == "BUSY"
    over = data(supplier.client.delete(f"/sessions/{pk}"))
    assert (over["state"], over["endReason"], over["startedAt"]) == ("CANCELLED", "operator", None)
    assert data(supplier.client.get(f"/device-operators/{supplier.operator.pk}"))["availabilityState"] == "ONLINE"
    again = supplier.client.delete(f"/sessions/{pk}")
    assert code(again) == (409, "invalid_state") and again.json()["data"] == {"state": "CANCELLED", "allowed": ["ASSIGNED", "REQUESTED"]}
    other = request_session()
    assert data(consumer.client.delete(f"/sessions/{other}"))["endReason"] == "consumer"


def test_a_deadline_binds_without_any_task(supplier, request_session):
    start = clock.now()
    for wait, last in (({}, 600), ({"waitTimeoutSeconds": 30}, 30)):
        with clock.frozen(start):
            early, late = request_session(**wait), request_session(**wait)
        with clock.frozen(start + timedelta(seconds=last, milliseconds=-1)):
            supplier.client.delete(f"/sessions/{data(supplier.client.post(f'/sessions/{early}/accept'))['id']}")
        with clock.frozen(start + timedelta(seconds=last)):
            reply = supplier.client.post(f"/sessions/{late}/accept")
        assert code(reply) == (409, "invalid_state") and reply.json()["data"]["state"] == "EXPIRED"
        row = FieldSession.objects.get(pk=late)
        assert (row.state, row.end_reason, row.ended_at) == ("EXPIRED", "deadline", row.deadline_at)
        assert [event.type for event in row.events.all()] == ["session.requested", "session.expired"]
