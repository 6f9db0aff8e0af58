"""The inbox, the poll, and what the session hears of them."""

import json
from datetime import timedelta

import pytest

from config.kernel import clock
from sessions.field import services as field
from sessions.field.models import FieldSession
from sessions.media import events, provider, reconcile, services, tokens, windows
from sessions.media.models import MediaEvent, MediaInput
from sessions.media.provider import Status
from sessions.media.states import Flow
from tests.factories.sessions import make_operator, make_session, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(monkeypatch):
    """What the session was told, in order; it moves as the session would."""
    said = []

    def go_live(session_id, at):
        said.append(("live", at))
        return bool(FieldSession.objects.filter(pk=session_id, state="ASSIGNED").update(state="LIVE", started_at=at))

    def media_lost(session_id, at):
        said.append(("lost", at))
        return FieldSession.objects.filter(pk=session_id).update(media_lost_at=at)

    def media_resumed(session_id, at):
        said.append(("resumed", at))
        return FieldSession.objects.filter(pk=session_id).update(media_lost_at=None)

    for function in (go_live, media_lost, media_resumed):
        monkeypatch.setattr(field, function.__name__, function, raising=False)
    return said


@pytest.fixture
def opened(fake, session):
    FieldSession.objects.filter(pk=session.pk).update(assigned_at=clock.now() - timedelta(minutes=10), record=False)
    session.refresh_from_db()
    services.open_input(session)
    return MediaInput.objects.get()


def file(opened, *facts):
    """Events by (kind, moment), then applied."""
    made = [provider.MediaEvent(f"{kind}{at.isoformat()}", opened.ref, kind, at) for kind, at in facts]
    count = events.receive(provider.current(), made, "raw")
    events.apply(opened.pk)
    return count


def test_the_first_media_makes_it_live_with_its_own_time(opened, session, heard):
    at = clock.now() - timedelta(seconds=3)
    assert file(opened, ("flowing", at)) == 1
    assert heard == [("live", at)]
    assert file(opened, ("flowing", at)) == 0
    assert heard == [("live", at)]


def test_losses_and_returns_are_said_once(opened, session, heard):
    zero = clock.now() - timedelta(seconds=60)
    file(opened, ("flowing", zero))
    file(opened, ("lost", zero + timedelta(seconds=20)), ("lost", zero + timedelta(seconds=21)))
    file(opened, ("flowing", zero + timedelta(seconds=30)))
    assert [kind for kind, _ in heard] == ["live", "lost", "resumed"]
    assert windows.of(session) == [(zero + timedelta(seconds=20), zero + timedelta(seconds=30))]


def test_a_loss_that_arrives_before_the_beginning_makes_the_same_windows(opened, session, heard):
    zero = clock.now() - timedelta(seconds=60)
    file(opened, ("lost", zero + timedelta(seconds=20)))
    assert heard == []
    file(opened, ("flowing", zero))
    assert heard == [("live", zero), ("lost", zero + timedelta(seconds=20))]


def test_what_comes_after_the_bill_is_kept_and_flagged(opened, session, heard):
    zero = clock.now() - timedelta(seconds=60)
    file(opened, ("flowing", zero))
    FieldSession.objects.filter(pk=session.pk).update(state="ENDED", ended_at=clock.now())
    before = windows.of(session)
    file(opened, ("lost", zero + timedelta(seconds=20)))
    session.refresh_from_db()
    assert session.trust_flags == [events.LATE]
    assert windows.of(session) == before == []
    assert MediaEvent.objects.get(kind="lost").late


def test_without_webhooks_the_poll_finds_beginning_loss_and_return(opened, session, heard, fake):
    now = clock.now()

    def look(after, flow, since=None, octets=0):
        fake.statuses[opened.ref] = Status(flow, octets, now + timedelta(seconds=since) if since is not None else None)
        with clock.frozen(now + timedelta(seconds=after)):
            reconcile.run()

    look(0, Flow.CONNECTING)
    assert heard == []
    look(2, Flow.FLOWING, since=1)
    look(8, Flow.FLOWING, since=1)
    assert heard == [("live", now + timedelta(seconds=1))]
    look(9, Flow.LOST, since=8)
    assert len(heard) == 1, "a live one is looked at every five seconds"
    look(14, Flow.LOST, since=8)
    look(20, Flow.FLOWING, since=16)
    assert [(kind, round((at - now).total_seconds())) for kind, at in heard[1:]] == [("lost", 8), ("resumed", 16)]


def test_a_loss_that_is_told_while_the_poll_asks_stays(opened, session, heard, fake, monkeypatch):
    zero = clock.now() - timedelta(seconds=60)
    file(opened, ("flowing", zero))
    lost = zero + timedelta(seconds=40)

    def answers(ref):
        # What it is about to answer is no longer so.
        file(opened, ("lost", lost))
        return Status(Flow.FLOWING, 1, zero)

    with monkeypatch.context() as slow:
        slow.setattr(fake, "status", answers)
        reconcile.run()
    assert windows.of(session) == [(lost, None)] and heard[-1] == ("lost", lost)
    back = lost + timedelta(seconds=15)
    fake.statuses[opened.ref] = Status(Flow.FLOWING, 2, back)
    with clock.frozen(clock.now() + timedelta(seconds=6)):
        reconcile.run()
    assert windows.of(session) == [(lost, back)] and heard[-1] == ("resumed", back)


