"""Telemetry over the API: who may, what is answered, what is listed."""

import json
from datetime import timedelta

import pytest

from audit.models import AuditEvent
from config.kernel import clock, ratelimit
from sessions.telemetry.models import TelemetrySample
from tests.factories.telemetry import beacon, sample

pytestmark = pytest.mark.django_db


def code(reply):
    return reply.status_code, reply.json().get("code")


def data(reply):
    assert reply.status_code == 200, reply.content
    return reply.json()["data"]


def test_one_sample(serve, supplier):
    session, wallet = serve(), supplier.workspace.wallet
    url, raw = f"/sessions/{session.pk}/telemetry", sample(session, clock.now(), wallet, meters=20)
    assert data(supplier.client.post(url, raw)) == {"capturedAt": raw["capturedAt"], "verdict": "in_fence", "duplicate": False, "outsideMeters": 0.0}
    assert data(supplier.client.post(url, raw))["duplicate"] is True
    raw = sample(session, clock.now() + timedelta(seconds=1), wallet, meters=130)
    away = data(supplier.client.post(url, raw))
    assert away["verdict"] == "out_of_fence" and away["outsideMeters"] == 30.0
    assert [row["verdict"] for row in data(supplier.client.get(f"{url}?search=out_of"))] == ["out_of_fence"]
    assert len(data(supplier.client.get(f"{url}?search={wallet.address[2:10]}"))) == 2


def test_each_refusal_has_its_code(serve, supplier):
    session, wallet, now = serve(), supplier.workspace.wallet, clock.now()
    url = f"/sessions/{session.pk}/telemetry"

    def sent(at=now, signer=wallet, **changes):
        return code(supplier.client.post(url, sample(session, at, signer, **changes)))

    assert sent(now + timedelta(seconds=60)) == (422, "sample_in_future")
    assert sent(session.assigned_at - timedelta(milliseconds=1)) == (422, "sample_before_assignment")
    assert sent(signer=None) == (422, "sample_signature_invalid")
    assert sent(signature="0x") == (422, "sample_signature_invalid")
    assert sent() == (200, None)
    assert sent(accuracyMeters=5) == (409, "sample_conflict")
    whole = now.replace(microsecond=0) - timedelta(seconds=5)
    supplier.client.post(f"{url}/batch", {"samples": [sample(session, whole + timedelta(milliseconds=k), wallet) for k in range(10)]})
    assert sent(whole + timedelta(milliseconds=10)) == (429, "too_dense")
    assert sent(accuracyMeters=-1, source="gps") == (400, "validation_failed")
    assert sent(extra=1) == (400, "unknown_parameter")
    assert TelemetrySample.objects.count() == 11


BROKEN = [b"{", b"[]", b'"x"', b"5", b"null", b'{"capturedAt": NaN}', b'{"a":1,"a":2}', b"{}", b"\xff\xfe", b'{"point": {"lat": 1e999, "lng": 0}}']


