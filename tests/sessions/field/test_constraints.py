"""The database itself refuses what a session can't be (05 §13)."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from config.kernel import clock
from operators.workspaces.devices.models import DeviceOperator
from sessions.field.models import FieldSession
from tests.factories.sessions import make_operator, make_session, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    consumer, supplier = make_workspace(roles=["CONSUMER"]), make_workspace()
    return consumer, make_operator(supplier)


def refused(constraint, change):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        change()


@pytest.mark.parametrize("state", ["REQUESTED", "ASSIGNED", "LIVE", "ENDED", "CANCELLED", "EXPIRED"])
def test_a_session_of_each_state_can_be_stored_and_amounts_come_back_as_whole_numbers(world, state):
    consumer, operator = world
    session = make_session(consumer, state, operator=operator, rate_micro=9007199254740993)
    assert FieldSession.objects.get(pk=session.pk).rate_micro == 9007199254740993
    assert FieldSession.objects.get(pk=session.pk).hold_micro == 9007199254740993 * 600


def test_one_open_session_for_an_operator(world):
    consumer, operator = world
    make_session(consumer, "ASSIGNED", operator=operator)
    refused("session_one_open_per_operator", lambda: make_session(consumer, "LIVE", operator=operator))
    make_session(consumer, "ENDED", operator=operator)


@pytest.mark.parametrize(
    "constraint, state, fields",
    [
        ("session_served_has_operator", "ASSIGNED", {"operator": None}),
        ("session_live_has_started", "ENDED", {"started_at": None}),
        ("session_cancelled_never_started", "CANCELLED", {"started_at": clock.now()}),
        ("session_terminal_has_ended", "ENDED", {"ended_at": None}),
        ("session_terminal_has_ended", "LIVE", {"ended_at": clock.now() + timedelta(seconds=1)}),
        ("session_one_fence", "REQUESTED", {"geofence_radius_meters": None}),
        ("session_one_fence", "REQUESTED", {"geofence_polygon": {"type": "Polygon"}, "geofence_radius_meters": 100}),
        ("session_ranges", "REQUESTED", {"max_duration_seconds": 9}),
        ("session_ranges", "REQUESTED", {"lat": 91.0}),
        ("session_ranges", "REQUESTED", {"wait_timeout_seconds": 4}),
        ("session_metered_adds_up", "ENDED", {"metered_seconds": 60, "clean_seconds": 50}),
        ("session_metered_adds_up", "ENDED", {"metered_seconds": 601, "clean_seconds": 601}),
        ("session_money_adds_up", "ENDED", {"gross_micro": 10, "operator_micro": 8}),
        ("session_money_adds_up", "ENDED", {"gross_micro": 600001, "operator_micro": 600001}),
    ],
)  # fmt: skip
def test_what_a_state_lacks_or_must_not_have(world, constraint, state, fields):
    consumer, operator = world
    fields = dict(fields)
    change = {name: fields.pop(name) for name in list(fields) if name == "operator"}
    session = make_session(consumer, state, operator=operator) if change else None
    if session:
        refused(constraint, lambda: FieldSession.objects.filter(pk=session.pk).update(**change))
    else:
        refused(constraint, lambda: make_session(consumer, state, operator=operator, **fields))


def test_a_request_has_no_operator_and_one_quote_serves_one_session(world):
    consumer, operator = world
    session = make_session(consumer)
    refused("session_requested_has_none", lambda: FieldSession.objects.filter(pk=session.pk).update(operator=operator))
    make_session(consumer, quote_id=session.pk)
    refused("quote_id", lambda: make_session(consumer, quote_id=session.pk))


def test_operators_names_and_defaults_are_one_of_a_kind(world):
    _, operator = world
    refused("device_label_once", lambda: make_operator(operator.workspace, operator.label.upper()))
    make_operator(operator.workspace, "of workspace", is_default=True)
    refused("device_default_once", lambda: make_operator(operator.workspace, "again", is_default=True))
    make_operator(operator.workspace, "test world", is_default=True, environment="TEST")
    DeviceOperator.objects.filter(pk=operator.pk).update(deleted_at=clock.now())
    make_operator(operator.workspace, operator.label)
    DeviceOperator.objects.filter(pk=operator.pk).update(coverage_radius_meters=None)
    for change in ({"home_lat": None}, {"coverage_lat": 1.0}, {"coverage_lat": 1.0, "coverage_lng": 1.0}):
        refused("device_", lambda change=change: DeviceOperator.objects.filter(pk=operator.pk).update(**change))
    DeviceOperator.objects.filter(pk=operator.pk).update(coverage_radius_meters=100)
    refused("device_coverage_centered", lambda: DeviceOperator.objects.filter(pk=operator.pk).update(home_lat=None, home_lng=None))
