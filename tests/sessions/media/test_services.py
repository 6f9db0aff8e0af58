"""Inputs and tokens: made once, the same at every call, gone with the session."""

from datetime import timedelta
from threading import Thread

import pytest

from config.kernel import clock, credentials
from config.kernel.errors import ApiError
from sessions.field.models import FieldSession
from sessions.media import admission, services, tasks, teardown
from sessions.media.models import MediaInput, MediaTeardown, ViewerToken
from sessions.media.provider import Take
from sessions.media.states import InputState
from tests.factories.sessions import make_operator, make_session, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)


def code(call, *arguments, **named):
    with pytest.raises(ApiError) as caught:
        call(*arguments, **named)
    return caught.value.code


def cancel(session):
    FieldSession.objects.filter(pk=session.pk).update(state="CANCELLED", ended_at=clock.now())
    session.refresh_from_db()


def test_the_second_start_gives_the_same_urls(fake, session):
    first, second = services.open_input(session), services.open_input(session)
    assert (first.whip_url, first.edge.publish_token, first.edge.view_token) == (second.whip_url, second.edge.publish_token, second.edge.view_token)
    assert first.video_backend_ref == MediaInput.objects.get().pk
    assert credentials.prefix_of(first.edge.publish_token) == "tr_edge_"
    assert services.publish_access(session).whip_url == first.whip_url
    assert services.media_started(session)
    assert len(fake.made) == 1


def test_no_token_and_no_url_is_stored(fake, session):
    opened = services.open_input(session)
    row = MediaInput.objects.values().get()
    for secret in (opened.edge.publish_token, opened.edge.view_token, opened.whip_url):
        assert secret not in str(row) + str(list(ViewerToken.objects.values()))
        assert secret not in repr(opened)


def test_another_start_meanwhile_waits_and_takes_over_what_was_left(fake, session):
    MediaInput.objects.create(session=session, provider="fake", minting_at=clock.now() - timedelta(seconds=14))
    assert code(services.open_input, session) == "start_in_progress"
    made = MediaInput.objects.get()
    # As if killed after the provider's create.
    fake.made[str(made.pk)] = str(made.pk)
    MediaInput.objects.update(minting_at=clock.now() - timedelta(seconds=16))
    assert services.open_input(session).video_backend_ref == made.pk
    assert len(fake.made) == 1


def test_a_provider_that_is_down_leaves_the_session_usable(fake, session):
    fake.down = True
    assert code(services.open_input, session) == "provider_unavailable"
    assert code(services.viewer_access, session, session.consumer_workspace) == "not_started"
    fake.down = False
    assert services.open_input(session).whip_url


def test_a_session_that_ends_while_its_input_is_made_leaves_none(fake, session):
    fake.during_create = lambda: cancel(session)
    assert code(services.open_input, session) == "invalid_state"
    teardown.run_due()
    assert fake.made == {}
    assert MediaInput.objects.get().state == InputState.GONE
    assert code(services.open_input, session) == "invalid_state"


def test_starts_at_once_make_one_input(fake, session):
    outcomes = []

    def start():
        from django.db import connection

        try:
            outcomes.append(services.open_input(session).whip_url)
        except ApiError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    urls = {outcome for outcome in outcomes if outcome.startswith("http")}
    assert len(urls) == 1 and set(outcomes) <= urls | {"start_in_progress"}
    assert len(fake.made) == 1 and MediaInput.objects.count() == 1


def test_twenty_viewers_a_workspace_can_be_let_in_at_a_time(fake, session):
    services.open_input(session)
    consumer, supplier = session.consumer_workspace, session.operator_workspace
    urls = {services.viewer_access(session, consumer).whep_url for _ in range(20)}
    assert len(urls) == 20
    assert code(services.viewer_access, session, consumer) == "concurrency_limit_reached"
    assert services.viewer_access(session, supplier).whep_url
    assert services.program_access(session).whep_url
    # The publisher's own never counts.
    assert services.publish_access(session).edge.view_token
    ViewerToken.objects.filter(workspace=consumer).first().delete()
    assert services.viewer_access(session, consumer).expires_at > clock.now() + timedelta(seconds=890)