@pytest.mark.parametrize("raw", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_sample_is_400_and_never_500(serve, supplier, raw):
    session = serve()
    for path in ("telemetry", "telemetry/batch"):
        assert supplier.client.post(f"/sessions/{session.pk}/{path}", data=raw).status_code == 400


def test_a_batch_says_what_became_of_each(serve, supplier):
    session, wallet, now = serve(), supplier.workspace.wallet, clock.now()
    raws = beacon(session, now - timedelta(seconds=20), wallet, count=20)
    raws[3] = {**raws[3], "point": {"lat": -91, "lng": 0}}
    raws[5] = {**raws[5], "signature": raws[6]["signature"]}
    raws += [raws[0], None, sample(session, now + timedelta(seconds=10), wallet)]
    answer = data(supplier.client.post(f"/sessions/{session.pk}/telemetry/batch", {"samples": raws}))
    assert answer == {
        "accepted": 18,
        "duplicates": 1,
        "rejected": [
            {"index": 3, "code": "invalid"},
            {"index": 5, "code": "sample_signature_invalid"},
            {"index": 21, "code": "invalid"},
            {"index": 22, "code": "sample_in_future"},
        ],
    }


def test_the_size_of_a_batch(serve, supplier):
    session = serve()
    url = f"/sessions/{session.pk}/telemetry/batch"
    assert code(supplier.client.post(url, {"samples": [{}] * 601})) == (400, "validation_failed")
    assert code(supplier.client.post(url, {"samples": []})) == (400, "validation_failed")
    assert code(supplier.client.post(url, {"samples": [], "more": 1})) == (400, "unknown_parameter")
    assert data(supplier.client.post(url, {"samples": [{}] * 600}))["rejected"][599] == {"index": 599, "code": "invalid"}
    assert code(supplier.client.post(url, {"samples": [{"x": "y" * 1000}] * 600})) == (413, "body_too_large")


STATES = [("REQUESTED", 409), ("ASSIGNED", 200), ("LIVE", 200), ("ENDED", 409), ("EXPIRED", 409)]


@pytest.mark.parametrize("state, expected", STATES)
def test_states_and_sides(serve, supplier, consumer, stranger, state, expected):
    session = serve(state, seconds=5)
    raw = sample(session, clock.now(), supplier.workspace.wallet)
    for path, body in (("telemetry", raw), ("telemetry/batch", {"samples": [raw]})):
        url = f"/sessions/{session.pk}/{path}"
        assert supplier.client.post(url, body).status_code == expected
        assert code(consumer.client.post(url, body)) == (403, "permission_denied")
        # An open request is there for every supplier.
        assert code(stranger.client.post(url, body)) == ((409, "invalid_state") if state == "REQUESTED" else (404, "not_found"))
    for party in (supplier, consumer):
        assert party.client.get(f"/sessions/{session.pk}/telemetry").status_code == 200
        assert party.client.get(f"/sessions/{session.pk}/meter").status_code == 200
    assert stranger.client.get(f"/sessions/{session.pk}/telemetry").status_code == (200 if state == "REQUESTED" else 404)


def test_the_consumers_side_hears_which_side_is_asked(serve, consumer, api):
    session = serve()
    assert code(api(consumer.workspace.owner).post(f"/sessions/{session.pk}/telemetry", {})) in [
        (403, "operator_side_required"),
        (403, "permission_denied"),
    ]


def test_the_deadline_binds_by_itself(serve, supplier):
    session = serve("ASSIGNED", seconds=30, deadline_at=clock.now() - timedelta(seconds=1))
    reply = supplier.client.post(f"/sessions/{session.pk}/telemetry", sample(session, clock.now(), supplier.workspace.wallet))
    assert code(reply) == (409, "invalid_state") and reply.json()["data"]["state"] == "EXPIRED"
    session.refresh_from_db()
    assert session.state == "EXPIRED"


def test_the_log_is_listed_by_time_and_narrowed(serve, supplier, consumer):
    session, wallet, now = serve(), supplier.workspace.wallet, clock.now().replace(microsecond=0)
    raws = beacon(session, now - timedelta(seconds=10), wallet, count=10, first=0)
    raws += [sample(session, now - timedelta(seconds=50 - k), wallet) for k in range(3)]
    raws += [sample(session, now, wallet, meters=900)]
    data(supplier.client.post(f"/sessions/{session.pk}/telemetry/batch", {"samples": raws}))
    url = f"/sessions/{session.pk}/telemetry"
    rows = data(consumer.client.get(url))
    assert [row["capturedAt"] for row in rows] == sorted(raw["capturedAt"] for raw in raws)
    assert rows[-1]["verdict"] == "out_of_fence" and rows[-1]["signed"] is True and rows[-1]["point"] == raws[-1]["point"]
    assert set(rows[0]) == {"id", "capturedAt", "receivedAt", "point", "accuracyMeters", "source", "verdict", "signed", "sensors"}
    assert len(data(consumer.client.get(f"{url}?verdict=late"))) == 3
    assert len(data(consumer.client.get(f"{url}?verdict=late&verdict=out_of_fence"))) == 4
    assert len(data(consumer.client.get(f"{url}?from={clock.wire(now - timedelta(seconds=5))}&to={clock.wire(now - timedelta(seconds=1))}"))) == 5
    first = consumer.client.get(f"{url}?limit=5").json()
    rest = consumer.client.get(f"{url}?limit=200&cursor={first['meta']['nextCursor']}").json()
    assert [row["id"] for row in first["data"] + rest["data"]] == [row["id"] for row in rows]
    assert code(consumer.client.get(f"{url}?verdict=fine")) == (400, "validation_failed")
    counted = data(consumer.client.get(f"{url}/facets"))
    assert counted["verdict"] == [{"value": "in_fence", "count": 10}, {"value": "late", "count": 3}, {"value": "out_of_fence", "count": 1}]
    exported = consumer.client.get(f"{url}/export?verdict=late")
    lines = b"".join(exported.streaming_content).decode().splitlines()
    assert len(lines) == 4 and lines[0].startswith("id,session_id,captured_at")
    assert AuditEvent.objects.filter(verb="session.telemetry.exported").exists()
    jsonl = consumer.client.post(f"{url}/export?format=jsonl", {"ids": [rows[2]["id"], rows[0]["id"]]})
    assert [json.loads(line)["id"] for line in b"".join(jsonl.streaming_content).splitlines()] == [rows[2]["id"], rows[0]["id"]]


def test_no_signature_is_ever_shown(serve, supplier, consumer):
    session = serve()
    raw = sample(session, clock.now(), supplier.workspace.wallet)
    replies = [supplier.client.post(f"/sessions/{session.pk}/telemetry", raw)]
    for party in (supplier, consumer):
        replies += [party.client.get(f"/sessions/{session.pk}/{path}") for path in ("telemetry", "meter", "telemetry/facets")]
    assert not any(raw["signature"][2:] in reply.content.decode() for reply in replies)


def test_a_repeated_request_with_a_key_is_replayed(serve, supplier):
    session = serve()
    body = {"samples": [sample(session, clock.now(), supplier.workspace.wallet)]}
    url = f"/sessions/{session.pk}/telemetry/batch"
    first = supplier.client.post(url, body, idempotency_key="batch-1")
    again = supplier.client.post(url, body, idempotency_key="batch-1")
    assert data(first)["accepted"] == data(again)["accepted"] == 1 and again["Idempotent-Replayed"] == "true"


def test_not_more_than_twenty_requests_a_second(serve, supplier, monkeypatch):
    session = serve()
    url, raw = f"/sessions/{session.pk}/telemetry", sample(session, clock.now(), supplier.workspace.wallet)
    asked = []
    monkeypatch.setattr(ratelimit, "take", lambda *bucket: asked.append(bucket) or (False, 0, 0.05))
    refused = supplier.client.post(url, raw)
    assert code(refused) == (429, "throttled") and refused["Retry-After"] == "1"
    assert (f"telemetry:{session.pk}", 20, 20) in asked
