"""Deliveries go out signed, are tried again as planned, survive their sender, and end."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import OperationalError, connections
from standardwebhooks import Webhook, WebhookVerificationError

from audit.models import AuditEvent
from config.kernel import clock, loops, versions
from config.kernel.outbound import sender
from operators.webhooks import delivering, services, tasks
from operators.webhooks.models import WebhookDelivery, WebhookEndpoint
from operators.webhooks.states import DELAYS_SECONDS, wait_after
from tests.kernel.test_loops import wait_for
from tests.operators.webhooks.conftest import acting, emit, make_endpoint, work_off

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("here")]


@pytest.fixture
def wired(acme, receiver):
    acme.endpoint, acme.secret = make_endpoint(acme.workspace, acme.olga, receiver.url)
    return acme


def the_delivery() -> WebhookDelivery:
    return WebhookDelivery.objects.get()


def due(delivery):
    """The clock at the moment of the delivery's next try."""
    return clock.frozen(WebhookDelivery.objects.get(pk=delivery.pk).next_attempt_at)


def test_three_tries_one_id_each_signed_anew(wired, receiver):
    receiver.replies = [500, 500, 200]
    assert emit(wired.workspace) == 1
    assert work_off() == 1 and work_off() == 0
    first = the_delivery()
    assert first.status == "pending" and 4.4 < (first.next_attempt_at - clock.now()).total_seconds() < 5.6
    for _ in range(2):
        with due(first):
            assert work_off() == 1
    done = the_delivery()
    assert (done.status, done.next_attempt_at, done.lease) == ("succeeded", None, None)
    assert [(one.status_code, one.error) for one in done.attempts.all()] == [(500, ""), (500, ""), (200, "")]
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1 and len({body for _, body in receiver.heard}) == 1
    assert len({headers["webhook-signature"] for headers, _ in receiver.heard}) == 3
    headers, body = receiver.heard[0]
    said = Webhook(wired.secret).verify(body, headers)
    assert said == {"id": headers["webhook-id"], "type": "session.live", "createdAt": said["createdAt"], "version": "2026-11-23", "sequence": 1, "data": {"state": "LIVE"}}  # fmt: skip
    assert headers["content-type"] == "application/json"
    assert WebhookEndpoint.objects.get().failing_since is None


