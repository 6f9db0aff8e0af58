"""Quotes: who gets one, how long it holds, and that one session takes it."""

from datetime import timedelta
from uuid import uuid4

import pytest

from config.kernel import clock
from config.kernel.access import system
from config.kernel.errors import ApiError, FieldError
from config.kernel.ids import uuid7
from sessions.field.geography import Point
from sessions.field.models import FieldSession
from sessions.pricing import policies, services
from sessions.pricing.models import PricingPolicy, Quote
from tests.factories.sessions import BOGOTA, key_token, make_operator, make_session, owned_workspace
from tests.sessions.settlement.helpers import together

pytestmark = pytest.mark.django_db
ACTOR = system("tests")
QUERY = f"/pricing/quote?lat={BOGOTA[0]}&lng={BOGOTA[1]}&durationSeconds=600"


def asked(workspace, **fields) -> FieldSession:
    """A session as it is before it is saved."""
    given = {"lat": BOGOTA[0], "lng": BOGOTA[1], "max_duration_seconds": 600, "environment": "LIVE", **fields}
    return FieldSession(pk=uuid7(), consumer_workspace=workspace, **given)


def quoted(workspace, environment="LIVE") -> Quote:
    return services.quote(workspace=workspace, environment=environment, point=Point(*BOGOTA), duration_seconds=600)


def test_a_key_gets_a_quote(api):
    workspace = owned_workspace(roles=("CONSUMER",))
    told = api(token=key_token(workspace, "pricing:read")).get(QUERY)
    assert told.status_code == 200 and told["Cache-Control"] == "no-store"
    data = told.json()["data"]
    expires = data.pop("expiresAt")
    assert Quote.objects.get(pk=data.pop("quoteId")).workspace == workspace and expires > clock.wire(clock.now())
    assert data == {
        "ratePerSecondMicroUsdc": "1000", "estimatedTotalMicroUsdc": "600000", "baseRatePerSecondMicroUsdc": "1000", "supplyFactorBps": 10000,
        "demandFactorBps": 10000, "corridorFactorBps": 10000, "feeBps": 1500,
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    ["", "lat=nan&lng=0&durationSeconds=60", "lat=91&lng=0&durationSeconds=60", "lat=0&lng=-181&durationSeconds=60", "lat=0&lng=0&durationSeconds=9",
     "lat=0&lng=0&durationSeconds=1000000000", "lat=0&lng=inf&durationSeconds=60", "lat=0&lng=0&durationSeconds=60&x=1"],
)  # fmt: skip
def test_what_is_no_place_or_length_is_refused(api, query):
    workspace = owned_workspace(roles=("CONSUMER",))
    assert api(token=key_token(workspace, "pricing:read")).get(f"/pricing/quote?{query}").status_code == 400


def test_who_may_not_ask(api, mallory, carol):
    workspace = owned_workspace(roles=("CONSUMER",))
    assert api(token=key_token(workspace, "wallet:read")).get(QUERY).json()["data"]["permission"] == "pricing:read"
    assert api(mallory).get(QUERY).status_code == 403 and api(carol).get(QUERY).status_code == 403
    assert api().get(QUERY).status_code == 401
    refused = api(token=key_token(workspace, "pricing:read", environment="TEST")).get(f"{QUERY}&environment=LIVE")
    assert refused.json()["code"] == "environment_mismatch"


def test_a_quote_holds_for_thirty_seconds_and_not_one_more():
    workspace = owned_workspace(roles=("CONSUMER",))
    first, second = quoted(workspace), quoted(workspace)
    with clock.frozen(first.created_at + timedelta(seconds=29.999)):
        session = make_session(workspace)
        assert services.consume_quote(quote_id=first.pk, workspace=workspace, session=session).rate_micro == 1000
    with clock.frozen(second.created_at + timedelta(seconds=30)), pytest.raises(ApiError) as refusal:
        services.consume_quote(quote_id=second.pk, workspace=workspace, session=asked(workspace))
    assert refusal.value.code == "quote_expired"


