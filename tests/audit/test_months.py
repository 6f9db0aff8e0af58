"""Ids hold their instant, so an id range is a time range, and a month a partition."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from audit import months, services
from audit.models import AuditEvent
from audit.tasks import partitions
from config.kernel import clock
from tests.audit.conftest import ANNA

instants = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))


@given(instants, instants)
def test_ids_sort_as_their_instants_do(one, other):
    ids = (months.event_id(one), months.event_id(other))
    assert ids[0].version == 7
    assert (one < other) == (ids[0] < ids[1]) or one == other


@given(instants)
def test_a_floor_divides_exactly_at_the_microsecond(at):
    before, after = at - timedelta(microseconds=1), at
    assert months.event_id(before) < months.floor_id(at) <= months.event_id(after)
    assert months.lowest_id(months.month_of(at)) <= months.event_id(at) < months.lowest_id(months.next_month(months.month_of(at)))


@pytest.mark.django_db
def test_the_database_draws_the_same_bounds():
    for month in (date(2026, 11, 1), date(2027, 1, 1), date(2099, 12, 1)):
        with connection.cursor() as cursor:
            cursor.execute("SELECT audit_floor_id(%s)", [months.month_start(month)])
            assert cursor.fetchone()[0] == months.lowest_id(month)


@pytest.mark.django_db
def test_a_month_that_nobody_prepared_is_made_in_passing_and_outlives_a_rollback(trail):
    with pytest.raises(ZeroDivisionError), transaction.atomic(), clock.frozen(trail.start):
        services.record("audit.trail.verified", actor=ANNA, outcome="succeeded")
        raise ZeroDivisionError
    assert trail.grow(1)[0].occurred_at.date().replace(day=1) == trail.month


@pytest.mark.django_db
def test_three_months_ahead_are_kept_ready(trail):
    with clock.frozen(trail.start):
        partitions.run_once()
        partitions.run_once()
    with connection.cursor() as cursor:
        for step in range(4):
            month = months.next_month(trail.month, step)
            cursor.execute(
                "SELECT to_regclass(%s) IS NOT NULL AND to_regclass(%s) IS NOT NULL", [f"audit_event_{month:%Y_%m}", f"audit_chain_{month:%Y_%m}"]
            )
            assert cursor.fetchone() == (True,)


@pytest.mark.django_db
def test_an_event_carries_the_injected_clock():
    at = datetime(2026, 11, 5, 12, 0, 0, 123456, tzinfo=UTC)
    with clock.frozen(at), transaction.atomic():
        event = AuditEvent.objects.get(pk=services.record("audit.trail.verified", actor=ANNA, outcome="succeeded"))
    assert event.occurred_at == at
    assert months.floor_id(at) <= event.pk < months.floor_id(at + timedelta(microseconds=1))
