"""A sample against the end of its session: in the bill, or refused; never neither."""

import time
from datetime import timedelta
from itertools import cycle, islice

import pytest

from config.kernel import clock
from config.kernel.access import system
from sessions.field import services as field
from sessions.field.states import Side
from sessions.metering.models import MeterRecord
from sessions.telemetry import services
from sessions.telemetry.models import TelemetryChallenge, TelemetrySample
from tests.at_once import at_once
from tests.factories.sessions import make_operator, make_session, make_workspace
from tests.factories.telemetry import sample
from tests.soak import amount

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = amount(25, 200)


@pytest.fixture
def parties():
    supplier = make_workspace()
    return make_workspace(roles=["CONSUMER"]), supplier


@pytest.fixture(autouse=True)
def _log_is_gone():
    yield
    # An unmanaged table is not flushed between tests.
    TelemetrySample.objects.all()._raw_delete("default")


def live(parties, **fields):
    consumer, supplier = parties
    began = clock.now() - timedelta(seconds=20)
    operator = make_operator(supplier)
    fields = {"mode": "telemetry", "required_trust_tier": 1, "environment": "TEST", **fields}
    operator.environment = fields["environment"]
    operator.save()
    return make_session(consumer, "LIVE", operator=operator, assigned_at=began, started_at=began, **fields)


def test_every_sample_is_in_the_bill_or_refused(parties):
    both = set()
    # (seconds by which the samples, by which the end is late): at the same moment, and each first once in a while.
    for samples_late, end_late in islice(cycle([(0, 0), (0, 0.1), (0, 0), (0.1, 0)]), ROUNDS):
        session = live(parties)
        sent = [[services.read(sample(session, clock.now() - timedelta(seconds=k), parties[1].wallet), session.pk)] for k in (3, 6)]

        def put(one, session=session, late=samples_late):
            time.sleep(late)
            return services.ingest(session_id=session.pk, sent=one, received_at=clock.now()).answers[0].verdict

        def end(session=session, late=end_late):
            time.sleep(late)
            field.end(actor=system("tests"), session_id=session.pk, side=Side.OPERATOR)
            return "ended"

        *told, ended = at_once(lambda: put(sent[0]), lambda: put(sent[1]), end)
        assert ended == "ended" and set(told) <= {"in_fence", "invalid_state"}
        record = MeterRecord.objects.get(session=session)
        assert record.samples.get("in_fence", 0) == told.count("in_fence") == TelemetrySample.objects.filter(session=session).count()
        both |= set(told)
    assert both == {"in_fence", "invalid_state"}


def test_the_same_sample_many_times_at_once_is_one(parties):
    session = live(parties)
    one = [services.read(sample(session, clock.now(), parties[1].wallet), session.pk)]
    answers = at_once(*[lambda: services.ingest(session_id=session.pk, sent=one, received_at=clock.now()).answers[0]] * 8)
    assert sum(answer.duplicate for answer in answers) == 7 and TelemetrySample.objects.filter(session=session).count() == 1


def test_density_holds_between_writers(parties):
    session, second = live(parties), clock.now().replace(microsecond=0)
    sent = [[services.read(sample(session, second + timedelta(milliseconds=60 * k), parties[1].wallet), session.pk)] for k in range(14)]
    answers = at_once(*[lambda one=one: services.ingest(session_id=session.pk, sent=one, received_at=clock.now()).answers[0] for one in sent])
    assert sorted(answer.code or "" for answer in answers) == [""] * 10 + ["too_dense"] * 4


def test_one_nonce_at_a_time(parties):
    session = live(parties, required_trust_tier=2)
    sent = [[services.read(sample(session, clock.now() - timedelta(seconds=k), parties[1].wallet), session.pk)] for k in range(8)]
    nonces = at_once(*[lambda one=one: services.ingest(session_id=session.pk, sent=one, received_at=clock.now()).challenge for one in sent])
    assert len(set(nonces)) == 1 and TelemetryChallenge.objects.filter(session=session).count() == 1
