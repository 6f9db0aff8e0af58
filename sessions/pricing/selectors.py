"""The price in force, and what goes on around a place: operators, open requests, corridors."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from operators.workspaces.devices.models import DeviceOperator
from sessions.field.geography import Fence, Point, distance_m, inside
from sessions.field.models import FieldSession
from sessions.field.states import SERVING, SessionState
from sessions.pricing.models import Corridor, PricingPolicy, Quote

SEEN_SECONDS = 25
DEMAND_METERS = 5_000


def quotes() -> QuerySet[Quote]:
    """All, for `scoped` to narrow."""
    return Quote.objects.all()


def policy() -> PricingPolicy:
    """The version in force; the defaults where nobody has set one."""
    return PricingPolicy.objects.order_by("-version").first() or PricingPolicy(version=0)


def supply(point: Point, environment: str, at: datetime) -> tuple[int, int]:
    """(active, available): operators who cover the point and were seen within 25 s, and those of them who are free to serve."""
    serving = FieldSession.objects.filter(operator=OuterRef("pk"), state__in=SERVING)
    rows = (
        DeviceOperator.objects.filter(
            environment=environment, deleted_at=None, coverage_radius_meters__isnull=False, last_seen_at__gte=at - timedelta(seconds=SEEN_SECONDS)
        )
        .annotate(is_busy=Exists(serving))
        .values_list(
            "coverage_lat", "coverage_lng", "home_lat", "home_lng", "coverage_radius_meters", "enabled", "workspace__declared_offline", "is_busy"
        )
    )
    active = available = 0
    for lat, lng, home_lat, home_lng, radius, enabled, offline, busy in rows:
        center = Point(lat, lng) if lat is not None else Point(home_lat, home_lng)
        if distance_m(center, point) > radius:
            continue
        active += 1
        available += enabled and not offline and not busy
    return active, available


def open_requests(point: Point, environment: str) -> int:
    """REQUESTED sessions at most 5 km away."""
    places = FieldSession.objects.filter(state=SessionState.REQUESTED, environment=environment).values_list("lat", "lng")
    return sum(distance_m(Point(*place), point) <= DEMAND_METERS for place in places)


def corridor(point: Point) -> Corridor | None:
    """The enabled corridor of the highest priority around the point."""
    for row in Corridor.objects.filter(enabled=True).order_by("-priority", "name"):
        if inside(Fence(point, polygon=row.polygon), point):
            return row
    return None
