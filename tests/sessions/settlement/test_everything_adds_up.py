"""Random sessions: the CSV, the statement and the books say the same, to the micro (05 §14, 30)."""

import csv
import io
import random
from datetime import timedelta

import pytest
from django.db.models import Sum
from hypothesis import given
from hypothesis import strategies as st

from config.kernel import clock
from sessions.metering.split import split
from sessions.settlement.crediting import credited
from sessions.settlement.ledger import check
from sessions.settlement.models import LedgerEntry
from tests.sessions.settlement.helpers import balances, ended, fund, parties, system_balance
from tests.soak import amount

SESSIONS = amount(60, 1000)
RATES = [1, 3, 333, 1000, 9007199254740993]


@given(clean=st.integers(1, 86400), rate=st.integers(0, 10**20), bps=st.integers(0, 10000), data=st.data())
def test_a_credit_note_and_the_rest_of_the_bill_are_the_bill(clean, rate, bps, data):
    seconds = data.draw(st.integers(1, clean))
    note, rest, whole = credited(clean, seconds, rate, bps), split(clean - seconds, rate, bps), split(clean, rate, bps)
    assert note.gross == note.operator + note.fee == seconds * rate
    assert all(a + b == c for a, b, c in zip(note, rest, whole, strict=True))
    assert min(note) >= 0


@pytest.mark.django_db
def test_csv_statement_and_books_of_many_sessions_are_equal(api):
    dice = random.Random(30)
    consumer, operator = parties()
    fund(consumer, 10**24)
    start = clock.now() - timedelta(days=20)
    for number in range(SESSIONS):
        seconds, rate, bps = dice.randint(0, 600), dice.choice(RATES), dice.choice([0, 250, 1500, 10000])
        ended(
            consumer, operator, seconds=seconds, rate_micro=rate, fee_bps=bps, at=start + timedelta(hours=dice.randint(0, 400), milliseconds=number)
        )
    client = api(operator.workspace.members.get(role="OWNER").user)
    text = b"".join(client.get("/wallet/earnings/export").streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == SESSIONS
    earned, fees, gross = (sum(int(row[name]) for row in rows) for name in ("earned", "fee", "gross"))
    assert earned + fees == gross
    assert balances(operator.workspace)[0] == earned and system_balance("fees") == fees
    assert balances(consumer) == (10**24 - gross, 0)
    totals = client.get("/wallet/earnings?groupBy=session").json()["data"]["totals"]
    assert (totals["earnedMicroUsdc"], totals["feeMicroUsdc"], totals["grossMicroUsdc"]) == (str(earned), str(fees), str(gross))
    month = client.get(f"/wallet/statements/{clock.now():%Y-%m}").json()["data"]
    assert month["sums"]["EARN"] == month["closingMicroUsdc"] == str(earned)
    assert int(LedgerEntry.objects.filter(event="EARN").aggregate(total=Sum("amount"))["total"]) == earned
    assert not check.differences()
