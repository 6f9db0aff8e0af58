"""Which continent an address and a place are on, and what is refused for it."""

import pytest

from sessions.field.geography import Point
from sessions.telemetry import position
from tests.sessions.telemetry.geoip import geoip

# Capitals, islands and edges, with what registries count them to.
PLACES = [
    ("Bogotá", 4.711, -74.072, "SA"), ("Buenos Aires", -34.6, -58.4, "SA"), ("Galápagos", -0.7, -90.3, "SA"), ("Easter Island", -27.1, -109.4, "SA"),
    ("Ushuaia", -54.8, -68.3, "SA"), ("Cayenne", 4.9, -52.3, "SA"), ("Mexico City", 19.4, -99.1, "NA"), ("Panama", 9.0, -79.5, "NA"),
    ("Port of Spain", 10.66, -61.5, "NA"), ("Honolulu", 21.3, -157.8, "NA"), ("Anchorage", 61.2, -149.9, "NA"), ("Nuuk", 64.2, -51.7, "NA"),
    ("Attu", 52.9, 172.9, "NA"), ("Bermuda", 32.3, -64.8, "NA"), ("Reykjavík", 64.1, -21.9, "EU"), ("Lisbon", 38.7, -9.1, "EU"),
    ("Ponta Delgada", 37.7, -25.7, "EU"), ("Las Palmas", 28.1, -15.4, "EU"), ("Athens", 38.0, 23.7, "EU"), ("Nicosia", 35.2, 33.4, "EU"),
    ("Vladivostok", 43.1, 131.9, "EU"), ("Anadyr", 64.7, 177.5, "EU"), ("Provideniya", 64.4, -173.2, "EU"), ("Istanbul", 41.0, 28.9, "AS"),
    ("Tbilisi", 41.7, 44.8, "AS"), ("Astana", 51.2, 71.4, "AS"), ("Tokyo", 35.7, 139.7, "AS"), ("Jakarta", -6.2, 106.8, "AS"), ("Jayapura", -2.5, 140.7, "AS"),
    ("Malé", 4.2, 73.5, "AS"), ("Aden", 12.8, 45.0, "AS"), ("Cairo", 30.0, 31.2, "AF"), ("Cape Town", -33.9, 18.4, "AF"), ("Praia", 14.9, -23.5, "AF"),
    ("Port Louis", -20.2, 57.5, "AF"), ("Jamestown", -15.9, -5.7, "AF"), ("Djibouti", 11.6, 43.1, "AF"), ("Sydney", -33.9, 151.2, "OC"),
    ("Perth", -31.9, 115.9, "OC"), ("Port Moresby", -9.4, 147.2, "OC"), ("Hagåtña", 13.5, 144.8, "OC"), ("Dili", -8.6, 125.6, "OC"),
    ("Auckland", -36.8, 174.8, "OC"), ("Papeete", -17.5, -149.6, "OC"), ("Apia", -13.8, -171.8, "OC"),
]  # fmt: skip
ELSEWHERE = [
    ("Bogotá", 4.711, -74.072, {"AF", "AS", "EU", "OC", "NA"}), ("Berlin", 52.5, 13.4, {"AF", "AS", "NA", "OC", "SA"}),
    ("Nairobi", -1.3, 36.8, {"AS", "EU", "NA", "OC", "SA"}), ("Delhi", 28.6, 77.2, {"AF", "EU", "NA", "OC", "SA"}),
    ("New York", 40.7, -74.0, {"AF", "AS", "EU", "OC", "SA"}), ("Melbourne", -37.8, 145.0, {"AF", "AS", "EU", "NA", "SA"}),
]  # fmt: skip


@pytest.mark.parametrize("name, lat, lng, continent", PLACES, ids=[row[0] for row in PLACES])
def test_where_places_are(name, lat, lng, continent):
    assert continent in position.continents_of(Point(lat, lng))


@pytest.mark.parametrize("name, lat, lng, others", ELSEWHERE, ids=[row[0] for row in ELSEWHERE])
def test_where_they_are_not(name, lat, lng, others):
    assert not position.continents_of(Point(lat, lng)) & others


BOGOTA = Point(4.711, -74.072)


def test_only_a_known_contradiction_is_refused(settings, tmp_path):
    settings.GEOIP_FILE = ""
    assert position.admitted(BOGOTA, "8.8.8.8")
    file = tmp_path / "country.mmdb"
    settings.GEOIP_FILE = str(file)
    assert position.admitted(BOGOTA, "8.8.8.8")
    file.write_bytes(geoip("EU"))
    assert position.continent_of_address("8.8.8.8") == "EU"
    assert not position.admitted(BOGOTA, "8.8.8.8")
    assert position.admitted(Point(52.5, 13.4), "8.8.8.8")
    for unknown in ("203.0.113.9", "::1", "not an address", "", None):
        assert position.admitted(BOGOTA, unknown)
    assert position.admitted(Point(-80, 0), "8.8.8.8")
    newer = tmp_path / "newer.mmdb"
    newer.write_bytes(geoip("SA"))
    newer.replace(file)
    assert position.admitted(BOGOTA, "8.8.8.8")
    file.write_bytes(b"broken")
    assert position.admitted(BOGOTA, "8.8.8.8")
