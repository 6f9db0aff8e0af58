"""What a log gives away: jumps, silence, and positions without noise."""

import pytest

from sessions.field.geography import Point, geod
from sessions.telemetry.states import Flag
from sessions.telemetry.trust import Logged, flags, implausible, reached

START = Point(4.711, -74.072)


def at(seconds: float, meters: float = 0, *, accuracy=0.0, source="gps", verdict="in_fence", signed=True) -> Logged:
    lng, lat, _ = geod().fwd(START.lng, START.lat, 90, meters)
    return Logged(int(seconds * 1000), lat, lng, accuracy, source, verdict, signed)


def walk(count: int, step: float = 1.0, pace: float = 1.0, first: float = 0.5) -> list[Logged]:
    return [at(first + k * step, k * pace) for k in range(count)]


@pytest.mark.parametrize(
    "kind, limit", [("phone", 56), ("laptop", 56), ("drone", 60), ("robot", 30), ("ptz", 3), ("fixed", 3), ("other", 100)]
)  # fmt: skip
def test_each_kind_has_its_speed(kind, limit):
    assert implausible([at(0), at(2, limit * 2 - 0.01)], kind) == set()
    assert implausible([at(0), at(2, limit * 2 + 0.01)], kind) == {2000}


def test_accuracies_are_granted():
    assert implausible([at(0, accuracy=100), at(1, 250, accuracy=95)], "phone") == set()
    assert implausible([at(0, accuracy=100), at(1, 252, accuracy=95)], "phone") == {1000}


def test_a_phone_that_jumps_and_stays_loses_one_sample():
    log = [*walk(5), *[at(5.5 + k, 500 + k) for k in range(5)]]
    assert implausible(log, "phone") == {5500}
    assert implausible(reversed(log), "phone") == {5500}


def test_what_proves_nothing_neither_covers_nor_makes_a_jump():
    assert implausible([at(0), at(1, 300, accuracy=5000, verdict="inaccurate"), at(2, 600)], "phone") == {2000}
    assert implausible([at(0), at(1, 9000, source="manual", verdict="unusable_source"), at(2, 2)], "phone") == set()


def test_an_orderly_log_has_no_flag():
    assert flags(walk(60), "phone", 0, 60_000, set()) == []
    assert flags(walk(120, step=0.5), "phone", 0, 60_000, set()) == []
    assert flags(walk(9), "phone", 0, 9_000, set()) == []


@pytest.mark.parametrize(
    "log",
    [
        walk(40, step=1.5),
        walk(30) + walk(19, first=40.5),
        walk(30),
        walk(49, first=10.5),
        [],
    ],
    ids=["every 1.5 s", "a gap of ten seconds", "stops", "begins late", "nothing"],
)
def test_a_slow_beacon(log):
    assert flags(log, "phone", 0, 60_000, set()) == [Flag.SLOW_BEACON]


def test_sixty_equal_points_are_no_sensor():
    still = [at(k + 0.5) for k in range(60)]
    assert flags(still, "phone", 0, 60_000, set()) == [Flag.NO_SENSOR_NOISE]
    assert flags(still, "fixed", 0, 60_000, set()) == []
    assert flags([*still[:59], at(59.5, 1)], "phone", 0, 60_000, set()) == []
    assert flags([row._replace(source="network") for row in still], "phone", 0, 60_000, set()) == []


def test_how_far_trust_reaches():
    log = walk(60)
    assert reached(log, 1, [], challenged=False) == 1
    assert reached(log, 2, [], challenged=True) == 2
    assert reached(log, 3, [], challenged=True) == 3
    assert reached(log, 2, [Flag.SLOW_BEACON], challenged=True) == 0
    assert reached([*log, at(60.5, 60, verdict="challenge_missing")], 2, [], challenged=True) == 1
    assert reached([row._replace(signed=False) for row in log], 1, [], challenged=False) == 0
    assert reached([], 1, [], challenged=False) == 0