def test_an_answer_that_makes_no_sense_holds_up_no_other_session(opened, session, heard, fake, monkeypatch):
    other = make_session(session.consumer_workspace, "ASSIGNED", operator=make_operator(make_workspace()))
    FieldSession.objects.filter(pk=other.pk).update(assigned_at=clock.now() - timedelta(minutes=10), record=False)
    other.refresh_from_db()
    services.open_input(other)
    ref = MediaInput.objects.get(session=other).ref
    fake.statuses[ref] = Status(Flow.FLOWING, 1, clock.now() - timedelta(seconds=3))
    answer = fake.status

    def status(asked):
        return {}["inboundBytes"] if asked == opened.ref else answer(asked)

    monkeypatch.setattr(fake, "status", status)
    assert reconcile.run()["failed"] == 1
    assert [kind for kind, _ in heard] == ["live"] and FieldSession.objects.get(pk=other.pk).state == "LIVE"
    opened.refresh_from_db()
    assert opened.flow_at is not None, "the others come first"


def test_an_event_that_cannot_be_applied_holds_up_no_other(opened, session, heard, monkeypatch):
    other = make_session(session.consumer_workspace, "ASSIGNED", operator=make_operator(make_workspace()))
    services.open_input(other)
    begun, refs = clock.now(), list(MediaInput.objects.values_list("ref", flat=True))
    events.receive(provider.current(), [provider.MediaEvent(f"of {ref}", ref, "flowing", begun) for ref in refs], "raw")
    go_live = field.go_live

    def fails(session_id, at):
        if session_id == session.pk:
            raise KeyError("a hook of it")
        return go_live(session_id, at)

    monkeypatch.setattr(field, "go_live", fails)
    assert reconcile.run()["applied"] == 1
    assert dict(FieldSession.objects.values_list("pk", "state")) == {session.pk: "ASSIGNED", other.pk: "LIVE"}


def test_a_provider_without_times_is_believed_when_bytes_have_grown(opened, session, heard, fake):
    now = clock.now()
    for after, octets in ((0, 0), (1, 100), (1.2, 200), (2.3, 300)):
        fake.statuses[opened.ref] = Status(Flow.FLOWING, octets)
        with clock.frozen(now + timedelta(seconds=after)):
            reconcile.run()
        if octets < 300:
            assert heard == []
    assert heard == [("live", now + timedelta(seconds=2.3))]


def test_a_provider_that_is_away_is_a_loss_only_after_a_while(opened, session, heard, fake):
    now = clock.now()
    fake.statuses[opened.ref] = Status(Flow.FLOWING, 1, now)
    with clock.frozen(now + timedelta(seconds=1)):
        reconcile.run()
    fake.down = True
    for after in (7, 13):
        with clock.frozen(now + timedelta(seconds=after)):
            reconcile.run()
    assert len(heard) == 1
    with clock.frozen(now + timedelta(seconds=18)):
        reconcile.run()
    assert heard[1] == ("lost", now + timedelta(seconds=1))


def test_an_event_before_its_input_is_known_finds_it_later(opened, session, heard):
    MediaInput.objects.update(ref="later")
    at = clock.now()
    events.receive(provider.current(), [provider.MediaEvent("e1", "early", "flowing", at)], "raw")
    assert MediaEvent.objects.get().input is None
    MediaInput.objects.update(ref="early")
    reconcile.run()
    assert heard == [("live", at)]


# --- the route ---


def post(client, body, *, path=None, signature=None):
    raw = json.dumps(body).encode()
    headers = {"Tallyroom-Media-Signature": signature if signature is not None else tokens.events_signature(raw)}
    return client.post(f"/api/v1/video/events/{path or tokens.events_path()}", data=raw, content_type="application/json", headers=headers)


@pytest.fixture
def embedded(settings, session):
    settings.MEDIA_PROVIDER = "embedded"
    provider.reset()
    now = clock.now()
    yield MediaInput.objects.create(session=session, provider="embedded", state="READY", ref="in-1", minting_at=now, ready_at=now)
    provider.reset()


def test_a_signed_event_is_stored_once(client, embedded, heard):
    body = {"id": "e1", "ref": "in-1", "kind": "flowing", "at": "2026-05-13T08:42:00.123Z"}
    for _ in range(2):
        assert post(client, body).status_code == 204
    row = MediaEvent.objects.get()
    assert (row.input, row.kind, row.event_id) == (embedded, "flowing", "e1")


_WRONG = {"body": {"kind": "melting"}, "no time": {"at": "noon"}, "a time of nowhere": {"at": "2026-05-13T08:42:00"}, "NUL": {"id": "e\0"}}


@pytest.mark.parametrize("how", ["path", "signature", "unsigned", *_WRONG])
def test_without_both_proofs_nothing_is_stored(client, embedded, how):
    body = {"id": "e1", "ref": "in-1", "kind": "flowing", "at": "2026-05-13T08:42:00.123Z"}
    changed = {"path": {"path": "wrong"}, "signature": {"signature": "0" * 64}, "unsigned": {"signature": ""}}.get(how, {})
    body |= _WRONG.get(how, {})
    reply = post(client, body, **changed)
    assert (reply.status_code, reply.json()["code"]) == (401, "signature_invalid")
    assert not MediaEvent.objects.exists()
