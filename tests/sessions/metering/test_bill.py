"""From the request to the money, over the API: what a session costs, to the second and the micro."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from config.kernel import clock
from sessions.field import services as field
from sessions.media.models import MediaEvent, MediaInput
from sessions.telemetry.models import TelemetryChallenge
from tests.cast import ApiClient
from tests.factories.sessions import BOGOTA, key_token, make_operator, owned_workspace
from tests.factories.telemetry import sample
from tests.sessions.settlement.helpers import balances, fund, system_balance

pytestmark = pytest.mark.django_db


def data(reply):
    assert reply.status_code < 300, reply.content
    return reply.json()["data"]


@pytest.fixture
def start():
    return clock.now().replace(microsecond=0)


@pytest.fixture
def consumer(db):
    workspace = owned_workspace(roles=["CONSUMER"])
    return SimpleNamespace(workspace=workspace, client=ApiClient(key_token(workspace, "sessions:read", "sessions:create", "wallet:read")))


@pytest.fixture
def supplier(db):
    workspace = owned_workspace(roles=["SUPPLIER"])
    operator = make_operator(workspace, last_seen_at=clock.now() + timedelta(hours=1))
    client = ApiClient(key_token(workspace, "sessions:read", "sessions:operate", "wallet:read"))
    return SimpleNamespace(workspace=workspace, operator=operator, client=client)


@pytest.fixture
def go(consumer, supplier, start):
    """`go(**wish)`: a session that is LIVE since `start`; the pool holds exactly what it may cost."""

    def make(pool=600_000, **wish) -> str:
        fund(consumer.workspace, pool)
        with clock.frozen(start):
            body = {"point": {"lat": BOGOTA[0], "lng": BOGOTA[1]}, "maxDurationSeconds": 600, **wish}
            session_id = data(consumer.client.post("/sessions", body))["id"]
            data(supplier.client.post(f"/sessions/{session_id}/accept", {"operatorId": str(supplier.operator.pk)}))
            assert field.go_live(session_id, start)
        return session_id

    return make


def after(start, seconds):
    return clock.frozen(start + timedelta(seconds=seconds))


def media(session_id, start, *facts):
    """Events of the provider: (second, "lost" or "flowing")."""
    made, _ = MediaInput.objects.get_or_create(session_id=session_id, defaults={"provider": "embedded", "minting_at": start})
    for second, kind in facts:
        at = start + timedelta(seconds=second)
        MediaEvent.objects.create(
            provider="embedded", event_id=f"{session_id}-{second}-{kind}", input=made, ref="x", kind=kind, at=at, received_at=at
        )


def seconds_of(session) -> tuple:
    return session["meteredSeconds"], session["cleanSeconds"], session["failedSeconds"]


def money_of(session) -> tuple:
    return session["chargedMicroUsdc"], session["operatorEarnedMicroUsdc"], session["feeMicroUsdc"]


def test_a_minute_of_a_pool_of_ten(go, consumer, supplier, start):
    session_id = go()
    assert balances(consumer.workspace) == (0, 600_000)
    body = {"point": {"lat": BOGOTA[0], "lng": BOGOTA[1]}, "maxDurationSeconds": 600}
    refused = consumer.client.post("/sessions", body)
    assert refused.status_code == 409 and refused.json()["code"] == "insufficient_pool"
    assert refused.json()["data"] == {"requiredMicroUsdc": "600000", "availableMicroUsdc": "0"}
    fees = system_balance("fees")
    with after(start, 60):
        session = data(consumer.client.post(f"/sessions/{session_id}/end"))
    assert (session["state"], session["endReason"], seconds_of(session)) == ("ENDED", "consumer", (60, 60, 0))
    assert money_of(session) == ("60000", "51000", "9000") and session["meterFinal"] is True
    assert balances(consumer.workspace) == (540_000, 0) and balances(supplier.workspace) == (51_000, 0)
    assert system_balance("fees") == fees + 9000
    meter = data(supplier.client.get(f"/sessions/{session_id}/meter"))
    assert meter["final"] is True and seconds_of(meter) == (60, 60, 0) and money_of(meter) == money_of(session)
    assert meter["failedIntervals"] == [] and len(meter["inputHash"]) == 64 and meter["version"] == 1


def test_a_micro_too_little(consumer):
    fund(consumer.workspace, 599_999)
    refused = consumer.client.post("/sessions", {"point": {"lat": BOGOTA[0], "lng": BOGOTA[1]}, "maxDurationSeconds": 600})
    assert refused.status_code == 409 and refused.json()["data"] == {"requiredMicroUsdc": "600000", "availableMicroUsdc": "599999"}


def test_a_publisher_that_was_away_for_ten_seconds(go, supplier, start):
    session_id = go()
    media(session_id, start, (0, "flowing"), (20, "lost"), (30, "flowing"))
    with after(start, 45):
        meter = data(supplier.client.get(f"/sessions/{session_id}/meter"))
        assert meter["final"] is False and seconds_of(meter) == (45, 35, 10) and meter["chargedMicroUsdc"] == "35000"
    with after(start, 60):
        session = data(supplier.client.post(f"/sessions/{session_id}/end"))
    assert (session["endReason"], seconds_of(session)) == ("operator", (60, 50, 10)) and money_of(session) == ("50000", "42500", "7500")
    meter = data(supplier.client.get(f"/sessions/{session_id}/meter"))
    at = clock.wire(start + timedelta(seconds=20)), clock.wire(start + timedelta(seconds=30))
    assert meter["failedIntervals"] == [{"from": at[0], "to": at[1], "reason": "media_lost"}]


def test_after_the_longest_duration_it_expired_there(go, supplier, start):
    session_id = go()
    with after(start, 700):
        session = data(supplier.client.post(f"/sessions/{session_id}/end"))
    assert (session["state"], session["endReason"]) == ("EXPIRED", "max_duration") and money_of(session)[0] == "600000"
    assert session["endedAt"] == clock.wire(start + timedelta(seconds=600))


def test_only_proven_seconds_are_paid_in_telemetry_mode(go, supplier, consumer, start):
    session_id = go(mode="telemetry")
    session = SimpleNamespace(pk=session_id)
    wallet = supplier.workspace.wallet

    def walk(first, meters):
        return [sample(session, start + timedelta(seconds=first + k), wallet, meters=meters + k * 0.1) for k in range(20)]

    inside, outside, back = walk(0.5, 95), walk(20.5, 101), walk(40.5, 95)
    for second, raws in ((20, inside), (40, outside), (60, back)):
        with after(start, second):
            answer = data(supplier.client.post(f"/sessions/{session_id}/telemetry/batch", {"samples": raws}))
            assert answer["accepted"] == 20
    with after(start, 60):
        ended = data(consumer.client.post(f"/sessions/{session_id}/end"))
    assert seconds_of(ended) == (60, 42, 18) and money_of(ended) == ("42000", "35700", "6300")
    assert ended["trust"]["required"] == 1 and balances(supplier.workspace) == (35_700, 0)
    meter = data(consumer.client.get(f"/sessions/{session_id}/meter"))
    assert meter["samples"] == {"in_fence": 40, "out_of_fence": 20}
    late = supplier.client.post(f"/sessions/{session_id}/telemetry", sample(session, start + timedelta(seconds=59), wallet))
    assert late.status_code == 409 and late.json()["code"] == "invalid_state"


def test_a_session_of_the_test_world_costs_nothing(supplier, start):
    consumer = owned_workspace(roles=["CONSUMER"])
    asks = ApiClient(key_token(consumer, "sessions:read", "sessions:create", environment="TEST"))
    serves = ApiClient(key_token(supplier.workspace, "sessions:read", "sessions:operate", environment="TEST"))
    with clock.frozen(start):
        session_id = data(asks.post("/sessions", {"point": {"lat": BOGOTA[0], "lng": BOGOTA[1]}, "maxDurationSeconds": 600}))["id"]
        data(serves.post(f"/sessions/{session_id}/accept", {}))
        assert field.go_live(session_id, start)
    with after(start, 60):
        session = data(asks.post(f"/sessions/{session_id}/end"))
    assert seconds_of(session) == (60, 60, 0) and money_of(session) == ("60000", "51000", "9000")
    assert session["settlement"]["state"] == "NONE" and balances(consumer) == (0, 0)


def test_a_session_that_never_was_live_has_an_empty_meter(consumer, supplier, start):
    fund(consumer.workspace, 600_000)
    session_id = data(consumer.client.post("/sessions", {"point": {"lat": BOGOTA[0], "lng": BOGOTA[1]}, "maxDurationSeconds": 600}))["id"]
    meter = data(consumer.client.get(f"/sessions/{session_id}/meter"))
    assert (seconds_of(meter), meter["final"], meter["startedAt"], meter["inputHash"]) == ((0, 0, 0), False, None, None)
    data(consumer.client.delete(f"/sessions/{session_id}"))
    meter = data(consumer.client.get(f"/sessions/{session_id}/meter"))
    assert meter["final"] is True and meter["chargedMicroUsdc"] == "0"


def test_a_session_of_tier_two_is_asked_at_once(go, supplier, start):
    session_id = go(mode="telemetry", requiredTrustTier=2)
    assert TelemetryChallenge.objects.get(session_id=session_id).issued_at == start
    raws = [sample(SimpleNamespace(pk=session_id), start + timedelta(seconds=0.5 + k), supplier.workspace.wallet, meters=k * 0.1) for k in range(20)]
    with after(start, 20):
        answer = data(supplier.client.post(f"/sessions/{session_id}/telemetry/batch", {"samples": raws}))
        assert answer["accepted"] == 20 and answer["challenge"] == TelemetryChallenge.objects.get(session_id=session_id).nonce
        ended = data(supplier.client.post(f"/sessions/{session_id}/end"))
    # Signed in advance: five seconds of grace, three of freshness.
    assert seconds_of(ended) == (20, 7, 13) and ended["trust"] == {"required": 2, "reached": 1, "flags": []}


def test_what_can_be_sent_now_and_by_whom(go, supplier, consumer, start):
    session_id = go()
    with after(start, 1):
        mine = data(supplier.client.get(f"/sessions/{session_id}/actions"))["actions"]
        theirs = data(consumer.client.get(f"/sessions/{session_id}/actions"))["actions"]
    for name in ("telemetry", "provenance"):
        assert mine[name]["enabled"] is True and theirs[name]["enabled"] is False
