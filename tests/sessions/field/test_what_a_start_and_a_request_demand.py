"""Where a start comes from, and what the media provider in force can't give (05 §2, §6)."""

import pytest

from sessions.field.models import FieldSession
from sessions.media import provider
from sessions.media.models import MediaInput
from tests.cast import ApiClient
from tests.factories.sessions import key_token
from tests.sessions.settlement.helpers import balances
from tests.sessions.telemetry.geoip import geoip

pytestmark = pytest.mark.django_db
# In Europe by the file of these tests, and in no file.
EUROPEAN, UNKNOWN = "8.8.8.8", "203.0.113.9"


def code(reply):
    return reply.status_code, reply.json().get("code")


@pytest.fixture
def assigned(supplier, request_session, media, settings, tmp_path):
    """(id, `start(peer, **headers)`) of a session in Bogotá that its operator has; the addresses of the lower half are Europe's."""
    file = tmp_path / "country.mmdb"
    file.write_bytes(geoip("EU"))
    settings.GEOIP_FILE = str(file)
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    pk = request_session()
    assert supplier.client.post(f"/sessions/{pk}/accept").status_code == 200
    token = key_token(supplier.workspace, "sessions:operate")
    return pk, lambda peer, **headers: ApiClient(token, REMOTE_ADDR=peer).post(f"/sessions/{pk}/start", **headers)


def test_a_start_from_another_continent_is_refused_and_changes_nothing(assigned):
    pk, start = assigned
    elsewhere = start(EUROPEAN)
    assert code(elsewhere) == (409, "position_not_admitted") and not elsewhere.json()["transient"]
    assert FieldSession.objects.get(pk=pk).state == "ASSIGNED" and not MediaInput.objects.exists()
    assert "session.started" not in FieldSession.objects.get(pk=pk).events.values_list("type", flat=True)
    assert start(UNKNOWN).status_code == 200
    # Asked at each start: the URLs are not told to another continent either.
    assert code(start(EUROPEAN)) == (409, "position_not_admitted")


def test_the_address_is_the_callers_and_not_what_the_caller_says(assigned):
    _, start = assigned
    assert code(start(EUROPEAN, x_forwarded_for=UNKNOWN)) == (409, "position_not_admitted")
    assert code(start("127.0.0.1", x_forwarded_for=EUROPEAN)) == (409, "position_not_admitted")
    assert start("127.0.0.1", x_forwarded_for=UNKNOWN).status_code == 200


def test_on_the_continent_of_the_point_it_starts(assigned, tmp_path):
    _, start = assigned
    newer = tmp_path / "newer.mmdb"
    newer.write_bytes(geoip("SA"))
    newer.replace(tmp_path / "country.mmdb")
    assert start(EUROPEAN).status_code == 200


def test_what_is_over_says_so_wherever_the_caller_is(assigned, consumer):
    pk, start = assigned
    assert consumer.client.delete(f"/sessions/{pk}").status_code == 200
    assert code(start(EUROPEAN)) == (409, "invalid_state")


@pytest.fixture
def in_force(settings):
    """`in_force(name)`: new sessions get their media from this real adapter."""

    def use(name: str):
        settings.MEDIA_PROVIDER = name
        settings.LIVEKIT_API_SECRET = "secret-of-at-least-thirty-two-characters"
        provider.reset()

    yield use
    provider.reset()


@pytest.mark.parametrize(("name", "admits"), [("embedded", True), ("mediamtx", True), ("cloudflare", False), ("livekit", False)])
def test_tier_three_needs_an_edge_that_asks_before_it_lets_in(consumer, wish, in_force, name, admits):
    in_force(name)
    before = balances(consumer.workspace)
    reply = consumer.client.post("/sessions", {**wish, "mode": "telemetry", "requiredTrustTier": 3})
    if admits:
        assert reply.status_code == 201 and reply.json()["data"]["trust"]["required"] == 3
    else:
        assert code(reply) == (422, "trust_tier_unsupported") and not reply.json()["transient"]
        assert reply.json()["data"]["requiredTrustTier"] == 3
        assert balances(consumer.workspace) == before and not FieldSession.objects.exists()
        assert consumer.client.post("/sessions", {**wish, "mode": "telemetry", "requiredTrustTier": 2}).status_code == 201


def test_a_field_that_is_wrong_is_told_before_a_tier_that_is_not_given(consumer, wish, in_force):
    in_force("cloudflare")
    reply = consumer.client.post("/sessions", {**wish, "requiredTrustTier": 3})
    assert code(reply) == (400, "validation_failed"), "a wall clock reaches tier 0 only"
    assert not FieldSession.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("maxDurationSeconds", "60"),
        ("maxDurationSeconds", True),
        ("maxDurationSeconds", 60.5),
        ("waitTimeoutSeconds", "60"),
        ("geofenceRadiusMeters", "100"),
        ("requiredTrustTier", "0"),
        ("record", "yes"),
        ("record", 1),
    ],
)
def test_what_only_looks_like_a_number_or_a_switch_is_none(consumer, wish, field, value):
    reply = consumer.client.post("/sessions", wish | {field: value})
    assert code(reply) == (400, "validation_failed")
    assert [(error["path"], error["code"]) for error in reply.json()["data"]["errors"]] == [(field, "invalid")]
