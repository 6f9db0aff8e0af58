"""Double entry: what a session does to the balances, and what the database refuses however it is asked."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from config.kernel import clock
from config.kernel.errors import ApiError
from sessions.field.models import FieldSession
from sessions.metering.split import split
from sessions.settlement import provider
from sessions.settlement.ledger import books
from sessions.settlement.models import Account, LedgerEntry, LedgerTransaction, Settlement
from sessions.settlement.states import BookingKind
from tests.factories.sessions import make_session
from tests.sessions.settlement.helpers import balances, ended, fund, parties, system_balance

pytestmark = pytest.mark.django_db


def test_create_holds_all_of_an_exactly_sufficient_pool_and_the_next_is_refused():
    consumer, _ = parties()
    fund(consumer, 600000)
    provider.current().reserve(make_session(consumer))
    assert balances(consumer) == (0, 600000)
    with pytest.raises(ApiError) as refusal:
        provider.current().reserve(make_session(consumer))
    assert refusal.value.code == "insufficient_pool"
    assert refusal.value.body()["data"] == {"requiredMicroUsdc": "600000", "availableMicroUsdc": "0"}


def test_one_micro_less_is_not_enough():
    consumer, _ = parties()
    fund(consumer, 599999)
    with pytest.raises(ApiError):
        provider.current().reserve(make_session(consumer))
    assert balances(consumer) == (599999, 0)


def test_a_minute_of_video_pays_operator_and_fee_and_gives_the_rest_back():
    consumer, operator = parties()
    fund(consumer, 600000)
    session = ended(consumer, operator)
    assert balances(consumer) == (540000, 0)
    assert balances(operator.workspace) == (51000, 0)
    assert system_balance("fees") == 9000
    assert Settlement.objects.get(session=session).state == "CONFIRMED"


def test_settling_again_books_nothing():
    consumer, operator = parties()
    fund(consumer, 600000)
    session = ended(consumer, operator)
    lines = LedgerEntry.objects.count()
    provider.current().settle(session, split(60, 1000, 1500))
    assert LedgerEntry.objects.count() == lines
    assert LedgerTransaction.objects.filter(session=session, kind="SETTLE").count() == 1


def test_a_session_that_was_never_live_gets_its_hold_back_and_settles_as_none():
    consumer, _ = parties()
    fund(consumer, 600000)
    session = make_session(consumer)
    provider.current().reserve(session)
    provider.current().release(session)
    provider.current().release(session)
    assert balances(consumer) == (600000, 0)
    assert Settlement.objects.get(session=session).state == "NONE"


def test_nothing_billed_is_a_release():
    consumer, operator = parties()
    fund(consumer, 600000)
    session = ended(consumer, operator, seconds=0)
    assert balances(consumer) == (600000, 0)
    assert Settlement.objects.get(session=session).state == "NONE"


def test_the_test_world_is_priced_but_moves_no_money():
    consumer, operator = parties()
    session = ended(consumer, operator, environment="TEST")
    assert session.gross_micro == 60000
    assert Settlement.objects.get(session=session).state == "NONE"
    assert not LedgerTransaction.objects.exists()


def test_a_workspace_may_serve_itself():
    consumer, operator = parties()
    operator.workspace = consumer
    operator.save()
    fund(consumer, 600000)
    ended(consumer, operator)
    assert balances(consumer) == (591000, 0)


def test_amounts_beyond_any_float_stay_exact():
    consumer, operator = parties()
    rate = 9007199254740993
    fund(consumer, rate * 600)
    ended(consumer, operator, seconds=600, rate_micro=rate)
    assert balances(operator.workspace) == (4593671619917906430, 0)
    assert system_balance("fees") == 810647932926689370
    assert balances(consumer) == (0, 0)


def test_a_reference_books_once():
    consumer, _ = parties()
    books.move_in(kind=BookingKind.DEPOSIT, workspace=consumer, amount=5, reference="wire 1")
    with pytest.raises(ApiError) as refusal:
        books.move_in(kind=BookingKind.DEPOSIT, workspace=consumer, amount=5, reference="wire 1")
    assert refusal.value.code == "reference_used" and balances(consumer) == (5, 0)


def test_nobody_changes_or_deletes_what_was_booked():
    consumer, _ = parties()
    fund(consumer, 5)
    statements = (
        "UPDATE live_sessions_ledgerentry SET amount = amount + 1",
        "DELETE FROM live_sessions_ledgerentry",
        "UPDATE live_sessions_ledgertransaction SET kind = 'HOLD'",
        "DELETE FROM live_sessions_ledgertransaction",
    )
    for statement in statements:
        with pytest.raises((InternalError, IntegrityError)), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_entries_that_do_not_sum_to_zero_do_not_commit():
    consumer, _ = parties()
    fund(consumer, 5)
    account = Account.objects.get(workspace=consumer, kind="available")
    with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
        booking = LedgerTransaction.objects.create(kind="DEPOSIT", reference=str(uuid4()), created_at=clock.now())
        LedgerEntry.objects.create(transaction=booking, account=account, number=2, amount=1, balance_after=6, created_at=clock.now())
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_no_balance_goes_negative():
    consumer, _ = parties()
    fund(consumer, 5)
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(workspace=consumer, kind="available").update(balance=-1)


def test_one_hold_and_one_outcome():
    consumer, operator = parties()
    fund(consumer, 2_000_000)
    session = ended(consumer, operator)
    for booking in (books.hold, books.release):
        with pytest.raises(IntegrityError), transaction.atomic():
            booking(FieldSession.objects.select_related("consumer_workspace").get(pk=session.pk))
    assert balances(consumer) == (1_940_000, 0)
