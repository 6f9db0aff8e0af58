"""What is to be recorded is a row; the poll says it to the provider until it does so."""

from datetime import timedelta
from uuid import uuid4

import pytest

from config.kernel import clock
from sessions.field.models import FieldSession
from sessions.media import reconcile, services, takes
from sessions.media.models import MediaInput
from sessions.media.provider import Status, Take
from sessions.media.signals import recording_settled
from sessions.media.states import Flow

pytestmark = pytest.mark.django_db
RECORDING, OTHER = uuid4(), uuid4()


@pytest.fixture
def settled():
    """How often the recordings were told that the provider does what is wanted."""
    heard = []

    def hear(sender, session_id, **_):
        heard.append(session_id)

    recording_settled.connect(hear)
    yield heard
    recording_settled.disconnect(hear)


@pytest.fixture
def live(fake, session):
    """The input of a LIVE session that nobody asked to record; its media flows and was just looked at."""
    FieldSession.objects.filter(pk=session.pk).update(record=False)
    session.refresh_from_db()
    services.open_input(session)
    row = MediaInput.objects.get()
    now = clock.now()
    FieldSession.objects.filter(pk=session.pk).update(state="LIVE", started_at=now)
    fake.statuses[row.ref] = Status(Flow.FLOWING, 1, now)
    fake.taken[row.ref] = ""
    reconcile.run()
    assert fake.recorded == [] and row.recording_id is None
    return row


def test_an_input_of_a_session_that_asks_for_it_is_recorded_from_the_first_picture(fake, session):
    services.open_input(session)
    row = MediaInput.objects.get()
    assert takes.of(row) == Take(row.recording_id) and row.recording_settled
    takes.begin(session_id=session.pk, recording_id=row.recording_id)
    assert MediaInput.objects.get().revision == row.revision


def test_it_is_said_at_once_once_and_again_to_one_that_forgot(fake, live, settled):
    takes.begin(session_id=live.session_id, recording_id=RECORDING)
    for _ in range(2):
        reconcile.run()
    assert fake.recorded == [(live.ref, Take(RECORDING))] and settled == [live.session_id]
    # Killed: the new process asks the database when the publisher is back; one that recorded something else is told.
    for forgot, times in ((None, 1), ("", 2), (str(OTHER), 3)):
        fake.taken[live.ref] = forgot
        MediaInput.objects.update(flow_at=None)
        reconcile.run()
        assert fake.recorded == [(live.ref, Take(RECORDING))] * times
    assert settled == [live.session_id]


def test_an_end_is_settled_when_the_provider_was_heard_and_not_before(fake, live, settled):
    takes.begin(session_id=live.session_id, recording_id=RECORDING)
    reconcile.run()
    fake.down = True
    takes.end(session_id=live.session_id, recording_id=RECORDING)
    for _ in range(2):
        assert reconcile.run()["failed"] == 1
    assert not MediaInput.objects.get().recording_settled and len(settled) == 1
    # Of another recording: nothing happens.
    takes.end(session_id=live.session_id, recording_id=OTHER)
    fake.down = False
    reconcile.run()
    assert fake.recorded[-1] == (live.ref, None) and MediaInput.objects.get().recording_settled and len(settled) == 2


def test_what_changes_while_the_provider_is_told_is_told_again(fake, live, settled, monkeypatch):
    plain = fake.record

    def slowly(ref, take):
        plain(ref, take)
        monkeypatch.setattr(fake, "record", plain)
        takes.end(session_id=live.session_id, recording_id=RECORDING)

    monkeypatch.setattr(fake, "record", slowly)
    takes.begin(session_id=live.session_id, recording_id=RECORDING)
    reconcile.run()
    assert settled == [] and not MediaInput.objects.get().recording_settled
    reconcile.run()
    assert fake.recorded == [(live.ref, Take(RECORDING)), (live.ref, None)] and settled == [live.session_id]


def test_a_window_ends_by_itself(fake, live, settled):
    until = clock.now() + timedelta(seconds=5)
    takes.begin(session_id=live.session_id, recording_id=RECORDING, until=until)
    reconcile.run()
    assert fake.recorded == [(live.ref, Take(RECORDING, until))]
    with clock.frozen(until - timedelta(milliseconds=1)):
        reconcile.run()
    assert len(fake.recorded) == 1
    with clock.frozen(until):
        reconcile.run()
    assert fake.recorded[1:] == [(live.ref, None)] and len(settled) == 2
    row = MediaInput.objects.get()
    assert (row.recording_id, row.recording_until, row.recording_settled) == (None, None, True)
