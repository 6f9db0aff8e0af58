"""Room for the days to come, and away with what was kept long enough."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from config.kernel import clock
from config.kernel.ids import uuid7
from sessions.settlement.models import Dispute
from sessions.telemetry import partitions
from sessions.telemetry.models import TelemetrySample
from sessions.telemetry.tasks import telemetry_partitions
from tests.factories.sessions import make_operator, make_session, make_workspace

pytestmark = pytest.mark.django_db
# Far from the days that the migration made.
TODAY = datetime(2031, 5, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _none_of_today(db):
    """The days that the migration made are over by then."""
    partitions.drop_old(TODAY.date(), [])


def put(session_id, at):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO telemetry_sample (id, session_id, captured_at, received_at, lat, lng, accuracy_meters, source, verdict, signer, challenge, digest) "
            "VALUES (%s, %s, %s, %s, 0, 0, 1, 'gps', 'in_fence', '', '', decode(repeat('00', 32), 'hex'))",
            [uuid7(), session_id, at, at],
        )


def home_of(at) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM telemetry_sample WHERE captured_at = %s", [at])
        return cursor.fetchone()[0]


def run(at) -> dict:
    with clock.frozen(at):
        return telemetry_partitions.run_once()


def test_today_and_seven_days_ahead():
    assert run(TODAY) == {"made": 8, "dropped": 0}
    assert run(TODAY) == {"made": 0, "dropped": 0}
    assert run(TODAY + timedelta(days=1))["made"] == 1
    tomorrow = TODAY + timedelta(days=1)
    put(uuid7(), tomorrow)
    assert home_of(tomorrow) == "telemetry_sample_20310521"


def test_the_bounds_of_a_day_are_utc():
    run(TODAY)
    first, last = datetime(2031, 5, 21, tzinfo=UTC), datetime(2031, 5, 21, 23, 59, 59, 999000, tzinfo=UTC)
    put(uuid7(), first)
    put(uuid7(), last)
    put(uuid7(), first - timedelta(milliseconds=1))
    assert home_of(first) == home_of(last) == "telemetry_sample_20310521"
    assert home_of(first - timedelta(milliseconds=1)) == "telemetry_sample_20310520"


def test_what_came_before_its_partition_moves_over():
    session_id = uuid7()
    put(session_id, TODAY)
    put(session_id, TODAY - timedelta(days=2))
    assert home_of(TODAY) == "telemetry_sample_default"
    run(TODAY)
    assert home_of(TODAY) == "telemetry_sample_20310520"
    assert home_of(TODAY - timedelta(days=2)) == "telemetry_sample_default"


def test_a_day_goes_after_thirty_unless_something_in_it_is_disputed(settings):
    settings.TELEMETRY_RETENTION_DAYS = 30
    operator = make_operator(make_workspace())
    session = make_session(make_workspace(roles=["CONSUMER"]), "ENDED", operator=operator)
    run(TODAY)
    put(session.pk, TODAY)
    put(uuid7(), TODAY + timedelta(days=1))
    dispute = Dispute.objects.create(session=session, reason="The picture froze.")
    assert run(TODAY + timedelta(days=30))["dropped"] == 0
    # Day 31: the disputed one stays; day 32: its neighbour goes.
    assert run(TODAY + timedelta(days=31))["dropped"] == 0
    assert run(TODAY + timedelta(days=32))["dropped"] == 1
    assert TelemetrySample.objects.filter(session=session).count() == 1
    dispute.state, dispute.closed_at = "REJECTED", clock.now()
    dispute.save()
    assert run(TODAY + timedelta(days=33))["dropped"] == 2
    assert not TelemetrySample.objects.filter(session_id=session.pk).exists()


def test_never_sooner_than_a_bill_can_be_disputed(settings):
    settings.TELEMETRY_RETENTION_DAYS = 1
    run(TODAY)
    assert run(TODAY + timedelta(days=8))["dropped"] == 0
    assert run(TODAY + timedelta(days=9))["dropped"] == 1


def test_the_default_partition_is_emptied_too():
    old = TODAY - timedelta(days=40)
    put(uuid7(), old)
    run(TODAY)
    assert not TelemetrySample.objects.filter(captured_at=old).exists()


def test_names():
    assert partitions.name_of(TODAY.date()) == "telemetry_sample_20310520"
