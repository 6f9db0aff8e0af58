"""Tier 0: whether the caller's address can be where the session is, as far as continents go (05 §6). What is not known passes.

The continents are drawn generously and overlap: islands and territories lie in each that a registry might count them to, all of Russia in Europe and
in Asia. They refuse only what is plainly elsewhere, and decide nothing else; fences are `sessions.field.geography`'s.
"""

from functools import cache, lru_cache
from pathlib import Path

import structlog
from django.conf import settings

from config.kernel import later
from sessions.field.geography import Point

maxminddb, shapely = later.module("maxminddb"), later.module("shapely")
log = structlog.get_logger("telemetry")

# (longitude, latitude); what crosses the antimeridian is drawn in two parts.
_OUTLINES = {
    "AF": [[(-28, 39), (12, 39), (37, 33), (37, 27), (45, 11), (62, 14), (75, -25), (60, -52), (5, -48), (-18, -42), (-28, 5)]],
    "AS": [
        [(25, 34), (25, 43), (38, 43), (38, 82), (180, 82), (180, 50), (150, 40), (150, 20), (136, 5), (143, -2), (143, -13), (95, -15), (65, -10),
         (60, 10), (44, 10), (32, 27)],
        [(-180, 60), (-180, 74), (-168, 74), (-168, 60)],
    ],
    "EU": [
        [(-34, 26), (-12, 26), (-5, 33), (37, 33), (37, 40), (55, 40), (60, 48), (85, 47), (120, 48), (132, 41), (150, 42), (180, 50), (180, 84),
         (-34, 84)],
        [(-180, 60), (-180, 74), (-168, 74), (-168, 60)],
    ],
    "NA": [
        [(-180, 84), (-180, 15), (-120, 12), (-84, 6.5), (-77, 6.5), (-71, 10), (-57, 9.5), (-50, 20), (-50, 42), (-40, 55), (-9, 70), (-9, 84)],
        [(165, 50), (165, 56), (180, 56), (180, 50)],
    ],
    "OC": [
        [(94, -8), (120, -6), (128, 2), (128, 24), (180, 30), (180, -60), (110, -60), (94, -30)],
        [(-180, 32), (-150, 32), (-120, 5), (-105, -30), (-150, -60), (-180, -60)],
    ],
    "SA": [[(-115, -20), (-115, -35), (-80, -60), (-22, -62), (-22, 0), (-50, 14), (-83, 15), (-95, 6)]],
}  # fmt: skip


@cache
def _continents() -> "dict[str, shapely.MultiPolygon]":
    return {code: shapely.MultiPolygon([shapely.Polygon(part) for part in parts]) for code, parts in _OUTLINES.items()}


def continents_of(point: Point) -> frozenset[str]:
    """Every continent that the place may be counted to; empty at sea and around the south pole."""
    place = shapely.Point(point.lng, point.lat)
    return frozenset(code for code, outline in _continents().items() if outline.covers(place))


def admitted(point: Point, ip: str | None) -> bool:
    """False only if the address is known to be on a continent where the place is not."""
    if not settings.GEOIP_FILE or not ip:
        return True
    here, there = continents_of(point), continent_of_address(ip)
    return there not in _OUTLINES or not here or there in here


def continent_of_address(ip: str) -> str | None:
    """The two letters of the GeoIP file, None for an address that is not in it, or without a readable file."""
    path = Path(settings.GEOIP_FILE)
    try:
        found = _reader(path, path.stat().st_mtime_ns).get(ip)
        return found["continent"]["code"]
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        log.warning("geoip_unreadable", error=type(error).__name__)
    except (ValueError, KeyError, TypeError):
        pass
    return None


@lru_cache(maxsize=1)
def _reader(path: Path, changed: int) -> "maxminddb.Reader":
    """The open file; a newer one in its place is opened anew."""
    return maxminddb.open_database(path)
