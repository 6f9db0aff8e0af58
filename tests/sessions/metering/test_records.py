"""The meter over a session as it is stored: its record, what it leaves in the log, and what it says while LIVE."""

import time
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from config.kernel import clock
from sessions.media import windows
from sessions.metering import services
from sessions.metering.models import MeterRecord
from sessions.metering.moments import ms_of
from sessions.telemetry import services as telemetry
from sessions.telemetry.models import TelemetrySample
from tests.factories.sessions import make_operator, make_session, make_workspace
from tests.factories.telemetry import beacon, sample

pytestmark = pytest.mark.django_db


@pytest.fixture
def began():
    return clock.now().replace(microsecond=0) - timedelta(seconds=60)


@pytest.fixture
def live(began):
    """`live(mode)`: LIVE since `began`."""

    def make(mode="telemetry", kind="phone", **fields):
        supplier = make_workspace()
        operator = make_operator(supplier, kind=kind)
        times = {"assigned_at": began - timedelta(seconds=5), "started_at": began}
        tier = 1 if mode == "telemetry" else 0
        session = make_session(
            make_workspace(roles=["CONSUMER"]), "LIVE", operator=operator, mode=mode, **{"required_trust_tier": tier, **times, **fields}
        )
        session.wallet = supplier.wallet
        return session

    return make


@pytest.fixture
def lost(monkeypatch):
    """`lost(began, (20, 30), (50, None))`: without media at these seconds."""

    def put(began, *seconds):
        spans = [(began + timedelta(seconds=a), None if b is None else began + timedelta(seconds=b)) for a, b in seconds]
        monkeypatch.setattr(windows, "of", lambda session, **_: spans)

    return put


def send(session, raws, *, live_at=True):
    """Each as it would come in: right when it was captured."""
    for raw in raws:
        parsed = telemetry.read(raw, session.pk)
        telemetry.ingest(session_id=session.pk, sent=[parsed], received_at=parsed.captured_at)


def test_wall_clock_with_gaps(live, lost, began):
    session = live("wall_clock")
    lost(began, (20, 30), (25, 35))
    record = services.close(session, began + timedelta(seconds=60))
    assert (record.metered_seconds, record.clean_seconds, record.failed_seconds) == (60, 45, 15)
    start = ms_of(began)
    assert record.intervals == [{"from": start + 20_000, "to": start + 35_000, "reason": "media_lost"}]
    assert record.windows == [[start + 20_000, start + 30_000], [start + 25_000, start + 35_000]]
    assert MeterRecord.objects.get(session=session).input_hash == record.input_hash and len(record.input_hash) == 64
    session.refresh_from_db()
    assert (session.trust_reached, session.trust_flags) == (0, [])


def test_telemetry_of_a_good_minute(live, began):
    session = live()
    send(session, beacon(session, began, session.wallet, count=60))
    record = services.close(session, began + timedelta(seconds=60))
    assert (record.clean_seconds, record.failed_seconds, record.samples) == (60, 0, {"in_fence": 60})
    session.refresh_from_db()
    assert (session.trust_reached, session.trust_flags) == (1, [])


def test_telemetry_that_stops(live, lost, began):
    session = live()
    lost(began, (30, 40))
    send(session, beacon(session, began, session.wallet, count=30))
    record = services.close(session, began + timedelta(seconds=60))
    assert (record.clean_seconds, record.failed_seconds) == (30, 30)
    assert [row["reason"] for row in record.intervals] == ["media_lost", "no_fresh_sample"]
    session.refresh_from_db()
    assert session.trust_flags == ["slow_beacon"] and session.trust_reached == 0


def test_a_jump_costs_one_sample_and_is_said(live, began):
    session = live(geofence_radius_meters=5000)
    raws = beacon(session, began, session.wallet, count=60)
    raws[30:] = [sample(session, began + timedelta(seconds=k + 0.5), session.wallet, meters=500 + k) for k in range(30, 60)]
    send(session, raws)
    record = services.close(session, began + timedelta(seconds=60))
    assert record.samples == {"implausible": 1, "in_fence": 59} and record.clean_seconds == 60
    jumped = TelemetrySample.objects.get(session=session, verdict="implausible")
    assert jumped.captured_at == began + timedelta(seconds=30.5)
    session.refresh_from_db()
    assert session.trust_flags == ["implausible_speed"]


