"""The history of a session, told to its sides and to nobody else."""

import pytest

pytestmark = pytest.mark.django_db


def test_both_sides_read_it_without_gaps_and_without_each_others_people(consumer, supplier, request_session):
    path = f"/sessions/{request_session()}"
    assert supplier.client.post(f"{path}/accept").status_code == 200
    assert consumer.client.delete(path).status_code == 200
    for side in (consumer, supplier):
        events = side.client.get(f"{path}/events").json()["data"]
        assert [(e["sequence"], e["type"]) for e in events] == [(1, "session.requested"), (2, "session.assigned"), (3, "session.cancelled")]
        assert set(events[0]) == {"id", "sequence", "type", "fromState", "toState", "at", "data"}
    only = consumer.client.get(f"{path}/events?type=session.assigned").json()["data"]
    assert [(e["fromState"], e["toState"]) for e in only] == [("REQUESTED", "ASSIGNED")]
    assert consumer.client.get(f"{path}/events/facets").json()["data"]["type"] == [
        {"value": "session.assigned", "count": 1},
        {"value": "session.cancelled", "count": 1},
        {"value": "session.requested", "count": 1},
    ]


def test_an_open_request_tells_no_supplier_who_asked_and_when(supplier, other_supplier, request_session):
    path = f"/sessions/{request_session()}"
    assert supplier.client.get(path).status_code == 200
    assert supplier.client.get(f"{path}/events").status_code == 404
    assert other_supplier.key("operators:read").get(f"{path}/events").json()["data"]["permission"] == "sessions:read"
