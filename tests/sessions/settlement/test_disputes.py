"""Objections, rejections and credit notes: what is given back is booked anew, and the bill stays as it was."""

from datetime import timedelta

import pytest
from django.forms.models import model_to_dict

from config.kernel import clock
from sessions.settlement import crediting, disputes
from sessions.settlement.ledger import books
from sessions.settlement.models import LedgerEntry, Settlement
from sessions.settlement.states import BookingKind
from tests.factories.sessions import key_token
from tests.sessions.settlement.helpers import balances, ended, fund, parties, system_balance

pytestmark = pytest.mark.django_db
WHY = {"reason": "The picture was black for the last ten seconds."}


@pytest.fixture
def bill(db):
    """(consumer, operator, session) of a minute, paid."""
    consumer, operator = parties()
    fund(consumer, 600000)
    return consumer, operator, ended(consumer, operator)


def owner(workspace):
    return workspace.members.get(role="OWNER").user


@pytest.mark.parametrize(
    ("seconds", "rate", "bps", "back", "expected"),
    [(60, 1000, 1500, 10, (10000, 8500, 1500)), (7, 333, 250, 3, (999, 974, 25)), (60, 1000, 1500, 60, (60000, 51000, 9000))],
)
def test_what_seconds_of_a_bill_come_to(seconds, rate, bps, back, expected):
    assert tuple(crediting.credited(seconds, back, rate, bps)) == expected


def test_a_consumer_objects_once(api, bill):
    consumer, operator, session = bill
    client = api(token=key_token(consumer, "sessions:create", "sessions:read"))
    made = client.post(f"/sessions/{session.pk}/dispute", WHY)
    assert made.status_code == 201 and made.json()["data"]["state"] == "OPEN"
    assert client.post(f"/sessions/{session.pk}/dispute", WHY).json()["code"] == "dispute_exists"
    assert api(owner(operator.workspace)).get(f"/sessions/{session.pk}/dispute").json()["data"]["reason"] == WHY["reason"]


def test_only_the_consumer_objects(api, bill, alice, mallory):
    _, operator, session = bill
    assert api(owner(operator.workspace)).post(f"/sessions/{session.pk}/dispute", WHY).json()["code"] == "consumer_side_required"
    assert api(alice).post(f"/sessions/{session.pk}/dispute", WHY).json()["code"] == "consumer_side_required"
    assert api(mallory).post(f"/sessions/{session.pk}/dispute", WHY).status_code == 403
    stranger, _ = parties()
    assert api(owner(stranger)).post(f"/sessions/{session.pk}/dispute", WHY).status_code == 404


def test_the_window_is_seven_days_to_the_second(api, bill):
    consumer, _, session = bill
    client = api(owner(consumer))
    with clock.frozen(session.ended_at + timedelta(days=7, seconds=1)):
        assert disputes.dispute_refusal(session) == "dispute_window_closed" == disputes.void_refusal(session)
    with clock.frozen(session.ended_at + timedelta(days=7)):
        assert disputes.dispute_refusal(session) is None
        disputes.open_dispute(actor=_actor(consumer), session_id=session.pk, reason=WHY["reason"])
    with clock.frozen(session.ended_at + timedelta(days=8)):
        assert disputes.void_refusal(session) is None
    assert client.post(f"/sessions/{session.pk}/dispute", {"reason": "short"}).status_code == 400


def _actor(workspace):
    from operators.access.backend import actor_of_user

    return actor_of_user(owner(workspace))


def test_what_was_not_charged_cannot_be_disputed(api):
    consumer, operator = parties()
    fund(consumer, 600000)
    free, tried = ended(consumer, operator, seconds=0), ended(consumer, operator, environment="TEST")
    for session in (free, tried):
        assert api(owner(consumer)).post(f"/sessions/{session.pk}/dispute", WHY).json()["code"] == "invalid_state"


def test_a_rejected_dispute_leaves_the_bill(api, bill, alice):
    consumer, _, session = bill
    path = f"/sessions/{session.pk}/dispute"
    assert api(alice).post(f"{path}/reject", {"reason": "The log says otherwise."}).json()["code"] == "no_open_dispute"
    api(owner(consumer)).post(path, WHY)
    assert api(owner(consumer)).post(f"{path}/reject", {"reason": "no"}).status_code == 403
    rejected = api(alice).post(f"{path}/reject", {"reason": "The log says otherwise."})
    assert rejected.status_code == 200 and rejected.json()["data"]["state"] == "REJECTED"
    assert api(alice).post(f"{path}/reject", {"reason": "Again."}).json()["code"] == "no_open_dispute"