def test_a_changed_body_is_no_longer_ours(wired, receiver):
    emit(wired.workspace)
    work_off()
    headers, body = receiver.heard[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(wired.secret).verify(body.replace(b"LIVE", b"DEAD"), headers)


def test_eight_tries_and_no_more(wired, receiver):
    receiver.replies = [503]
    emit(wired.workspace)
    moments, at = [], clock.now()
    for _ in range(8):
        with clock.frozen(at):
            assert work_off() == 1
        moments.append(at)
        at = the_delivery().next_attempt_at
    done = the_delivery()
    assert (done.status, at, done.attempts.count(), len(receiver.heard)) == ("failed", None, 8, 8)
    waits = [(later - earlier).total_seconds() for earlier, later in zip(moments, moments[1:], strict=False)]
    assert all(abs(wait - planned) <= planned * 0.1 + 0.01 for wait, planned in zip(waits, DELAYS_SECONDS[1:], strict=True))


@pytest.mark.parametrize("tries", range(1, 8))
def test_waits_keep_within_ten_percent(tries):
    assert wait_after(tries, lambda: 0.0) == timedelta(seconds=DELAYS_SECONDS[tries] * 0.9)
    assert wait_after(tries, lambda: 1.0) == timedelta(seconds=DELAYS_SECONDS[tries] * 1.1)
    assert wait_after(8) is None


def test_a_sender_killed_on_the_way_is_found_and_sent_again(wired, receiver):
    emit(wired.workspace)
    (lost,) = delivering.claim(50)
    assert work_off() == 0, "leased"
    with clock.frozen(clock.now() + timedelta(seconds=31)):
        assert work_off() == 1
    assert [(one.status_code, one.error) for one in the_delivery().attempts.all()] == [(None, "worker_lost"), (200, "")]
    # It was only slow: what it says counts no more.
    assert delivering.settle(lost, clock.now(), sender.Reply(500)) is False
    assert the_delivery().status == "succeeded" and len(receiver.heard) == 1


def test_one_that_kills_its_sender_each_time_ends(wired):
    emit(wired.workspace)
    at = clock.now()
    for _ in range(9):
        with clock.frozen(at):
            delivering.claim(50)
        at += timedelta(seconds=31)
    done = the_delivery()
    assert done.status == "failed" and {one.error for one in done.attempts.all()} == {"worker_lost"} and done.attempts.count() == 8


def test_what_was_rolled_back_is_not_told(wired):
    with pytest.raises(ZeroDivisionError):
        emit(wired.workspace, data=lambda _workspace: 1 / 0)
    assert not WebhookDelivery.objects.exists()
    assert emit(wired.workspace) == 1 and json.loads(the_delivery().body)["sequence"] == 1, "the number was not lost"


def test_numbers_have_no_gaps_and_each_subject_its_own(wired):
    emit(wired.workspace)
    emit(wired.workspace, "session.requested")  # nobody asks for it
    emit(wired.workspace, "session.ended")
    emit(wired.workspace, session="0192f0c8-0000-7000-8000-000000000002")
    emit(wired.workspace, sequence=41, session="0192f0c8-0000-7000-8000-000000000003")
    assert [json.loads(row.body)["sequence"] for row in WebhookDelivery.objects.order_by("id")] == [1, 3, 1, 41]


def test_only_who_asks_in_that_world_is_told(wired, receiver):
    make_endpoint(wired.workspace, wired.olga, receiver.url, environment="TEST")
    make_endpoint(wired.workspace, wired.olga, receiver.url, types=["dispute.opened"])
    make_endpoint(wired.workspace, wired.olga, receiver.url, enabled=False)
    assert emit(wired.workspace) == 1 and the_delivery().endpoint == wired.endpoint
    with pytest.raises(LookupError):
        emit(wired.workspace, "session.imagined")


def test_an_emission_is_three_queries(wired, django_assert_num_queries):
    # The number, who asks, the rows; and the savepoint that the test's transaction adds around them.
    with django_assert_num_queries(5):
        emit(wired.workspace)


def test_each_side_can_be_shown_its_own_view(wired):
    emit(wired.workspace, data=lambda workspace: {"for": str(workspace)})
    assert json.loads(the_delivery().body)["data"] == {"for": str(wired.workspace.pk)}


def test_bodies_are_in_the_version_of_the_endpoint(wired, receiver):
    old, _ = make_endpoint(wired.workspace, wired.olga, receiver.url, api_version="2024-11-11")
    change = versions.VersionChange(
        "2025-06-19", "sessions", "state was status", lower_event=lambda event, data: (f"old.{event}", {"status": data["state"]})
    )
    versions.register_change(change)
    try:
        emit(wired.workspace)
    finally:
        versions.unregister_change(change)
    body = json.loads(WebhookDelivery.objects.get(endpoint=old).body)
    assert (body["type"], body["data"], body["version"]) == ("old.session.live", {"status": "LIVE"}, "2024-11-11")
    assert json.loads(WebhookDelivery.objects.get(endpoint=wired.endpoint).body)["data"] == {"state": "LIVE"}


def test_gone_disables_and_discards_what_waits(wired, receiver, commits):
    told = []
    delivering.endpoint_disabled.connect(on := lambda **facts: told.append((facts["endpoint"].pk, facts["reason"])))
    receiver.replies = [410]
    for _ in range(3):
        emit(wired.workspace)
    with commits():
        delivering.attempt(delivering.claim(1)[0])
    delivering.endpoint_disabled.disconnect(on)
    row = WebhookEndpoint.objects.get()
    assert (row.enabled, row.disabled_reason) == (False, "gone") and told == [(row.pk, "gone")]
    assert sorted(WebhookDelivery.objects.values_list("status", flat=True)) == ["discarded", "discarded", "failed"]
    assert AuditEvent.objects.get(verb="webhook.endpoint.disabled").actor_label == "webhooks.dispatch"
    assert emit(wired.workspace) == 0


def test_five_failing_days_disable_and_tell_its_people(wired, receiver, commits, mailoutbox):
    receiver.replies = [500]
    wired.olga.email = "olga@example.com"
    wired.olga.save()
    emit(wired.workspace)
    work_off()
    since = WebhookEndpoint.objects.get().failing_since
    with clock.frozen(since + timedelta(days=4, hours=23)):
        emit(wired.workspace)
        work_off()
        assert WebhookEndpoint.objects.get().enabled
    with clock.frozen(since + timedelta(days=5, seconds=9)):
        emit(wired.workspace)
        work_off()
    row = WebhookEndpoint.objects.get()
    assert (row.enabled, row.disabled_reason) == (False, "failing")
    assert not WebhookDelivery.objects.filter(status="pending").exists()
    tasks.notify.run_once(str(row.pk))
    assert "olga@example.com" in [to for mail in mailoutbox for to in mail.to] and "t0psecret" not in str([mail.body for mail in mailoutbox])


def test_one_success_ends_the_counting_of_days(wired, receiver):
    receiver.replies = [500, 200]
    emit(wired.workspace)
    work_off()
    with due(the_delivery()):
        work_off()
    assert WebhookEndpoint.objects.get().failing_since is None


def test_both_secrets_sign_for_a_day_after_rotation(wired, receiver):
    _, fresh = services.rotate_secret(actor=acting(wired.olga), endpoint=wired.endpoint)
    emit(wired.workspace)
    work_off()
    headers, body = receiver.heard[-1]
    assert len(headers["webhook-signature"].split()) == 2
    assert Webhook(fresh).verify(body, headers) and Webhook(wired.secret).verify(body, headers)
    with clock.frozen(clock.now() + timedelta(hours=24, seconds=1)):
        assert services.secrets_of(WebhookEndpoint.objects.get()) == [fresh]
    assert wired.secret.encode() not in bytes(WebhookEndpoint.objects.get().previous_secret)


def test_a_slow_receiver_keeps_four_senders(wired, receiver):
    other, _ = make_endpoint(wired.workspace, wired.olga, receiver.url, types=["session.expired"])
    for _ in range(6):
        emit(wired.workspace)
    emit(wired.workspace, "session.expired")
    assert len(delivering.claim(50)) == 5
    emit(wired.workspace)
    assert delivering.claim(50) == [] and WebhookDelivery.objects.filter(endpoint=other, lease=None).count() == 0


def test_old_deliveries_go_and_pending_ones_stay(wired, receiver):
    emit(wired.workspace)
    work_off()
    emit(wired.workspace)
    with clock.frozen(clock.now() + timedelta(days=31)):
        tasks.purge.run_once()
    assert the_delivery().status == "pending"


@pytest.mark.django_db(transaction=True)
def test_numbers_have_no_gaps_when_many_speak_at_once(wired):
    def speak(_):
        try:
            emit(wired.workspace)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(speak, range(24)))
    assert sorted(json.loads(row.body)["sequence"] for row in WebhookDelivery.objects.all()) == list(range(1, 25))


