"""Topics `sessions` and `session:<id>`: who hears what, in which order, and the tick (05 §12)."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from config.kernel import clock
from config.kernel.errors import ApiError
from config.kernel.models import TopicEvent
from operators.access.backend import actor_of_user
from sessions.field import live as topics
from sessions.field import services
from sessions.field.models import FieldSession
from tests.factories.sessions import key_token
from tests.realtime.client import Socket

pytestmark = pytest.mark.django_db


def data(reply):
    assert reply.status_code < 300, reply.content
    return reply.json()["data"]


def heard(user, topic: str) -> list[str]:
    """Names of the events of a topic that this person is shown now."""
    events = list(TopicEvent.objects.filter(topic=topic).order_by("seq"))
    allowed = topics.visible(actor_of_user(user), [(event.subject_kind, event.subject_id) for event in events])
    return [event.event for event in events if (event.subject_kind, event.subject_id) in allowed]


def test_an_open_request_is_heard_by_suppliers_who_cover_it_without_its_consumer(consumer, supplier, other_supplier, request_session):
    pk = request_session()
    assert heard(consumer.owner, "sessions") == ["session.changed"]
    assert heard(supplier.owner, "sessions") == ["session.opened"] and heard(other_supplier.owner, "sessions") == []
    opened = TopicEvent.objects.get(event="session.opened")
    assert opened.data["consumerWorkspaceId"] is None and str(consumer.workspace.pk) not in str(opened.data)
    assert topics.snapshot(actor_of_user(supplier.owner), None)["open"][0]["id"] == pk
    assert topics.snapshot(actor_of_user(other_supplier.owner), None) == {"sessions": [], "open": []}
    assert topics.snapshot(actor_of_user(consumer.owner), None)["sessions"][0]["id"] == pk


def test_a_request_that_is_taken_is_closed_for_the_others(supplier, other_supplier, request_session):
    pk = request_session()
    data(other_supplier.client.post(f"/sessions/{pk}/accept"))
    assert heard(supplier.owner, "sessions")[-1] == "session.closed"
    assert TopicEvent.objects.get(event="session.closed").data == {"id": pk}
    assert "session.changed" in heard(other_supplier.owner, "sessions")


def test_one_session_is_followed_by_its_sides_and_the_installation(alice, carol, consumer, supplier, other_supplier, live, media):
    pk = live()
    topic = f"session:{pk}"
    for person in (consumer.owner, supplier.owner, alice):
        shown = topics.snapshot_of_one(actor_of_user(person), pk)
        assert shown["session"]["state"] == "LIVE" and shown["media"]["flowing"] is True and shown["tally"]["tally"] == "off"
        assert set(heard(person, topic)) == {"state"}
    for person in (other_supplier.owner, carol):
        with pytest.raises(ApiError, match="not_found"):
            topics.snapshot_of_one(actor_of_user(person), pk)
        assert heard(person, topic) == []
    media.lost(pk, clock.now())
    services.set_tally(pk, "preview")
    supplier.client.post(
        f"/device-operators/{supplier.operator.pk}/location", {"point": {"lat": 4.7, "lng": -74}, "accuracyMeters": 4, "sequence": 1}
    )
    data(consumer.client.post(f"/sessions/{pk}/end"))
    assert heard(consumer.owner, topic)[-5:] == ["media", "tally", "point", "state", "tally"]
    last = topics.snapshot_of_one(actor_of_user(consumer.owner), pk)
    assert last["lastPoint"]["point"] == {"lat": 4.7, "lng": -74} and last["media"] is None and last["meter"]["final"] is True


def test_a_challenge_is_for_the_operator_alone(consumer, supplier, live):
    pk = live()
    from django.db import transaction

    with transaction.atomic():
        topics.challenge(pk, {"nonce": "aa"})
    assert "challenge" in heard(supplier.owner, f"session:{pk}") and "challenge" not in heard(consumer.owner, f"session:{pk}")


def test_an_id_that_is_none_is_not_found(alice):
    for argument in (None, "x", "0196c8a1-7b00-7000-8000-000000000001"):
        with pytest.raises(ApiError, match="not_found"):
            topics.snapshot_of_one(actor_of_user(alice), argument)


def test_numbers_have_no_gaps_whoever_reads(consumer, live):
    pk = live()
    data(consumer.client.post(f"/sessions/{pk}/end"))
    for topic in ("sessions", f"session:{pk}"):
        numbers = list(TopicEvent.objects.filter(topic=topic).order_by("seq").values_list("seq", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))


class TestTheSocket:
    """By a key of the consumer, over a real socket."""

    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture(autouse=True)
    async def _threads_let_go_of_the_database(self):
        yield
        await sync_to_async(connections.close_all)()

    async def test_the_meter_ticks_each_second_under_the_last_number(self, consumer, live):
        pk = await sync_to_async(live)()
        await sync_to_async(FieldSession.objects.filter(pk=pk).update)(started_at=clock.now() - timedelta(seconds=5))
        token = await sync_to_async(key_token)(consumer.workspace, "sessions:read")
        async with Socket(token) as socket:
            await socket.say(type="subscribe", topic=f"session:{pk}")
            first = await socket.hear()
            assert first["type"] == "snapshot" and first["data"]["session"]["id"] == pk
            one, two = await socket.hear(), await socket.hear()
            assert one["event"] == two["event"] == "tick" and one["seq"] == two["prevSeq"] == first["seq"]
            assert 5 <= one["data"]["meter"]["cleanSeconds"] < two["data"]["meter"]["cleanSeconds"] <= 9
            assert two["data"]["meter"]["chargedMicroUsdc"] == str(two["data"]["meter"]["cleanSeconds"] * 1000)
            await sync_to_async(consumer.client.post)(f"/sessions/{pk}/end")
            said = await socket.hear()
            while said["event"] == "tick":
                said = await socket.hear()
            assert said["event"] == "state" and said["data"]["session"]["state"] == "ENDED" and said["seq"] == first["seq"] + 1
