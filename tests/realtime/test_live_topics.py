"""`/ws`: refused, scoped, revoked while connected, resumed without a gap."""

import asyncio
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from config.kernel import realtime, versions
from config.kernel.access import Perm
from config.kernel.models import TopicCounter, TopicEvent
from operators.access.models import UserRole
from operators.access.services import access_changed
from tests.cast import token_of
from tests.realtime.client import Socket

pytestmark = pytest.mark.django_db(transaction=True)
HIDDEN, SHOWN = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def things():
    """A topic whose rows are numbers; carol sees only SHOWN, an owner both."""
    seen_by = {}

    def visible(actor, subjects):
        return {subject for subject in subjects if subject[1] in seen_by.get(actor.id, {HIDDEN, SHOWN})}

    topic = realtime.Topic(
        "things", Perm.NODE_READ, snapshot=lambda actor, argument: {"rows": TopicEvent.objects.filter(topic="things").count()}, visible=visible
    )
    realtime.register_topic(topic)
    yield seen_by
    realtime._topics.pop("things")


def publish(event="changed", subject=SHOWN, **data):
    with transaction.atomic():
        return realtime.publish("things", event, data or {"n": 1}, subject=("thing", subject))


@pytest.fixture
def token(alice):
    return token_of(alice)


async def test_a_snapshot_then_numbered_changes_without_gaps(things, token):
    await sync_to_async(publish)()
    async with Socket(token) as socket:
        await socket.say(type="subscribe", topic="things")
        snapshot = await socket.hear()
        assert (snapshot["type"], snapshot["seq"], snapshot["data"]) == ("snapshot", 1, {"rows": 1})
        for _ in range(5):
            await sync_to_async(publish)(their_number=2)
        events = [await socket.hear() for _ in range(5)]
        assert [event["seq"] for event in events] == [2, 3, 4, 5, 6]
        assert [event["prevSeq"] for event in events] == [1, 2, 3, 4, 5]
        assert events[0]["data"] == {"theirNumber": 2}


async def test_a_reader_is_resumed_after_what_it_has_seen(things, token):
    for _ in range(4):
        await sync_to_async(publish)()
    async with Socket(token) as socket:
        await socket.say(type="subscribe", topic="things", after=2)
        assert [(await socket.hear())["seq"] for _ in range(2)] == [3, 4]


async def test_what_is_no_longer_held_comes_as_a_fresh_snapshot(things, token):
    for _ in range(4):
        await sync_to_async(publish)()
    await sync_to_async(TopicEvent.objects.filter(seq__lte=3).delete)()
    for after in (1, 99):
        async with Socket(token) as socket:
            await socket.say(type="subscribe", topic="things", after=after)
            snapshot = await socket.hear()
            assert (snapshot["type"], snapshot["seq"]) == ("snapshot", 4)


async def test_hidden_changes_are_not_pushed_and_what_follows_says_what_it_follows(things, alice, token):
    things[str(alice.pk)] = {SHOWN}
    async with Socket(token) as socket:
        await socket.say(type="subscribe", topic="things")
        await socket.hear()
        await sync_to_async(publish)()
        await sync_to_async(publish)(subject=HIDDEN)
        await sync_to_async(publish)()
        events = [await socket.hear() for _ in range(2)]
        assert [(event["seq"], event["prevSeq"]) for event in events] == [(1, 0), (3, 1)]
        assert await socket.raw.receive_nothing()


async def test_strangers_and_foreign_pages_are_refused(things, token, mallory):
    async with Socket() as socket:
        await socket.say(type="subscribe", topic="things")
        assert (await socket.hear())["code"] == "not_authenticated"
        assert await socket.closed() == 4401
    async with Socket("tr_usr_nonsense") as socket:
        assert (await socket.hear())["code"] == "credential_invalid"
        assert await socket.closed() == 4401
    async with Socket(token, origin="https://elsewhere.example", host="testserver") as socket:
        assert (await socket.hear())["code"] == "permission_denied"
        assert await socket.closed() == 4403
    other = await sync_to_async(token_of)(mallory)
    async with Socket(other) as socket:
        await socket.say(type="subscribe", topic="things")
        assert (await socket.hear())["code"] == "permission_denied"
        await socket.say(type="subscribe", topic="no-such-topic")
        assert (await socket.hear())["code"] == "not_found"


@pytest.mark.parametrize(
    "text", ["nonsense", "[]", '{"type": "dance"}', '{"type": "subscribe"}', '{"type": "subscribe", "topic": "things", "after": -1}', "[" * 70_000]
)
async def test_a_bad_message_is_answered_and_the_socket_closed(things, token, text):
    async with Socket(token) as socket:
        await socket.raw.send_to(text_data=text)
        assert (await socket.hear())["code"] == "validation_failed"
        assert await socket.closed() == 4400


async def test_a_role_taken_away_ends_the_subscription_within_five_seconds(things, alice, token):
    async with Socket(token) as socket:
        await socket.say(type="subscribe", topic="things")
        await socket.hear()
        await asyncio.sleep(1.2)

        def take():
            with transaction.atomic():
                UserRole.objects.filter(user=alice).delete()
                access_changed()

        await sync_to_async(take)()
        message = await socket.hear(5)
        assert (message["type"], message["code"]) == ("unsubscribed", "permission_denied")


async def test_a_revoked_sign_in_closes_the_socket_within_five_seconds(things, alice, token, api):
    async with Socket(token) as socket:
        await socket.say(type="subscribe", topic="things")
        await socket.hear()
        await asyncio.sleep(1.2)
        reply = await sync_to_async(api(token=token).post)("/auth/logout")
        assert reply.status_code == 204
        assert (await socket.hear(5))["code"] == "credential_revoked"
        assert (await socket.hear(5))["type"] == "error"
        assert await socket.closed() == 4401


async def test_an_older_version_hears_older_events(things, token):
    change = versions.VersionChange(
        "2026-11-23", "things", "n is now number", lower_event=lambda event, data: (f"thing_{event}", {"n": data["number"]})
    )
    versions.register_change(change)
    try:
        async with Socket(token, operator_version="2025-06-19") as socket:
            await socket.say(type="subscribe", topic="things")
            await socket.hear()
            await sync_to_async(publish)(number=7)
            event = await socket.hear()
            assert (event["event"], event["data"]) == ("thing_changed", {"n": 7})
    finally:
        versions.unregister_change(change)


def test_numbers_have_no_gap_under_concurrent_writers_that_also_fail(things):
    """Real threads: 8 writers, some of which roll back; what is committed is numbered 1…n in commit order."""
    import threading

    from django.db import connection

    def write(worker):
        for n in range(20):
            try:
                with transaction.atomic():
                    realtime.publish("things", "changed", {"worker": worker})
                    if (n + worker) % 3 == 0:
                        raise LookupError
            except LookupError:
                continue
        connection.close()

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    numbers = list(TopicEvent.objects.filter(topic="things").order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert TopicCounter.objects.get(topic="things").seq == len(numbers)
