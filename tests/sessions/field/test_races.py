"""One winner, one meter, at most one settlement: real threads on the real database (05 §14: 4, 5, 12)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F, Q

from config.kernel import clock
from config.kernel.access import system
from config.kernel.errors import ApiError
from operators.access.backend import actor_of_user
from operators.workspaces import services as workspaces
from sessions.field import services
from sessions.field.devices.services import default_of
from sessions.field.locking import locked, operator_locked
from sessions.field.models import FieldSession
from sessions.field.states import SessionState, Side
from sessions.metering.models import MeterRecord
from sessions.settlement import provider
from sessions.settlement.models import LedgerTransaction
from tests.at_once import alone, until_somebody_waits
from tests.cast import ApiClient
from tests.factories.sessions import key_token, make_operator, make_session, make_workspace, owned_workspace
from tests.sessions.settlement.helpers import balances, fund, together
from tests.soak import amount

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = system("tests")
# Each round is a race of its own.
ROUNDS = amount(20, 200)


@pytest.fixture
def world(db):
    consumer, supplier = make_workspace(roles=["CONSUMER"]), make_workspace()
    fund(consumer, 10**9)
    return consumer, make_operator(supplier)


def session_of(world, state="LIVE", **fields) -> FieldSession:
    consumer, operator = world
    session = make_session(consumer, state, operator=operator, max_duration_seconds=60, **fields)
    provider.current().reserve(session)
    return session


def end(session, side=Side.CONSUMER):
    return services.end(actor=ACTOR, session_id=session.pk, side=side).state


def cancel(session):
    return services.cancel(actor=ACTOR, session_id=session.pk, side=Side.CONSUMER).state


def live(session):
    return "LIVE" if services.go_live(session.pk, clock.now()) else "refused"


def books_are_right(session, *, settled: bool) -> None:
    kinds = Counter(LedgerTransaction.objects.filter(session=session).values_list("kind", flat=True))
    assert kinds == Counter({"HOLD": 1, "SETTLE" if settled else "RELEASE": 1})
    assert MeterRecord.objects.filter(session=session).count() <= 1


def test_two_ends_and_one_bill(world):
    for _ in range(ROUNDS):
        session = session_of(world, started_at=clock.now() - timedelta(seconds=10), assigned_at=clock.now() - timedelta(seconds=20))
        answers = together(2, lambda side: end(session, list(Side)[side]))
        assert sorted(answers) == ["ENDED", "invalid_state"]
        books_are_right(session, settled=True)
        assert [event.type for event in session.events.all()].count("session.ended") == 1


def test_an_end_and_the_cap_are_one_bill(world):
    for _ in range(ROUNDS):
        session = session_of(world, started_at=clock.now() - timedelta(seconds=61), assigned_at=clock.now() - timedelta(seconds=70))
        together(2, lambda who: end(session) if who else services.expire_due())
        session.refresh_from_db()
        assert (session.state, session.clean_seconds, session.gross_micro) == ("EXPIRED", 60, 60_000)
        books_are_right(session, settled=True)


def test_calling_off_and_the_first_media(world):
    outcomes = Counter()
    for _ in range(ROUNDS):
        session = session_of(world, "ASSIGNED")
        answers = together(2, lambda who: cancel(session) if who else live(session))
        session.refresh_from_db()
        outcomes[session.state] += 1
        if session.state == SessionState.CANCELLED:
            assert session.started_at is None and sorted(answers) == ["CANCELLED", "refused"]
            books_are_right(session, settled=False)
        else:
            assert session.state == SessionState.LIVE and sorted(answers) == ["LIVE", "invalid_state"]
            end(session)
    assert sum(outcomes.values()) == ROUNDS


def test_cancel_all_and_the_first_media(world):
    _, operator = world
    for _ in range(ROUNDS):
        session = session_of(world, "ASSIGNED")
        answers = together(2, lambda who: len(services.cancel_all(actor=ACTOR, workspace=operator.workspace)) if who else live(session))
        session.refresh_from_db()
        assert (session.state, answers) in [("CANCELLED", ["refused", 1]), ("LIVE", ["LIVE", 0])]
        if session.state == SessionState.LIVE:
            end(session)
    assert not FieldSession.objects.filter(state=SessionState.CANCELLED, started_at__isnull=False).exists()
    assert not FieldSession.objects.filter(~Q(metered_seconds=F("clean_seconds") + F("failed_seconds"))).exists()
    assert balances(world[0])[1] == 0


def test_cancel_all_with_a_key_holds_nothing_that_a_move_of_the_next_one_needs(world):
    supplier = owned_workspace(roles=["SUPPLIER"])
    client = ApiClient(key_token(supplier, "sessions:read", "sessions:operate"))
    first, second = (session_of((world[0], make_operator(supplier)), "ASSIGNED") for _ in range(2))
    FieldSession.objects.filter(pk=first.pk).update(assigned_at=clock.now() - timedelta(minutes=1))

    def cancel_all():
        return client.post("/sessions/cancel-all-assignments", {}, Idempotency_Key="all")

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            locked(second.pk)
            called = pool.submit(alone, cancel_all)
            until_somebody_waits()
            assert pool.submit(alone, cancel_all).result(20).json()["code"] == "idempotency_key_in_use"
            # As the consumer's own call, which needs the topic's number last.
            cancel(second)
        reply = called.result(20)
    assert reply.status_code == 200, reply.content
    assert [row["id"] for row in reply.json()["data"]["cancelled"]] == [str(first.pk)]
    assert set(FieldSession.objects.values_list("state", "end_reason")) == {("CANCELLED", "operator"), ("CANCELLED", "consumer")}
    again = cancel_all()
    assert again["Idempotent-Replayed"] == "true" and again.json()["data"] == reply.json()["data"]


def test_twenty_suppliers_accept_and_one_serves(world):
    consumer, _ = world
    suppliers = [make_workspace() for _ in range(20)]
    session = make_session(consumer)
    provider.current().reserve(session)
    answers = together(20, lambda index: services.accept(actor=ACTOR, session_id=session.pk, workspace=suppliers[index]).state)
    assert Counter(answers) == Counter({"invalid_state": 19, "ASSIGNED": 1})


def test_one_operator_for_two_requests_at_once(world):
    consumer, operator = world
    for _ in range(10):
        pair = [make_session(consumer) for _ in range(2)]
        answers = together(
            2,
            lambda index, pair=pair: (
                services.accept(actor=ACTOR, session_id=pair[index].pk, workspace=operator.workspace, operator_id=operator.pk).state
            ),
        )
        assert sorted(answers) == ["ASSIGNED", "operator_busy"]
        FieldSession.objects.filter(operator=operator).update(state="CANCELLED", ended_at=clock.now())


def test_three_accepts_of_a_fleet_of_three_take_three(world):
    consumer, operator = world
    fleet = [operator, *(make_operator(operator.workspace) for _ in range(2))]
    requests = [make_session(consumer) for _ in range(4)]
    answers = together(4, lambda index: services.accept(actor=ACTOR, session_id=requests[index].pk, workspace=operator.workspace).state)
    assert Counter(answers) == Counter({"ASSIGNED": 3, "operator_busy": 1})
    assert set(FieldSession.objects.filter(state="ASSIGNED").values_list("operator_id", flat=True)) == {one.pk for one in fleet}


def test_the_first_accept_makes_one_default_operator(world):
    consumer, _ = world
    supplier = make_workspace()
    requests = [make_session(consumer) for _ in range(4)]
    answers = together(4, lambda index: services.accept(actor=ACTOR, session_id=requests[index].pk, workspace=supplier).state)
    assert Counter(answers) == Counter({"ASSIGNED": 1, "operator_busy": 3}) and supplier.device_operators.count() == 1


def test_ten_dispatches_and_four_operators(world):
    consumer, operator = world
    fleet = {operator.pk, *(make_operator(make_workspace()).pk for _ in range(3))}
    requests = [make_session(consumer) for _ in range(10)]
    answers = together(10, lambda index: services.dispatch(actor=ACTOR, session_id=requests[index].pk).state)
    assert Counter(answers) == Counter({"ASSIGNED": 4, "no_coverage": 6})
    assert set(FieldSession.objects.filter(state="ASSIGNED").values_list("operator_id", flat=True)) == fleet


def test_two_tasks_expire_each_row_once(world):
    consumer, _ = world
    past = clock.now() - timedelta(seconds=5)
    sessions = [make_session(consumer, deadline_at=past) for _ in range(20)]
    for session in sessions:
        provider.current().reserve(session)
    moved = together(3, lambda _: services.expire_due())
    assert sum(moved) == 20
    for session in sessions:
        assert [event.type for event in session.events.all()] == ["session.expired"]


def test_a_refusal_in_a_race_names_the_state(world):
    session = session_of(world, "ASSIGNED")
    cancel(session)
    with pytest.raises(ApiError) as refused:
        cancel(session)
    assert refused.value.data == {"state": "CANCELLED", "allowed": ["ASSIGNED", "REQUESTED"]}


def test_a_workspace_is_edited_while_its_default_operator_accepts(db):
    """Accepting holds the operator's row and points at the workspace; the edit holds the workspace and waits for the operator."""
    supplier, session = owned_workspace(), make_session(make_workspace(roles=["CONSUMER"]))
    operator = default_of(supplier, session.environment)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            operator_locked(operator.pk)
            facts = {"actor": actor_of_user(supplier.owner), "workspace": supplier, "changes": {"name": "Renamed"}}
            edited = pool.submit(alone, lambda: workspaces.update(**facts).name)
            until_somebody_waits()
            services.accept(actor=ACTOR, session_id=session.pk, workspace=supplier)
        assert edited.result(20) == "Renamed"
    session.refresh_from_db()
    assert (session.state, session.operator_id) == ("ASSIGNED", operator.pk)
