"""What callers see of a chain: a start that waits for its hold (05 §2, §14, 25), and settlements that wait too long (05 §9)."""

from datetime import timedelta

import pytest

from config.kernel import clock
from nodes.health import tasks as health
from nodes.health.models import HealthEvent
from sessions.field.models import FieldSession
from sessions.media import provider as media_provider
from sessions.media.models import MediaInput
from sessions.settlement import provider
from sessions.settlement.evm import confirming, mirror, relayer
from sessions.settlement.models import Settlement
from tests.cast import ApiClient
from tests.factories.sessions import BOGOTA, key_token, make_session
from tests.sessions.settlement.evm.conftest import deepen
from tests.sessions.settlement.helpers import balances, finished

pytestmark = pytest.mark.django_db
STUCK = "controller.settlement.stuck"


def data(reply):
    assert reply.status_code < 300, reply.content
    return reply.json()["data"]


@pytest.fixture
def media(monkeypatch, settings):
    monkeypatch.setitem(media_provider.ADAPTERS, "fake", "tests.sessions.media.fake.Fake")
    settings.MEDIA_PROVIDER = "fake"
    media_provider.reset()
    yield
    media_provider.reset()


@pytest.fixture
def calls(cast):
    """(the consumer's client, the supplier's)."""
    consumer, operator = cast
    return ApiClient(key_token(consumer, "sessions:read", "sessions:create")), ApiClient(key_token(operator.workspace, "sessions:operate"))


def asked_and_accepted(calls, **more) -> str:
    consumer, supplier = calls
    wish = {"point": {"lat": BOGOTA[0], "lng": BOGOTA[1]}, "maxDurationSeconds": 600, **more}
    pk = data(consumer.post("/sessions", wish))["id"]
    data(supplier.post(f"/sessions/{pk}/accept"))
    return pk


def demand_pending(reply) -> None:
    assert (reply.status_code, reply.json()["code"], reply.json()["transient"]) == (409, "hold_pending", True)
    assert reply["Retry-After"] == "2"
    assert not MediaInput.objects.exists() and FieldSession.objects.get().state == "ASSIGNED"


def test_a_start_waits_until_the_chain_has_its_hold(world, cast, calls, media):
    pk = asked_and_accepted(calls)
    assert balances(cast[0]) == (0, 600_000)
    start = lambda: calls[1].post(f"/sessions/{pk}/start")  # noqa: E731
    demand_pending(start())
    relayer.relay()
    demand_pending(start())
    # Mined, and not deep enough to stay.
    world.mine(mirror.CONFIRMATIONS - 2)
    confirming.confirm()
    demand_pending(start())
    deepen(world)
    started = data(start())
    assert started["whipUrl"].startswith("http") and started["session"]["videoBackendRef"] == started["videoBackendRef"]
    assert data(start())["whipUrl"] == started["whipUrl"]


def test_where_a_withdrawal_was_first_the_start_says_that_it_is_over(world, cast, calls, media):
    pk = asked_and_accepted(calls)
    world.send(world.escrow.functions.withdraw(600_000), cast[0].wallet_address)
    relayer.relay()
    demand_pending(calls[1].post(f"/sessions/{pk}/start"))
    deepen(world)
    reply = calls[1].post(f"/sessions/{pk}/start")
    assert (reply.status_code, reply.json()["code"], reply.json()["data"]["state"]) == (409, "invalid_state", "CANCELLED")
    assert data(calls[0].get(f"/sessions/{pk}"))["endReason"] == "hold_failed"


def test_a_settlement_that_waits_for_more_than_an_hour_is_a_critical_event_until_it_is_settled(world, cast, calls, api, alice, settings):
    session = make_session(cast[0], "LIVE", operator=cast[1], started_at=clock.now() - timedelta(seconds=60))
    provider.current().reserve(session)
    relayer.relay()
    deepen(world)
    settings.EVM_MAX_FEE_GWEI = 0  # fees above the cap: it waits
    finished(session)
    since = Settlement.objects.get().created_at

    def events(after: timedelta) -> list[dict]:
        with clock.frozen(since + after):
            relayer.relay()
            return data(api(alice).get(f"/health-events?type={STUCK}"))

    shown = lambda: data(calls[0].get(f"/sessions/{session.pk}"))["settlement"]["state"]  # noqa: E731
    hour = timedelta(hours=1)
    assert events(timedelta(0)) == events(hour - timedelta(seconds=1)) == events(hour) == [] and shown() == "PENDING"
    (event,) = events(hour + timedelta(seconds=1))
    assert (event["severity"], event["condition"], event["status"]) == ("critical", "firing", "open")
    assert event["details"] == {"sessionIds": [str(session.pk)]}
    (again,) = events(hour + timedelta(seconds=9))
    assert again["id"] == event["id"] and again["condition"] == "firing"
    settings.EVM_MAX_FEE_GWEI = 50
    with clock.frozen(since + hour + timedelta(seconds=10)):
        relayer.relay()
        # On its way is not settled.
        assert shown() == "SUBMITTED" and events(hour + timedelta(seconds=11))[0]["condition"] == "firing"
        deepen(world)
    assert shown() == "CONFIRMED"
    (over,) = events(hour + timedelta(seconds=12))
    assert (over["id"], over["condition"]) == (event["id"], "cleared")
    with clock.frozen(since + hour + timedelta(seconds=12 + settings.HEALTH_KEEP_FIRING_SECONDS)):
        health.liveness.run_once()
    assert HealthEvent.objects.get(type=STUCK).status == "resolved"
