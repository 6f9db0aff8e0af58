"""What the kernel adds to `/metrics`: tasks that wait, and open sockets."""

import os
import time

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from kombu.utils.json import dumps, loads

from config.asgi import application
from config.kernel import broker, metrics, queues
from tests.cast import token_of
from tests.exposition import series


@pytest.mark.django_db
def test_a_queue_is_as_old_as_the_message_that_is_next(api, alice):
    from recordings.jobs.tasks import lease_sweep

    owner = api(alice)
    assert series(owner, "queue_length")["control"] == 0 and series(owner, "queue_age_seconds")["control"] == 0
    lease_sweep.apply_async()
    first = loads(broker.client().lindex("control", -1))
    assert abs(first["headers"][queues.QUEUED_AT] - time.time()) < 30
    first["headers"][queues.QUEUED_AT] -= 90
    broker.client().lset("control", -1, dumps(first))
    lease_sweep.apply_async()
    assert series(owner, "queue_length")["control"] == 2
    assert 90 <= series(owner, "queue_age_seconds")["control"] < 130


@pytest.mark.django_db
def test_a_message_of_another_hand_has_no_age(api, alice):
    broker.client().lpush("control", dumps({"headers": {}, "body": ""}))
    assert series(api(alice), "queue_age_seconds")["control"] == 0


@pytest.mark.django_db(transaction=True)
def test_sockets_are_counted_while_they_are_open(api, alice):
    client, token = api(alice), token_of(alice)

    async def open_one():
        socket = WebsocketCommunicator(application, "/ws", headers=[(b"authorization", f"Bearer {token}".encode())])
        assert (await socket.connect(timeout=5))[0]
        during = metrics.SOCKETS.labels("console")._value.get()
        await socket.disconnect()
        return during

    before = series(client, "sockets").get("console", 0)
    assert async_to_sync(open_one)() == before + 1
    assert series(client, "sockets")["console"] == before


def test_sockets_of_a_killed_process_are_forgotten(tmp_path):
    mine, dead, counter = (tmp_path / name for name in (f"gauge_livesum_{os.getpid()}.db", "gauge_livesum_4194304.db", "counter_4194304.db"))
    for file in (mine, dead, counter):
        file.touch()
    metrics._forget_the_dead(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == sorted([mine, counter])
