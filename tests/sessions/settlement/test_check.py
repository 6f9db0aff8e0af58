"""`ledger.check`: silent while the books agree, and it names the row when a single micro was planted. It repairs nothing."""

import pytest
from django.db import connection

from nodes.health.models import HealthEvent
from sessions.field.models import FieldSession
from sessions.settlement import provider
from sessions.settlement.ledger import check
from sessions.settlement.models import Account, LedgerEntry, Settlement
from tests.factories.sessions import make_session
from tests.sessions.settlement.helpers import balances, ended, fund, parties

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy():
    """(consumer, operator, paid session, open session): a little of everything."""
    consumer, operator = parties()
    fund(consumer, 3_000_000)
    paid, free, tried = (ended(consumer, operator, **fields) for fields in ({}, {"seconds": 0}, {"environment": "TEST"}))
    waiting, gone = make_session(consumer), make_session(consumer)
    provider.current().reserve(waiting), provider.current().reserve(gone)
    FieldSession.objects.filter(pk=gone.pk).update(state="CANCELLED", ended_at=gone.created_at, end_reason="consumer")
    provider.current().release(gone)
    assert free.gross_micro == 0 and tried.gross_micro == 60000
    return consumer, operator, paid, waiting


def broken() -> dict:
    return {one["rule"]: one["ids"] for one in check.differences()}


def sql(statement: str, *params) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def test_books_that_agree_say_nothing(busy):
    assert broken() == {}
    assert check.run() == {"differences": 0} and not HealthEvent.objects.exists()


def test_a_planted_micro_is_found_named_and_left_alone(busy):
    account = Account.objects.get(workspace=busy[0], kind="available")
    Account.objects.filter(pk=account.pk).update(balance=account.balance + 1)
    assert broken() == {"balance": [str(account.pk)]}
    assert check.run() == {"differences": 1}
    event = HealthEvent.objects.get(type="controller.ledger.mismatch")
    assert event.severity == "critical" and event.details["differences"][0]["ids"] == [str(account.pk)]
    assert balances(busy[0])[0] == account.balance + 1
    Account.objects.filter(pk=account.pk).update(balance=account.balance)
    check.run()
    event.refresh_from_db()
    assert event.condition == "cleared"


def test_a_forged_entry_is_found_though_triggers_were_switched_off(busy):
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("ALTER TABLE live_sessions_ledgerentry DISABLE TRIGGER USER")
    entry = LedgerEntry.objects.filter(event="EARN").get()
    sql("UPDATE live_sessions_ledgerentry SET amount = amount + 1 WHERE id = %s", entry.pk)
    found = broken()
    assert found["transaction_sum"] == [str(entry.transaction_id)] and found["balance"] == [str(entry.account_id)]
    assert found["settlement_unbooked"] == [str(busy[2].pk)]
    sql("ALTER TABLE live_sessions_ledgerentry ENABLE TRIGGER USER")


def test_a_bill_that_differs_from_its_meter_and_one_that_is_missing(busy):
    _, _, paid, waiting = busy
    FieldSession.objects.filter(pk=paid.pk).update(clean_seconds=59, failed_seconds=1)
    assert broken() == {"settlement_amounts": [str(paid.pk)]}
    FieldSession.objects.filter(pk=paid.pk).update(clean_seconds=60, failed_seconds=0)
    Settlement.objects.filter(session=paid).delete()
    assert broken() == {"settlement_missing": [str(paid.pk)]}
    assert waiting.hold_micro == 600000


def test_a_hold_that_nobody_booked(busy):
    session = make_session(busy[0])
    assert broken() == {"open_hold_missing": [str(session.pk)]}