def test_nonces_that_are_not_answered_cost_seconds(live, began):
    session = live(required_trust_tier=2)
    raws = beacon(session, began, session.wallet, count=60)
    # Signed in advance: no nonce in any of them. The first one arrives half a second after LIVE and brings a nonce to light.
    send(session, raws)
    record = services.close(session, began + timedelta(seconds=60))
    assert record.clean_seconds <= 9 and record.samples["challenge_missing"] == 60 - record.samples["in_fence"]
    session.refresh_from_db()
    assert session.trust_reached == 1


def test_nonces_that_are_answered(live, began):
    session, nonce = live(required_trust_tier=2), None
    for k in range(60):
        raw = sample(session, began + timedelta(seconds=k + 0.5), session.wallet, meters=k * 0.1, **({"challenge": nonce} if nonce else {}))
        parsed = telemetry.read(raw, session.pk)
        nonce = telemetry.ingest(session_id=session.pk, sent=[parsed], received_at=parsed.captured_at).challenge
    record = services.close(session, began + timedelta(seconds=60))
    assert record.clean_seconds == 60
    session.refresh_from_db()
    assert session.trust_reached == 2


def test_the_same_input_gives_the_same_hash_and_another_another(live, began):
    session = live()
    send(session, beacon(session, began, session.wallet, count=20))
    end = began + timedelta(seconds=60)
    one, two = services.measured(session, end), services.measured(session, end)
    assert one.input_hash == two.input_hash
    assert services.close(session, end).input_hash == one.input_hash
    assert services.measured(session, end).input_hash == one.input_hash
    other = live()
    send(other, beacon(other, began, other.wallet, count=21))
    assert services.measured(other, end).input_hash != one.input_hash
    assert services.measured(session, end + timedelta(seconds=1)).input_hash != one.input_hash


def test_a_session_is_metered_once(live, began):
    session = live("wall_clock")
    services.close(session, began + timedelta(seconds=60))
    with pytest.raises(IntegrityError), transaction.atomic():
        services.close(session, began + timedelta(seconds=61))


def test_the_cap_is_where_it_ends(live, began):
    session = live("wall_clock", max_duration_seconds=30, hold_micro=30000)
    record = services.close(session, began + timedelta(seconds=45))
    assert record.clean_seconds == 30 and record.cutoff_at == began + timedelta(seconds=30)


def test_before_it_is_live_there_is_nothing(live, began):
    session = live("wall_clock")
    session.started_at = None
    record = services.provisional(session, clock.now())
    assert (record.metered_seconds, record.clean_seconds, record.failed_seconds, record.intervals) == (0, 0, 0, [])


def test_while_it_runs_each_second_says_what_the_end_would(live, lost, began):
    session = live(max_duration_seconds=600)
    lost(began, (100, 110))
    raws = beacon(session, began, session.wallet, count=70) + beacon(session, began, session.wallet, count=60, first=90.5, every=1.5)
    for raw in raws:
        parsed = telemetry.read(raw, session.pk)
        telemetry.ingest(session_id=session.pk, sent=[parsed], received_at=parsed.captured_at)
    for seconds in [*range(0, 200, 3), 20, 700]:
        at = began + timedelta(seconds=seconds)
        whole, running = services.measured(session, at), services.provisional(session, at)
        assert (running.clean, running.failed, running.cutoff_at) == (whole.clean, whole.failed, whole.cutoff_at), seconds


def test_the_last_sample_before_the_start_vouches_for_the_first_seconds(live, began):
    session = live()
    send(session, [sample(session, began - timedelta(seconds=1), session.wallet)])
    assert services.close(session, began + timedelta(seconds=10)).clean_seconds == 2


def test_a_day_at_one_sample_a_second_is_metered_in_two_seconds(live):
    began = clock.now().replace(microsecond=0) - timedelta(days=1)
    session = live(max_duration_seconds=86_400, started_at=began, assigned_at=began)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO telemetry_sample (id, session_id, captured_at, received_at, lat, lng, accuracy_meters, source, verdict, signer, signature, "
            "challenge, digest) SELECT gen_random_uuid(), %s, at, at, 4.711 + 0.000001 * (n %% 50), -74.072, 4, 'gps', 'in_fence', '', '\\x00', '', "
            "sha256(n::text::bytea) FROM (SELECT n, %s + n * interval '1 second' + interval '500 ms' AS at FROM generate_series(0, 86399) n) rows",
            [session.pk, began],
        )
    # Of this process alone: how busy the machine is says nothing of the meter.
    before = time.process_time()
    record = services.close(session, began + timedelta(days=1))
    taken = time.process_time() - before
    assert record.clean_seconds == 86_400 and taken < 2, f"{taken:.2f} s"
