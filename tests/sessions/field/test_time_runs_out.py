"""Deadlines, caps and sessions whose media stays away; late tasks, repeated tasks, refused calls (05 §3, §14: 6, 8)."""

from datetime import timedelta

import pytest

from config.kernel import clock
from sessions.field import services, tasks
from sessions.field.models import FieldSession
from tests.sessions.settlement.helpers import balances

pytestmark = pytest.mark.django_db
START = clock.now().replace(microsecond=0)


def at(seconds: float):
    return clock.frozen(START + timedelta(seconds=seconds))


def data(reply):
    assert reply.status_code < 300, reply.content
    return reply.json()["data"]


def test_the_task_expires_what_is_due_once(consumer, request_session):
    before = balances(consumer.workspace)
    with at(0):
        pk, other = request_session(), request_session(waitTimeoutSeconds=30)
    with at(30):
        assert tasks.expire.run_once() == {"moved": 1} and tasks.expire.run_once() == {"moved": 0}
    with at(600):
        assert tasks.expire.run_once() == {"moved": 1}
    row = FieldSession.objects.get(pk=pk)
    assert (row.state, row.end_reason, row.ended_at, row.gross_micro) == ("EXPIRED", "deadline", row.deadline_at, 0)
    assert FieldSession.objects.get(pk=other).ended_at == START + timedelta(seconds=30)
    assert [event.type for event in row.events.all()] == ["session.requested", "session.expired"]
    assert balances(consumer.workspace) == before and row.settlement.state == "NONE"


def test_without_media_it_is_never_live_and_costs_nothing(supplier, started):
    with at(0):
        pk = started()
    with at(599):
        assert FieldSession.objects.get(pk=pk).state == "ASSIGNED"
    with at(601):
        services.expire_due()
    row = FieldSession.objects.get(pk=pk)
    assert (row.state, row.gross_micro, row.started_at, row.settlement.state) == ("EXPIRED", 0, None, "NONE")


def test_media_that_began_before_the_deadline_counts_though_it_is_heard_of_later(started, media):
    with at(0):
        pk = started(waitTimeoutSeconds=30)
    with at(31):
        media.flows(pk, START + timedelta(seconds=29.9))
    assert FieldSession.objects.get(pk=pk).started_at == START + timedelta(seconds=29.9)


def test_media_after_the_deadline_makes_nothing_live(started, media):
    with at(0):
        pk = started(waitTimeoutSeconds=30)
    with at(30):
        media.flows(pk, START + timedelta(seconds=30))
        assert FieldSession.objects.get(pk=pk).state == "ASSIGNED"
        assert not services.go_live(pk, START + timedelta(seconds=30))


def test_a_late_task_charges_the_cap_and_an_end_after_it_answers_with_it(consumer, live):
    for by in ("task", "end"):
        with at(0):
            pk = live(START)
        with at(700):
            bill = data(consumer.client.post(f"/sessions/{pk}/end")) if by == "end" else services.expire_due() and None
        row = FieldSession.objects.get(pk=pk)
        assert (row.state, row.end_reason, row.ended_at) == ("EXPIRED", "max_duration", START + timedelta(seconds=600))
        assert (row.clean_seconds, row.gross_micro) == (600, 600_000)
        assert bill is None or (bill["state"], bill["chargedMicroUsdc"]) == ("EXPIRED", "600000")


def test_media_that_stays_away_ends_it_and_the_gap_is_free(live, media, settings):
    with at(0):
        pk = live(START, maxDurationSeconds=3600)
    with at(70):
        media.lost(pk, START + timedelta(seconds=60))
    assert FieldSession.objects.get(pk=pk).media_lost_at == START + timedelta(seconds=60)
    with at(959):
        assert services.expire_due() == 0
    with at(2000):
        assert services.expire_due() == 1
    row = FieldSession.objects.get(pk=pk)
    assert (row.state, row.end_reason, row.ended_at) == ("ENDED", "abandoned", START + timedelta(seconds=960))
    assert (row.clean_seconds, row.failed_seconds, row.gross_micro) == (60, 900, 60_000)
    assert [event.type for event in row.events.all()][3:5] == ["session.media_lost", "session.ended"]


def test_zero_means_nobody_gives_up(live, media, settings):
    settings.ABANDON_AFTER_SECONDS = 0
    with at(0):
        pk = live(START, maxDurationSeconds=3600)
    with at(70):
        media.lost(pk, START + timedelta(seconds=60))
    with at(3599):
        assert services.expire_due() == 0


def test_a_gap_is_not_billed_and_both_turns_are_told(consumer, live, media):
    with at(0):
        pk = live(START)
    with at(60):
        media.lost(pk, START + timedelta(seconds=20))
        media.flows(pk, START + timedelta(seconds=30))
        bill = data(consumer.client.post(f"/sessions/{pk}/end"))
    assert (bill["cleanSeconds"], bill["failedSeconds"], bill["chargedMicroUsdc"]) == (50, 10, "50000")
    types = [event.type for event in FieldSession.objects.get(pk=pk).events.all()]
    assert types.index("session.media_lost") < types.index("session.media_resumed") < types.index("session.ended")
    numbers = [event.sequence for event in FieldSession.objects.get(pk=pk).events.all()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_row_that_cannot_be_moved_is_set_aside_for_the_round(request_session, monkeypatch):
    from sessions.field import joins

    with at(0):
        bad, good = request_session(), request_session()
    real = joins.release

    def release(session):
        if str(session.pk) == bad:
            raise RuntimeError("a poison row")
        real(session)

    monkeypatch.setattr(joins, "release", release)
    with at(600):
        assert services.expire_due() == 1
    assert FieldSession.objects.get(pk=good).state == "EXPIRED" and FieldSession.objects.get(pk=bad).state == "REQUESTED"


@pytest.mark.parametrize("call", ["dispatch", "candidates", "start", "delete"])
def test_every_refused_call_expires_what_it_met(consumer, supplier, request_session, media, call):
    with at(0):
        pk = request_session()
        if call == "start":
            data(supplier.client.post(f"/sessions/{pk}/accept"))
    with at(600):
        reply = {
            "dispatch": lambda: consumer.client.post(f"/sessions/{pk}/dispatch", idempotency_key="once"),
            "candidates": lambda: consumer.client.get(f"/sessions/{pk}/candidates"),
            "start": lambda: supplier.client.post(f"/sessions/{pk}/start"),
            "delete": lambda: consumer.client.delete(f"/sessions/{pk}"),
        }[call]()
    assert (reply.status_code, reply.json()["data"]["state"]) == (409, "EXPIRED")
    assert FieldSession.objects.get(pk=pk).state == "EXPIRED"
