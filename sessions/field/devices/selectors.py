"""Which device operators there are, what they show, and how far they are from a point."""

from django.db.models import BooleanField, ExpressionWrapper, F, FloatField, Func, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from operators.workspaces.devices.models import DeviceKey, DeviceOperator
from sessions.field.availability import with_availability

EARTH_METERS = 6371008.8
# The sphere is off by at most 0.6 %: within NARROWER of a radius is surely inside, beyond WIDER surely outside.
NARROWER, WIDER = 0.99, 1.01


def operators() -> QuerySet[DeviceOperator]:
    """All that were not deleted, with their availability, for `scoped` to narrow."""
    return with_availability(DeviceOperator.objects.filter(deleted_at=None).select_related("workspace"))


def keys(operator_id=None) -> QuerySet[DeviceKey]:
    """All, or those of one operator, revoked ones too."""
    rows = DeviceKey.objects.select_related("operator").annotate(is_active=ExpressionWrapper(Q(revoked_at=None), output_field=BooleanField()))
    return rows if operator_id is None else rows.filter(operator_id=operator_id)


class _Haversine(Func):
    """Metres on a sphere; within 0.6 % of the geodesic, so 1 % more than a radius misses nobody."""

    def as_sql(self, compiler, connection, **context):
        parts = [compiler.compile(expression) for expression in self.source_expressions]
        (lat, lat_p), (lng, lng_p), (here, here_p), (east, east_p) = parts
        sql = (
            f"(2 * {EARTH_METERS} * asin(least(1, sqrt(power(sin(radians({here} - {lat}) / 2), 2) + "
            f"cos(radians({lat})) * cos(radians({here})) * power(sin(radians({east} - {lng}) / 2), 2)))))"
        )
        return sql, [*here_p, *lat_p, *lat_p, *here_p, *east_p, *lng_p]


def sphere_m(lat, lng, here_lat, here_lng) -> Func:
    """Rough metres between two places, each a pair of columns, expressions or numbers: narrows in SQL, decides nothing."""
    return _Haversine(*map(_expression, (lat, lng, here_lat, here_lng)), output_field=FloatField())


def _expression(given):
    if isinstance(given, str):
        return F(given)
    return given if hasattr(given, "resolve_expression") else Value(float(given), output_field=FloatField())


def center() -> tuple[Coalesce, Coalesce]:
    """Around what an operator serves: its coverage's own center, else its home."""
    return Coalesce("coverage_lat", "home_lat"), Coalesce("coverage_lng", "home_lng")


def near_coverage(rows: QuerySet[DeviceOperator], point) -> QuerySet[DeviceOperator]:
    """Operators that may cover the point; the geodesic decides."""
    rows = rows.filter(coverage_radius_meters__isnull=False).alias(off=sphere_m(*center(), *point))
    return rows.filter(off__lte=F("coverage_radius_meters") * WIDER)


def point_or_none(lat, lng) -> dict | None:
    """The wire form of a place."""
    return None if lat is None else {"lat": lat, "lng": lng}


def coverage_of(operator: DeviceOperator) -> dict | None:
    """The wire form of where it serves; the centre only where it is its own."""
    if operator.coverage_radius_meters is None:
        return None
    center = point_or_none(operator.coverage_lat, operator.coverage_lng) or point_or_none(operator.home_lat, operator.home_lng)
    return {"center": center, "radius_meters": operator.coverage_radius_meters}