def test_tokens_open_their_own_input_until_it_is_gone(fake, session):
    opened = services.open_input(session)
    made = MediaInput.objects.get()
    admitted = admission.publisher(opened.edge.publish_token)
    assert (admitted.ref, admitted.session_id, admitted.take) == (made.ref, str(session.pk), Take(made.recording_id))
    assert admission.viewer(opened.edge.view_token).ref == made.ref

    def refused(ask, token):
        with pytest.raises(admission.Refused) as caught:
            ask(token)
        return caught.value.code

    assert refused(admission.publisher, opened.edge.view_token) == "credential_not_accepted"
    assert refused(admission.viewer, opened.edge.publish_token) == "credential_not_accepted"
    assert refused(admission.publisher, opened.edge.publish_token[:-1] + "x") == "credential_invalid"
    assert refused(admission.publisher, credentials.mint("tr_edge_").token) == "credential_invalid"
    with clock.frozen(clock.now() + timedelta(seconds=901)):
        assert refused(admission.viewer, opened.edge.view_token) == "credential_expired"
    cancel(session)
    assert refused(admission.publisher, opened.edge.publish_token) == "not_found"
    assert refused(admission.viewer, opened.edge.view_token) == "not_found"


def test_program_viewers_are_kicked_and_their_tokens_die(fake, session):
    services.open_input(session)
    token = services.program_access(session).whep_url.rpartition("/")[2]
    services.kick_program(session)
    assert [(what.value, group) for _, what, group in fake.kicked] == [("viewers", "program")]
    with pytest.raises(admission.Refused) as caught:
        admission.viewer(token)
    assert caught.value.code == "not_found"
    assert admission.viewer(services.program_access(session).whep_url.rpartition("/")[2]).group == "program"


def test_a_removal_that_fails_is_tried_until_it_works(fake, session):
    services.open_input(session)
    cancel(session)
    fake.down = True
    with clock.frozen(now := clock.now()):
        services.tear_down(session)
    delays = []
    for _ in range(5):
        row = MediaTeardown.objects.get()
        delays.append(round((row.next_at - now).total_seconds()))
        with clock.frozen(now := row.next_at):
            teardown.run_due()
    assert delays == [0, 1, 5, 30, 60]
    fake.down = False
    with clock.frozen(MediaTeardown.objects.get().next_at):
        assert teardown.run_due() == {"removed": 1, "failed": 0}
        assert teardown.run_due() == {"removed": 0, "failed": 0}
    assert fake.made == {} and MediaInput.objects.get().state == InputState.GONE


def test_a_removal_that_breaks_holds_up_no_other(fake, session, monkeypatch):
    other = make_session(session.consumer_workspace, "ASSIGNED", operator=make_operator(make_workspace()))
    for one in (session, other):
        services.open_input(one)
        cancel(one)
        services.tear_down(one)
    delete, broken = fake.delete, MediaInput.objects.get(session=session).ref
    monkeypatch.setattr(fake, "delete", lambda ref: {}["result"] if ref == broken else delete(ref))
    now = MediaTeardown.objects.order_by("-next_at").first().next_at
    with clock.frozen(now):
        assert teardown.run_due() == {"removed": 1, "failed": 1}
    row = MediaTeardown.objects.get(done_at=None)
    assert (row.input.ref, row.tries, row.last_error, row.next_at) == (broken, 1, "internal_error", now + timedelta(seconds=1))


def test_a_session_that_was_never_started_has_nothing_to_remove(fake, session):
    cancel(session)
    services.tear_down(session)
    assert not MediaTeardown.objects.exists()


def test_the_sweep_removes_what_no_open_session_owns(fake, session):
    services.open_input(session)
    kept = MediaInput.objects.get()
    consumer = session.consumer_workspace
    over = make_session(consumer, "ASSIGNED", operator=make_operator(make_workspace()))
    services.open_input(over)
    cancel(over)
    old = MediaInput.objects.get(session=over)
    MediaInput.objects.filter(pk=old.pk).update(updated_at=clock.now() - timedelta(minutes=6))
    stray, young = "0196c8a1-7b00-7000-8000-000000000001", "0196c8a1-7b00-7000-8000-000000000002"
    for name, minutes in ((stray, 6), (young, 4)):
        fake.made[name] = name
        fake.created_at[name] = clock.now() - timedelta(minutes=minutes)
    fake.made["somebody elses"] = "somebody elses"
    tasks.orphans.run_once()
    assert set(fake.made) == {str(kept.pk), young, "somebody elses"}


def test_the_frame_of_a_session_that_is_not_live_is_not_there(fake, session):
    assert code(services.frame, session) == "frame_not_available"
    services.open_input(session)
    assert code(services.frame, session) == "frame_not_available"
    FieldSession.objects.filter(pk=session.pk).update(state="LIVE", started_at=clock.now())
    session.refresh_from_db()
    assert services.frame(session) == b"\xff\xd8"
