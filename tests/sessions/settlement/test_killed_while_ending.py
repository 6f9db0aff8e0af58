"""The process is killed at each statement of `end`, in turn: then the session is LIVE and its money held, or ENDED and settled. Never in between."""

import gc
import os
import signal

import pytest
from django.db import connection

from config.kernel.access import system
from sessions.field import services
from sessions.field.models import FieldSession
from sessions.field.states import Side
from sessions.settlement import provider
from sessions.settlement.ledger import check
from sessions.settlement.models import LedgerTransaction, Settlement
from tests.factories.sessions import make_session
from tests.sessions.settlement.helpers import balances, fund, parties, system_balance

pytestmark = pytest.mark.django_db(transaction=True)
MOST = 200


def _end_and_die(session_id, at: int) -> None:
    """In a child: end the session, and die before the statement of this number is sent. Leaves with 0 when it came through."""
    # The parent's connection is the parent's: neither used nor closed here, where closing would hang up for both.
    inherited, connection.connection = connection.connection, None
    gc.disable()
    sent = 0

    def count(execute, sql, params, many, context):
        nonlocal sent
        if sent == at:
            os.kill(os.getpid(), signal.SIGKILL)
        sent += 1
        return execute(sql, params, many, context)

    status = 3
    try:
        with connection.execute_wrapper(count):
            services.end(actor=system("tests"), session_id=session_id, side=Side.CONSUMER)
        status = 0
    finally:
        os._exit(status if inherited is not None else 4)


def killed_at(session_id, number: int) -> bool:
    """Whether a child that ended this session was killed at that statement; False: it came through."""
    child = os.fork()
    if child == 0:
        _end_and_die(session_id, number)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, os.WEXITSTATUS(status)
    return os.WIFSIGNALED(status)


def test_killed_at_every_statement_of_end():
    consumer, operator = parties()
    fund(consumer, 600000)
    session = make_session(consumer, "LIVE", operator=operator)
    provider.current().reserve(session)
    number = 0
    while killed_at(session.pk, number):
        session.refresh_from_db()
        assert session.state == "LIVE" and balances(consumer) == (0, 600000), number
        assert not Settlement.objects.exists() and not LedgerTransaction.objects.exclude(kind__in=["DEPOSIT", "HOLD"]).exists()
        number += 1
        assert number < MOST
    assert number > 10, "end sends more statements than that"
    session.refresh_from_db()
    assert session.state == "ENDED" and session.meter_final
    settlement = Settlement.objects.get(session=session)
    assert settlement.gross_micro == session.gross_micro == session.clean_seconds * 1000
    assert balances(consumer) == (600000 - session.gross_micro, 0)
    assert balances(operator.workspace)[0] + system_balance("fees") == session.gross_micro
    assert FieldSession.objects.filter(state="ENDED").count() == 1 and not check.differences()
