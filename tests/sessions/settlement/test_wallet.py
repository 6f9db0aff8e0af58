"""A wallet as its members, its keys and the installation see it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from config.kernel import clock
from sessions.settlement.models import LedgerEntry
from tests.factories.sessions import key_token, owned_workspace
from tests.sessions.settlement.helpers import ended, fund, parties

pytestmark = pytest.mark.django_db
BIG = 9007199254740993 * 600


def test_a_deposit_is_booked_once_by_the_installation_alone(api, alice):
    workspace = owned_workspace(roles=("CONSUMER",))
    body = {"workspaceId": str(workspace.pk), "amountMicroUsdc": str(BIG), "reference": "wire 7"}
    made = api(alice).post("/wallet/deposits", body)
    assert made.status_code == 201, made.content
    assert made.json()["data"]["amountMicroUsdc"] == str(BIG) == made.json()["data"]["balanceAfterMicroUsdc"]
    assert api(alice).get(made["Location"].removeprefix("/api/v1")).json()["data"] == made.json()["data"]
    assert api(alice).post("/wallet/deposits", body).json()["code"] == "reference_used"
    refused = api(workspace.owner).post("/wallet/deposits", {**body, "reference": "mine"})
    assert refused.status_code == 403 and refused.json()["data"]["permission"] == "wallet:adjust"
    key = key_token(workspace, "wallet:read")
    assert api(token=key).post("/wallet/deposits", body).status_code == 401


@pytest.mark.parametrize("amount", ["0", "-5", "1.5", "1e3", "x", 1.5, True, None, "9" * 31])
def test_amounts_are_whole_and_positive(api, alice, amount):
    workspace = owned_workspace(roles=("CONSUMER",))
    body = {"workspaceId": str(workspace.pk), "amountMicroUsdc": amount, "reference": "wire"}
    assert api(alice).post("/wallet/deposits", body).status_code == 400
    assert not LedgerEntry.objects.exists()


def test_a_withdrawal_takes_no_more_than_is_available(api, alice):
    workspace = owned_workspace(roles=("CONSUMER",))
    fund(workspace, 100)
    body = {"workspaceId": str(workspace.pk), "amountMicroUsdc": "101", "reference": "out"}
    refused = api(alice).post("/wallet/withdrawals", body)
    assert refused.status_code == 409 and refused.json()["data"] == {"requiredMicroUsdc": "101", "availableMicroUsdc": "100"}
    taken = api(alice).post("/wallet/withdrawals", {**body, "amountMicroUsdc": "100"})
    assert taken.status_code == 201 and taken.json()["data"]["amountMicroUsdc"] == "-100"


def test_the_wallet_of_a_key_a_member_and_a_stranger(api, alice, mallory):
    consumer, operator = parties()
    fund(consumer, BIG)
    ended(consumer, operator, seconds=60)
    expected = {"availableMicroUsdc": str(BIG - 60000), "heldMicroUsdc": "0", "totalMicroUsdc": str(BIG - 60000), "provider": "ledger", "chain": None}
    for client in (api(token=key_token(consumer, "wallet:read")), api(consumer.owner)):
        told = client.get("/wallet").json()["data"]
        assert {name: told[name] for name in expected} == expected
        assert told["workspaceId"] == str(consumer.pk) and told["walletAddress"] == consumer.wallet_address
    assert api(alice).get(f"/wallet?workspaceId={consumer.pk}").status_code == 200
    assert api(operator.workspace.owner if hasattr(operator.workspace, "owner") else mallory).get(
        f"/wallet?workspaceId={consumer.pk}"
    ).status_code in (403, 404)
    assert api(mallory).get("/wallet").status_code == 403
    test_key = api(token=key_token(consumer, "wallet:read", environment="TEST"))
    assert test_key.get("/wallet").json()["data"]["totalMicroUsdc"] == "0"
    assert test_key.get("/wallet/events").json()["data"] == []


def test_events_tell_every_change_with_its_balance(api, alice):
    consumer, operator = parties()
    fund(consumer, 600000)
    session = ended(consumer, operator)
    client = api(token=key_token(consumer, "wallet:read"))
    rows = client.get("/wallet/events").json()["data"]
    assert [(row["kind"], row["amountMicroUsdc"], row["balanceAfterMicroUsdc"]) for row in rows] == [
        ("SETTLE", "540000", "540000"),
        ("HOLD", "-600000", "0"),
        ("DEPOSIT", "600000", "600000"),
    ]
    assert rows[0]["sessionId"] == str(session.pk)
    assert client.get("/wallet/events?kind=HOLD").json()["meta"]["returned"] == 1
    facets = client.get("/wallet/events/facets").json()["data"]["kind"]
    assert {row["value"]: row["count"] for row in facets} == {"SETTLE": 1, "HOLD": 1, "DEPOSIT": 1}
    supplier = api(alice).get(f"/wallet/events?workspaceId={operator.workspace_id}").json()["data"]
    assert [(row["kind"], row["amountMicroUsdc"]) for row in supplier] == [("EARN", "51000")]


def test_events_are_exported_in_csv_and_jsonl_without_losing_a_digit(api):
    consumer, _ = parties()
    fund(consumer, BIG * 7)
    client = api(token=key_token(consumer, "wallet:read"))
    table = list(csv.DictReader(io.StringIO(b"".join(client.get("/wallet/events/export").streaming_content).decode())))
    assert table[0]["amount_micro_usdc"] == str(BIG * 7)
    lines = b"".join(client.get("/wallet/events/export?format=jsonl").streaming_content).splitlines()
    assert json.loads(lines[0])["amount_micro_usdc"] == str(BIG * 7)


def test_earnings_by_day_operator_and_session(api):
    consumer, operator = parties()
    fund(consumer, 3_000_000)
    day = clock.now() - timedelta(days=2)
    ended(consumer, operator, at=day)
    ended(consumer, operator, at=day, seconds=47)
    ended(consumer, operator, seconds=0)
    client = api(operator.workspace.members.get(role="OWNER").user)
    by_day = client.get("/wallet/earnings?groupBy=day").json()["data"]
    assert [row["earnedMicroUsdc"] for row in by_day["rows"]] == ["90950", "0"]
    assert by_day["totals"]["earnedMicroUsdc"] == by_day["totals"]["netMicroUsdc"] == "90950"
    assert by_day["totals"]["cleanSeconds"] == 107 and by_day["totals"]["sessions"] == 3
    assert by_day["rows"][0]["date"] == day.astimezone(UTC).date().isoformat()
    by_operator = client.get("/wallet/earnings?groupBy=operator").json()["data"]["rows"]
    assert [(row["operatorLabel"], row["earnedMicroUsdc"]) for row in by_operator] == [(operator.label, "90950")]
    assert len(client.get("/wallet/earnings?groupBy=session").json()["data"]["rows"]) == 3
    only = client.get(f"/wallet/earnings?from={day.date()}&to={day.date()}").json()["data"]
    assert only["totals"]["sessions"] == 2
    for query in ("groupBy=week", "from=yesterday", "from=2026-02-30", "from=2026-05-02&to=2026-05-01", "nonsense=1", "environment=X"):
        assert client.get(f"/wallet/earnings?{query}").status_code == 400, query


def test_the_csv_has_every_column_and_defuses_labels(api):
    consumer, operator = parties()
    operator.label = "=1+1"
    operator.save()
    fund(consumer, 600000)
    session = ended(consumer, operator)
    client = api(operator.workspace.members.get(role="OWNER").user)
    text = b"".join(client.get("/wallet/earnings/export", accept="text/csv").streaming_content).decode()
    assert text.splitlines()[0] == (
        "date,session_id,operator_id,operator_label,mode,started_at,ended_at,metered_seconds,clean_seconds,failed_seconds,rate,gross,fee_bps,fee,"
        "earned,credited,net,settlement_state,tx_hash"
    )
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["operator_label"] == "'=1+1" and row["session_id"] == str(session.pk)
    assert (row["gross"], row["fee"], row["earned"], row["net"], row["settlement_state"]) == ("60000", "9000", "51000", "51000", "CONFIRMED")


def test_the_earnings_of_chosen_sessions_in_their_order(api):
    consumer, operator = parties()
    fund(consumer, 3_000_000)
    long_ago = clock.now() - timedelta(days=300)
    sessions = [ended(consumer, operator, at=long_ago), ended(consumer, operator), ended(consumer, operator)]
    ids = [str(session.pk) for session in (sessions[2], sessions[0])]
    client = api(operator.workspace.members.get(role="OWNER").user)
    text = client.post("/wallet/earnings/export", {"ids": ids}).getvalue().decode()
    assert [row["session_id"] for row in csv.DictReader(io.StringIO(text))] == ids
    foreign = ended(consumer, parties()[1])
    for hidden in (str(foreign.pk), str(consumer.pk)):
        assert client.post("/wallet/earnings/export", {"ids": [*ids, hidden]}).status_code == 404
    assert client.post("/wallet/earnings/export", {"ids": []}).status_code == 400


def test_a_closed_month_never_changes_and_adds_up(api):
    consumer, operator = parties()
    march, april = datetime(2026, 3, 31, 12, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)
    with clock.frozen(march):
        fund(consumer, 1_000_000)
        ended(consumer, operator, at=march)
    client = api(token=key_token(consumer, "wallet:read"))
    with clock.frozen(april):
        before = client.get("/wallet/statements/2026-03").json()["data"]
        ended(consumer, operator, at=april)
        assert client.get("/wallet/statements/2026-03").json()["data"] == before
        now = client.get("/wallet/statements/2026-04").json()["data"]
        assert client.get("/wallet/statements/2026-05").status_code == 404
    assert before["closed"] is True and now["closed"] is False
    assert before["sums"] == {
        "DEPOSIT": "1000000", "WITHDRAWAL": "0", "HOLD": "-600000", "RELEASE": "0", "SETTLE": "540000", "EARN": "0", "CREDIT_NOTE": "0",
        "APPROVAL": "0",
    }  # fmt: skip
    assert before["openingMicroUsdc"] == "0" and before["closingMicroUsdc"] == "940000" == now["openingMicroUsdc"]
    assert now["closingMicroUsdc"] == "880000"
    for month in ("2026-13", "2026-00", "1999-01", "202603", "x"):
        assert client.get(f"/wallet/statements/{month}").status_code == 404, month
