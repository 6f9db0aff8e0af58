"""Distances and fences on WGS84. Pure; degrees in, metres out.

No decision uses boxes of latitude and longitude. A polygon and a sample are laid on the azimuthal-equidistant plane around the session's
point, so the antimeridian and the poles are ordinary places.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from config.kernel import later

pyproj, shapely = later.module("pyproj"), later.module("shapely")
RADIUS_METERS = (5, 50_000)
REACH_METERS = 50_000
POSITIONS = (4, 101)
LEAST_AREA_SQUARE_METERS = 100
# A sample within a millimetre of the edge is inside.
TOLERANCE_METERS = 0.001


class Point(NamedTuple):
    """WGS84 degrees: latitude −90 to 90, longitude −180 to 180."""

    lat: float
    lng: float


class Fence(NamedTuple):
    """Where a session takes place: a circle, or a polygon (`radius_meters` is then None)."""

    center: Point
    radius_meters: int | None = None
    polygon: Mapping[str, Any] | None = None


class FenceProblem(ValueError):
    """A polygon that cannot be a fence; the message says why, for people."""


def is_place(lat: Any, lng: Any) -> bool:
    """Two finite numbers in range: NaN, infinities, booleans and text are no place."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (lat, lng))
    return numbers and -90 <= lat <= 90 and -180 <= lng <= 180


@cache
def geod() -> "pyproj.Geod":
    """The earth of WGS84. `inv` and `fwd` take longitude before latitude."""
    return pyproj.Geod(ellps="WGS84")


def distance_m(a: Point, b: Point) -> float:
    """Length of the geodesic in metres, rounded to the millimetre."""
    return round(geod().inv(a[1], a[0], b[1], b[0])[2], 3)


def inside(fence: Fence, point: Point) -> bool:
    """Whether the point lies in the fence; its edge belongs to it."""
    return outside_m(fence, point) == 0


def outside_m(fence: Fence, point: Point) -> float:
    """How far outside of the fence the point lies, in metres; 0 inside."""
    if fence.polygon is None:
        return max(0.0, round(distance_m(fence.center, point) - fence.radius_meters, 3))
    beyond = _area(fence.center, _ring(fence.polygon)).distance(shapely.Point(_plane(fence.center, point)))
    return 0.0 if beyond <= TOLERANCE_METERS else beyond


def equivalent_radius_m(fence: Fence) -> float:
    """The circle's radius, or that of the circle as large as the polygon."""
    if fence.polygon is None:
        return float(fence.radius_meters)
    return math.sqrt(_area(fence.center, _ring(fence.polygon)).area / math.pi)


def check_polygon(polygon: Any, center: Point) -> None:
    """Raise FenceProblem unless it is a GeoJSON polygon that may fence `center`.

    One closed ring of 4 to 101 positions `[lng, lat]`, each at most 50 km from the centre, not crossing itself, at least 100 m², around the centre.
    """
    if not isinstance(polygon, Mapping) or set(polygon) != {"type", "coordinates"} or polygon["type"] != "Polygon":
        raise FenceProblem("A GeoJSON object with the type Polygon and its coordinates is needed.")
    rings = polygon["coordinates"]
    if not isinstance(rings, list | tuple) or len(rings) != 1 or not isinstance(rings[0], list | tuple):
        raise FenceProblem("Exactly one ring is allowed.")
    ring = rings[0]
    if not POSITIONS[0] <= len(ring) <= POSITIONS[1]:
        raise FenceProblem(f"The ring needs {POSITIONS[0]} to {POSITIONS[1]} positions.")
    if not all(isinstance(position, list | tuple) and len(position) == 2 and is_place(position[1], position[0]) for position in ring):
        raise FenceProblem("Each position is [longitude, latitude], in degrees.")
    if tuple(ring[0]) != tuple(ring[-1]):
        raise FenceProblem("The ring must end where it begins.")
    if any(distance_m(center, Point(lat, lng)) > REACH_METERS for lng, lat in ring):
        raise FenceProblem(f"Every position must lie within {REACH_METERS // 1000} km of the point.")
    corners = [_plane(center, Point(lat, lng)) for lng, lat in ring]
    if len(set(corners)) < 3 or not shapely.LinearRing(corners).is_simple or not shapely.Polygon(corners).is_valid:
        raise FenceProblem("The ring must not cross or touch itself.")
    area = shapely.Polygon(corners)
    if area.area < LEAST_AREA_SQUARE_METERS:
        raise FenceProblem(f"The area must be at least {LEAST_AREA_SQUARE_METERS} m².")
    if area.distance(shapely.Point(0.0, 0.0)) > TOLERANCE_METERS:
        raise FenceProblem("The polygon must contain the point.")


def _plane(center: Point, point: Point) -> tuple[float, float]:
    """Metres east and north of the centre, true in distance and bearing."""
    azimuth, _, distance = geod().inv(center[1], center[0], point[1], point[0])
    radians = math.radians(azimuth)
    return distance * math.sin(radians), distance * math.cos(radians)


def _ring(polygon: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    positions: Sequence = polygon["coordinates"][0]
    return tuple((float(lng), float(lat)) for lng, lat in positions)


@lru_cache(maxsize=256)
def _area(center: Point, ring: tuple[tuple[float, float], ...]) -> "shapely.Polygon":
    """The fence on the plane; kept, since a session asks for the same one each second."""
    return shapely.Polygon([_plane(center, Point(lat, lng)) for lng, lat in ring])
