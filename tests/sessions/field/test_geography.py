"""Distances and fences, where maps usually go wrong included."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.field.geography import Fence, FenceProblem, Point, check_polygon, distance_m, equivalent_radius_m, geod, inside, is_place, outside_m

BOGOTA = Point(4.711, -74.072)


def square(center, half=0.001):
    """A ring of ±half degrees; longitudes wrap at the antimeridian."""

    def position(lat, lng):
        return [(center[1] + lng + 180) % 360 - 180, center[0] + lat]

    corners = [position(*c) for c in ((-half, -half), (-half, half), (half, half), (half, -half))]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


def polygon(*latlngs):
    return {"type": "Polygon", "coordinates": [[[lng, lat] for lat, lng in (*latlngs, latlngs[0])]]}


DISTANCES = [
    ((0, 0), (0, 1), 111319.491),
    ((0, 0), (1, 0), 110574.389),
    ((0, 179.9995), (0, -179.9995), 111.319),
    ((89.9995, 0), (89.9995, 180), 111.694),
    ((-90, 0), (-90, 77), 0.0),
]


@pytest.mark.parametrize("a, b, expected", DISTANCES)
def test_distances(a, b, expected):
    assert distance_m(Point(*a), Point(*b)) == distance_m(Point(*b), Point(*a)) == expected


@pytest.mark.parametrize("meters, expected", [(99.999, True), (100.0, True), (100.001, False)])
def test_the_edge_of_a_circle_belongs_to_it(meters, expected):
    lng, lat, _ = geod().fwd(BOGOTA.lng, BOGOTA.lat, 45, meters)
    assert inside(Fence(BOGOTA, 100), Point(lat, lng)) is expected


ANTIMERIDIAN = Point(0, 180)
POLE = Point(90, 0)
POLAR_RING = polygon((89.999, 0), (89.999, 90), (89.999, 180), (89.999, -90))
POLYGONS = [
    (ANTIMERIDIAN, square(ANTIMERIDIAN), (0, -180), True),
    (ANTIMERIDIAN, square(ANTIMERIDIAN), (0, 179.9995), True),
    (ANTIMERIDIAN, square(ANTIMERIDIAN), (0.001, 180), True),
    (ANTIMERIDIAN, square(ANTIMERIDIAN), (0, 179.998), False),
    (POLE, POLAR_RING, (90, 123), True),
    (POLE, POLAR_RING, (89.9993, 45), True),
    (POLE, POLAR_RING, (89.9992, 45), False),
    (BOGOTA, square(BOGOTA), (4.711, -74.071), True),
    (BOGOTA, square(BOGOTA), (4.711, -74.0709), False),
]


@pytest.mark.parametrize("center, shape, sample, expected", POLYGONS)
def test_polygons(center, shape, sample, expected):
    check_polygon(shape, center)
    assert inside(Fence(center, polygon=shape), Point(*sample)) is expected


def test_how_far_outside():
    lng, lat, _ = geod().fwd(BOGOTA.lng, BOGOTA.lat, 45, 120)
    assert outside_m(Fence(BOGOTA, 100), Point(lat, lng)) == 20.0
    assert outside_m(Fence(BOGOTA, 100), BOGOTA) == 0
    assert outside_m(Fence(BOGOTA, polygon=square(BOGOTA)), Point(4.711, -74.0709)) == pytest.approx(11.09, abs=0.02)


def test_the_radius_of_equal_area():
    assert equivalent_radius_m(Fence(BOGOTA, 100)) == 100
    sides = distance_m(Point(4.71, -74.072), Point(4.712, -74.072)) * distance_m(Point(4.711, -74.073), Point(4.711, -74.071))
    assert equivalent_radius_m(Fence(BOGOTA, polygon=square(BOGOTA))) == pytest.approx(math.sqrt(sides / math.pi), rel=1e-4)


def ring_of(count):
    return polygon(*[(4.711 + 0.01 * math.cos(k * 2 * math.pi / count), -74.072 + 0.01 * math.sin(k * 2 * math.pi / count)) for k in range(count)])


def test_the_most_positions_a_ring_may_have():
    check_polygon(ring_of(100), BOGOTA)
    with pytest.raises(FenceProblem, match="4 to 101"):
        check_polygon(ring_of(101), BOGOTA)


REFUSED = {
    "bow tie": polygon((4.710, -74.073), (4.712, -74.071), (4.712, -74.073), (4.710, -74.071)),
    "touches itself": polygon((4.71, -74.073), (4.711, -74.072), (4.71, -74.071), (4.712, -74.071), (4.711, -74.072), (4.712, -74.073)),
    "a line": polygon((4.710, -74.073), (4.712, -74.071), (4.710, -74.073)),
    "one place": polygon(BOGOTA, BOGOTA, BOGOTA),
    "too small": square(BOGOTA, 0.00004),
    "elsewhere": square(Point(4.72, -74.072)),
    "too far": square(BOGOTA, 0.46),
    "not closed": {"type": "Polygon", "coordinates": [[[-74.073, 4.71], [-74.071, 4.71], [-74.071, 4.712], [-74.073, 4.712]]]},
    "a hole": {"type": "Polygon", "coordinates": square(BOGOTA)["coordinates"] * 2},
    "no ring": {"type": "Polygon", "coordinates": []},
    "not a number": polygon((math.nan, -74.073), (4.712, -74.071), (4.712, -74.073)),
    "latitude 91": polygon((91, -74.073), (4.712, -74.071), (4.712, -74.073)),
    "a truth": {"type": "Polygon", "coordinates": [[[True, 4.71], [-74.071, 4.71], [-74.071, 4.712], [True, 4.71]]]},
    "another shape": {"type": "MultiPolygon", "coordinates": [square(BOGOTA)["coordinates"]]},
    "a surplus": {**square(BOGOTA), "bbox": [0, 0, 1, 1]},
    "text": "POLYGON((0 0))",
    "nothing": None,
}


@pytest.mark.parametrize("shape", REFUSED.values(), ids=REFUSED)
def test_what_is_no_fence(shape):
    with pytest.raises(FenceProblem):
        check_polygon(shape, BOGOTA)


@pytest.mark.parametrize("lat, lng", [(91, 0), (-90.001, 0), (0, 180.5), (math.nan, 0), (0, math.inf), ("0", 0), (True, 0), (None, 0), (10**400, 0)])
def test_what_is_no_place(lat, lng):
    assert not is_place(lat, lng)


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 360), st.floats(0, 300))
def test_a_circle_is_round_everywhere(lat, lng, bearing, meters):
    there_lng, there_lat, _ = geod().fwd(lng, lat, bearing, meters)
    if abs(meters - 150) > 0.002:
        assert inside(Fence(Point(lat, lng), 150), Point(there_lat, there_lng)) is (meters < 150)