@pytest.mark.django_db(transaction=True)
def test_two_senders_never_take_the_same(wired, receiver):
    for _ in range(4):
        emit(wired.workspace)
    at_once = Barrier(4)

    def take(_):
        at_once.wait()
        try:
            return [one.delivery_id for one in delivering.claim(2)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        taken = [pk for found in pool.map(take, range(4)) for pk in found]
    assert len(taken) == len(set(taken)) >= 2


@pytest.mark.django_db(transaction=True)
def test_the_loop_sends_without_waiting_and_one_of_two_workers_sends_it(wired, receiver):
    for _ in range(5):
        emit(wired.workspace)
    loop = loops.LOOPS["webhooks.dispatch"]
    assert loop.function.run_once()["claimed"] == 4
    wait_for(lambda: WebhookDelivery.objects.filter(status="succeeded").count() == 4)
    assert loop.woken.is_set()
    assert loop.function.run_once()["claimed"] == 1
    wait_for(lambda: WebhookDelivery.objects.filter(status="succeeded").count() == 5)
    assert len(receiver.heard) == 5 and len({headers["webhook-id"] for headers, _ in receiver.heard}) == 5
    assert loop.function.run_once() == {"claimed": 0, "soon": 0}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broken", ["claim", "_pool"])
def test_a_round_that_fails_takes_no_place_with_it(wired, receiver, monkeypatch, broken):
    emit(wired.workspace)
    loop = loops.LOOPS["webhooks.dispatch"]

    def fails(*_args):
        raise OperationalError("cannot execute UPDATE in a read-only transaction")

    with monkeypatch.context() as down:
        down.setattr(tasks, broken, fails)
        with pytest.raises(OperationalError):
            loop.function.run_once()
    with clock.frozen(clock.now() + timedelta(seconds=31)):
        assert loop.function.run_once()["claimed"] == 1
    wait_for(lambda: WebhookDelivery.objects.filter(status="succeeded").exists())
    assert len(receiver.heard) == 1
