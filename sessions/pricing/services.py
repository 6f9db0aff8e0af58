"""Pricing: the spot rate at a place, quotes that hold it for 30 seconds, and their use by one session (05 §8)."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from config.kernel import clock
from config.kernel.errors import ApiError
from operators.workspaces.models import Workspace
from sessions.field.geography import Point, distance_m
from sessions.field.models import FieldSession
from sessions.pricing import selectors
from sessions.pricing.models import PricingPolicy, Quote
from sessions.pricing.states import BASIS, Factors, demand_bps, rate, supply_bps

QUOTE_SECONDS = 30
QUOTE_REACH_METERS = 100


class Price(NamedTuple):
    """What a session is stamped with: µUSDC per second and basis points; the other fields say how it came about."""

    rate_micro: int
    fee_bps: int
    base_rate_micro: int = 0
    factors: Factors = Factors()


def rate_for(*, point: Point, environment: str, at: datetime) -> Price:
    """The spot rate at a place."""
    policy = selectors.policy()
    factors = _factors(policy, point, environment, at)
    return Price(rate(policy.base_rate_micro, factors), policy.fee_bps, policy.base_rate_micro, factors)


def _factors(policy: PricingPolicy, point: Point, environment: str, at: datetime) -> Factors:
    if not policy.dynamic:
        return Factors()
    active, available = selectors.supply(point, environment, at)
    demand = demand_bps(available, selectors.open_requests(point, environment))
    corridor = selectors.corridor(point)
    return Factors(supply_bps(active), demand, corridor.factor_bps if corridor else BASIS)


def quote(*, workspace: Workspace | None, environment: str, point: Point, duration_seconds: int) -> Quote:
    """Promise the spot rate for 30 seconds; without a workspace (installation roles) it is to look at, and nobody can use it."""
    now = clock.now()
    price = rate_for(point=point, environment=environment, at=now)
    return Quote.objects.create(
        workspace=workspace, environment=environment, lat=point.lat, lng=point.lng, duration_seconds=duration_seconds,
        base_rate_micro=price.base_rate_micro, supply_bps=price.factors.supply, demand_bps=price.factors.demand, corridor_bps=price.factors.corridor,
        rate_micro=price.rate_micro, fee_bps=price.fee_bps, created_at=now, expires_at=now + timedelta(seconds=QUOTE_SECONDS),
    )  # fmt: skip


def consume_quote(*, quote_id: UUID, workspace: Workspace, session: FieldSession) -> Price:
    """Use it up for this session (which need not be saved yet), inside the transaction that creates it: of two, one wins.

    ApiError reference_not_found (unknown, or another workspace's), quote_used, quote_expired, quote_mismatch.
    """
    mine = Quote.objects.filter(pk=quote_id, workspace=workspace, environment=session.environment)
    found = mine.first()
    if found is None:
        raise ApiError("reference_not_found", data={"path": "quoteId"})
    _demand_fit(found, session)
    if not mine.filter(used_by=None, expires_at__gt=clock.now()).update(used_by=session.pk):
        _demand_usable(mine.get())
    return Price(found.rate_micro, found.fee_bps, found.base_rate_micro, Factors(found.supply_bps, found.demand_bps, found.corridor_bps))


def _demand_fit(found: Quote, session: FieldSession) -> None:
    _demand_usable(found, sure=False)
    apart = distance_m(Point(found.lat, found.lng), Point(session.lat, session.lng))
    if apart > QUOTE_REACH_METERS or session.max_duration_seconds > found.duration_seconds:
        raise ApiError("quote_mismatch", data={"distance_meters": apart, "duration_seconds": found.duration_seconds})


def _demand_usable(found: Quote, *, sure: bool = True) -> None:
    """`sure`: the update that tried to use it said no."""
    if found.used_by_id is not None:
        raise ApiError("quote_used")
    if sure or found.expires_at <= clock.now():
        raise ApiError("quote_expired")


def purge(now: datetime) -> int:
    """Unused quotes an hour after their end."""
    return Quote.objects.filter(used_by=None, expires_at__lt=now - timedelta(hours=1)).delete()[0]
