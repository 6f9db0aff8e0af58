"""One pool, many at once: real threads on the real database."""

import pytest
from django.db import transaction

from sessions.field.models import FieldSession
from sessions.metering.split import split
from sessions.settlement import provider
from sessions.settlement.models import LedgerTransaction, Settlement
from tests.factories.sessions import make_session
from tests.sessions.settlement.helpers import balances, fund, parties, system_balance, together

pytestmark = pytest.mark.django_db(transaction=True)


def test_ten_holds_of_a_hundred_on_a_pool_of_three_hundred_and_fifty():
    consumer, _ = parties()
    fund(consumer, 350)

    def create(_):
        with transaction.atomic():
            session = make_session(consumer, rate_micro=10, max_duration_seconds=10)
            provider.current().reserve(session)
        return "held"

    answers = together(10, create)
    assert sorted(answers) == ["held"] * 3 + ["insufficient_pool"] * 7
    assert balances(consumer) == (50, 300)
    assert FieldSession.objects.count() == 3


def test_settled_twice_at_once_is_settled_once():
    consumer, operator = parties()
    fund(consumer, 600000)
    session = make_session(consumer, "LIVE", operator=operator)
    provider.current().reserve(session)

    def settle(_):
        with transaction.atomic():
            FieldSession.objects.select_for_update().get(pk=session.pk)
            provider.current().settle(session, split(60, 1000, 1500))

    together(8, settle)
    assert LedgerTransaction.objects.filter(kind="SETTLE").count() == Settlement.objects.count() == 1
    assert balances(consumer) == (540000, 0) and system_balance("fees") == 9000


def test_two_workspaces_that_pay_each_other_do_not_wait_for_ever():
    (one, serves_one), (other, serves_other) = parties(), parties()
    serves_one.workspace, serves_other.workspace = other, one
    serves_one.save(), serves_other.save()
    sessions = []
    for index in range(8):
        consumer, operator = (one, serves_one) if index % 2 else (other, serves_other)
        fund(consumer, 600000)
        session = make_session(consumer, "LIVE" if index < 2 else "ENDED", operator=operator)
        provider.current().reserve(session)
        sessions.append(session)

    def settle(index):
        with transaction.atomic():
            provider.current().settle(sessions[index], split(60, 1000, 1500))

    assert together(8, settle) == [None] * 8
    assert balances(one) == balances(other) == (4 * 540000 + 4 * 51000, 0)