def test_a_quote_is_for_its_workspace_world_place_and_length():
    workspace, other = owned_workspace(roles=("CONSUMER",)), owned_workspace(roles=("CONSUMER",))
    quote = quoted(workspace)
    cases = [
        (other, {}, "reference_not_found"),
        (workspace, {"environment": "TEST"}, "reference_not_found"),
        (workspace, {"lat": BOGOTA[0] + 101 / 110574.389}, "quote_mismatch"),
        (workspace, {"max_duration_seconds": 601}, "quote_mismatch"),
    ]
    for who, fields, code in cases:
        with pytest.raises(ApiError) as refusal:
            services.consume_quote(quote_id=quote.pk, workspace=who, session=asked(who, **fields))
        assert refusal.value.code == code
    with pytest.raises(ApiError) as refusal:
        services.consume_quote(quote_id=uuid4(), workspace=workspace, session=asked(workspace))
    assert refusal.value.code == "reference_not_found"
    near = make_session(workspace, lat=BOGOTA[0] + 99 / 110574.389, max_duration_seconds=60)
    assert services.consume_quote(quote_id=quote.pk, workspace=workspace, session=near)


@pytest.mark.django_db(transaction=True)
def test_of_two_sessions_one_takes_it():
    workspace = owned_workspace(roles=("CONSUMER",))
    quote = quoted(workspace)
    sessions = [make_session(workspace), make_session(workspace)]
    answers = together(2, lambda index: services.consume_quote(quote_id=quote.pk, workspace=workspace, session=sessions[index]))
    assert sorted(isinstance(answer, str) for answer in answers) == [False, True] and "quote_used" in answers


def test_prices_change_from_now_on_only():
    workspace = owned_workspace(roles=("CONSUMER",))
    quote = quoted(workspace)
    policies.set_policy(actor=ACTOR, base_rate_micro=5000, fee_bps=2000, dynamic=False)
    assert quoted(workspace).rate_micro == 5000
    price = services.consume_quote(quote_id=quote.pk, workspace=workspace, session=make_session(workspace))
    assert (price.rate_micro, price.fee_bps) == (1000, 1500)
    assert list(PricingPolicy.objects.values_list("version", flat=True)) == [1]
    with pytest.raises(FieldError):
        policies.set_policy(actor=ACTOR, base_rate_micro=-1, fee_bps=0, dynamic=False)


def test_dynamic_prices_count_operators_requests_and_corridors():
    consumer, supplier = owned_workspace(roles=("CONSUMER",)), owned_workspace()
    policies.set_policy(actor=ACTOR, base_rate_micro=1000, fee_bps=1500, dynamic=True)
    assert quoted(consumer).rate_micro == 3000
    one, _ = make_operator(supplier), make_operator(supplier)
    assert quoted(consumer).rate_micro == 700
    make_operator(supplier, seen=False), make_operator(supplier, at=(0, 0)), make_operator(supplier, environment="TEST")
    assert quoted(consumer).rate_micro == 700
    one.enabled = False
    one.save()
    make_session(consumer), make_session(consumer, lat=0, lng=0)
    # Two active, one of them free, one request near by.
    assert quoted(consumer).rate_micro == 1000 * 7000 * 20000 // 10**8
    ring = [[-75, 4], [-73, 4], [-73, 5], [-75, 5], [-75, 4]]
    square = {"type": "Polygon", "coordinates": [ring]}
    policies.save_corridor(actor=ACTOR, name="Centre", polygon=square, factor_bps=20000)
    policies.save_corridor(actor=ACTOR, name="Weaker", polygon=square, factor_bps=90000, priority=-1)
    assert quoted(consumer).rate_micro == 2 * 1400
    for wrong in ({}, {"type": "Polygon", "coordinates": [ring[:3]]}, {"type": "Point", "coordinates": [0, 0]}):
        with pytest.raises(FieldError):
            policies.save_corridor(actor=ACTOR, name="x", polygon=wrong, factor_bps=20000)


def test_unused_quotes_are_purged_an_hour_after_their_end():
    workspace = owned_workspace(roles=("CONSUMER",))
    old, used = quoted(workspace), quoted(workspace)
    services.consume_quote(quote_id=used.pk, workspace=workspace, session=make_session(workspace))
    assert services.purge(old.expires_at + timedelta(minutes=59)) == 0
    assert services.purge(old.expires_at + timedelta(minutes=61)) == 1
    assert Quote.objects.get() == used