def test_ten_seconds_given_back_by_both_sides(api, bill, alice):
    consumer, operator, session = bill
    untouched = [model_to_dict(row) for row in (session, Settlement.objects.get(session=session))]
    api(owner(consumer)).post(f"/sessions/{session.pk}/dispute", WHY)
    made = api(alice).post(f"/sessions/{session.pk}/void", {"reason": "Ten black seconds.", "seconds": 10})
    assert made.status_code == 201, made.content
    note = made.json()["data"]
    assert (note["grossMicroUsdc"], note["operatorMicroUsdc"], note["feeMicroUsdc"]) == ("10000", "8500", "1500")
    assert balances(consumer) == (550000, 0) and balances(operator.workspace) == (42500, 0) and system_balance("fees") == 7500
    session.refresh_from_db()
    now = [model_to_dict(row) for row in (session, Settlement.objects.get(session=session))]
    for was, is_now in zip(untouched, now, strict=True):
        for counter in ("event_sequence", "revision"):
            was.pop(counter, None), is_now.pop(counter, None)
        assert was == is_now
    assert api(alice).post(f"/sessions/{session.pk}/void", {"reason": "Again."}).json()["code"] == "already_credited"
    assert api(owner(consumer)).get(f"/sessions/{session.pk}/dispute").json()["data"]["state"] == "UPHELD"
    told = api(owner(operator.workspace)).get(f"/settlements/{session.pk}").json()["data"]
    assert told["creditNote"]["seconds"] == 10 and told["state"] == "CONFIRMED" and told["grossMicroUsdc"] == "60000"
    kinds = list(session.events.values_list("type", flat=True))
    assert kinds[-3:] == ["dispute.opened", "dispute.closed", "credit_note.issued"]
    earnings = api(owner(operator.workspace)).get("/wallet/earnings").json()["data"]["totals"]
    assert (earnings["earnedMicroUsdc"], earnings["creditedMicroUsdc"], earnings["netMicroUsdc"]) == ("51000", "8500", "42500")


def test_an_operator_who_spent_it_is_not_overdrawn_but_the_platform_may_pay(api, bill, alice):
    consumer, operator, session = bill
    books.move_in(kind=BookingKind.WITHDRAWAL, workspace=operator.workspace, amount=-51000, reference="paid out")
    lines = LedgerEntry.objects.count()
    refused = api(alice).post(f"/sessions/{session.pk}/void", {"reason": "Black."})
    assert refused.status_code == 409 and refused.json()["code"] == "insufficient_pool"
    assert LedgerEntry.objects.count() == lines and balances(consumer) == (540000, 0)
    assert api(alice).post(f"/sessions/{session.pk}/void", {"reason": "Black.", "seconds": 9, "fundedBy": "platform"}).status_code == 201
    assert balances(consumer) == (549000, 0) and system_balance("fees") == 0


def test_who_may_not_void_and_what_is_no_number_of_seconds(api, bill, alice, bob):
    consumer, _, session = bill
    for person in (owner(consumer), bob):
        refused = api(person).post(f"/sessions/{session.pk}/void", {"reason": "Mine."})
        assert refused.status_code == 403 and refused.json()["data"]["permission"] == "settlement:void"
    for seconds in (0, 61, -1, "x"):
        assert api(alice).post(f"/sessions/{session.pk}/void", {"reason": "x", "seconds": seconds}).status_code == 400


def test_a_settlement_before_and_after(api, alice):
    from tests.factories.sessions import make_session

    consumer, operator = parties()
    fund(consumer, 1_200_000)
    waiting = make_session(consumer)
    client = api(owner(consumer))
    assert client.get(f"/settlements/{waiting.pk}").json()["data"] == {
        "sessionId": str(waiting.pk), "state": "NOT_READY", "grossMicroUsdc": "0", "operatorMicroUsdc": "0", "feeMicroUsdc": "0",
    }  # fmt: skip
    paid = ended(consumer, operator)
    told = client.get(f"/settlements/{paid.pk}").json()["data"]
    assert told["state"] == "CONFIRMED" and told["operatorMicroUsdc"] == "51000" and told["confirmedAt"] and "txHash" not in told
    refused = api(alice).post(f"/settlements/{paid.pk}/retry")
    assert refused.status_code == 409 and refused.json()["data"] == {"state": "CONFIRMED", "allowed": ["FAILED"]}
    assert api(alice).get(f"/settlements/{paid.pk}/actions").json()["data"]["actions"]["retry"]["enabled"] is False
    stranger, _ = parties()
    assert api(owner(stranger)).get(f"/settlements/{paid.pk}").status_code == 404
