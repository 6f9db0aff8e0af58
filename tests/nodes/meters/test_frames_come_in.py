"""POST meter-frame: what is not a frame leaves nothing; the ring goes forward only; replays fill the past; the rollup sums it up."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from config.kernel import broker, clock
from nodes.meters import ring
from nodes.meters.models import MeterRollup
from nodes.meters.rollup import NONE
from nodes.meters.tasks import ensure_partitions, rollup
from tests.factories.nodes import make_node, meter_frame

pytestmark = pytest.mark.django_db


@pytest.fixture
def node():
    return make_node(channels=2)


@pytest.fixture
def interface(node):
    return node.interfaces.get()


@pytest.fixture
def post(node, node_client):
    return lambda body: node_client(node).post(f"/nodes/{node.pk}/meter-frame", body)


def at(moment: datetime) -> str:
    return clock.wire(moment)


def level(**values) -> dict:
    return {"channelIndex": 1, "rmsDbfs": -20.0, "peakDbfs": -10.0, **values}


def ring_keys() -> list[bytes]:
    return broker.client().keys(f"{broker.PREFIX}m:*")


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"levels": [level(channelIndex=n) for n in range(1, 514)]}, 400, "validation_failed"),
        ({"levels": [level(rmsDbfs=99.0)]}, 400, "validation_failed"),
        ({"levels": [level(peakDbfs=-161)]}, 400, "validation_failed"),
        ({"levels": [level(), level()]}, 400, "validation_failed"),
        ({"levels": []}, 400, "validation_failed"),
        ({"levels": [level(loudness=1)]}, 400, "unknown_parameter"),
        ({"colour": "red"}, 400, "unknown_parameter"),
        ({"nodeId": "01900000-0000-7000-8000-000000000000"}, 400, "meter_node_mismatch"),
        ({"interfaceId": "01900000-0000-7000-8000-000000000000"}, 404, "reference_not_found"),
        ({"capturedAt": "2026-01-01T00:00:00"}, 400, "validation_failed"),
        ({"periodMs": 0}, 400, "validation_failed"),
        ({"seq": True}, 400, "validation_failed"),
    ],
)
def test_what_is_not_a_frame_is_refused_and_leaves_no_entry(post, interface, values, status, code):
    for body in (meter_frame(interface, **values), {"frames": [meter_frame(interface), meter_frame(interface, **values)]}):
        reply = post(body)
        assert (reply.status_code, reply.json()["code"]) == (status, code), reply.content
    assert ring_keys() == []


def test_nan_is_no_json_number(post, node, node_client, interface):
    raw = json.dumps(meter_frame(interface, levels=[level(rmsDbfs=float("nan"))])).encode()
    reply = node_client(node).post(f"/nodes/{node.pk}/meter-frame", data=raw)
    assert reply.status_code == 400 and ring_keys() == []


def test_a_batch_holds_one_to_sixty_frames(post, interface):
    assert post({"frames": []}).status_code == 400
    assert post({"frames": [meter_frame(interface)] * 61}).status_code == 400
    reply = post({"frames": [meter_frame(interface, seq=n) for n in range(60)]})
    assert (reply.status_code, reply.json()["data"]["accepted"]) == (202, 60)
    assert reply.json()["data"]["hints"]["meterPeriodMs"] == 1000


def test_the_newest_frame_is_read_back_and_never_made_up(post, api, carol, node, interface):
    path = f"/nodes/{node.pk}/meters"
    assert (api(carol).get(path).status_code, api(carol).get(path).json()["code"]) == (404, "meter_frame_not_found")
    assert post(meter_frame(interface, seq=5)).status_code == 202
    frame = api(carol).get(path).json()["data"]["frames"][0]
    assert (frame["seq"], frame["interfaceId"], frame["stale"], frame["source"]) == (5, str(interface.pk), False, "live")
    assert frame["levels"][0]["rmsDbfs"] == -31.2 and 0 <= frame["ageMs"] < 3000
    assert api(carol).get(f"{path}?interfaceId={interface.pk}").status_code == 200
    assert api(carol).get(f"{path}?interfaceId={node.pk}").json()["code"] == "meter_frame_not_found"


def test_latest_never_goes_back_and_a_replay_never_touches_it(post, interface):
    now = clock.now()
    post(meter_frame(interface, seq=9, capturedAt=at(now)))
    post(meter_frame(interface, seq=8, capturedAt=at(now - timedelta(seconds=1))))
    post(meter_frame(interface, seq=99, source="replay", capturedAt=at(now)))
    newest = ring.latest([interface.pk])[interface.pk]
    assert ring.wire.decode(newest.payload).seq == 9


def test_a_live_frame_dated_tomorrow_is_filed_under_its_arrival(post, interface):
    tomorrow = clock.now() + timedelta(days=1)
    assert post(meter_frame(interface, capturedAt=at(tomorrow))).status_code == 202
    minute = int(tomorrow.timestamp() // 60)
    assert not broker.client().exists(ring.minute_key(interface.pk, minute), f"{ring.minute_key(interface.pk, minute)}:s")
    post(meter_frame(interface, seq=2))
    assert ring.wire.decode(ring.latest([interface.pk])[interface.pk].payload).seq == 2, "it must not block what comes after it"


def test_an_outage_is_replayed_into_ring_and_rollup_and_twice_is_once(post, interface):
    start = (clock.now() - timedelta(minutes=30)).replace(second=0, microsecond=0)
    frames = [
        meter_frame(
            interface,
            seq=n,
            source="replay",
            capturedAt=at(start + timedelta(seconds=n, milliseconds=1)),
            levels=[level(rmsDbfs=-20 - n % 10), level(channelIndex=2)],
        )
        for n in range(60)
    ]
    for _ in range(2):
        assert post({"frames": frames}).status_code == 202
    key = ring.minute_key(interface.pk, int(start.timestamp() // 60))
    assert broker.client().hlen(f"{key}:s") == 60 and not broker.client().exists(key), "full records are kept ten minutes only"
    rollup.run_once()
    row = MeterRollup.objects.get(interface_id=interface.pk)
    assert (row.minute, row.heard, row.channel_count) == (start.astimezone(UTC), [10] * 6, 2)
    slots = np.frombuffer(bytes(row.slots), dtype="<i2").reshape(6, 2, 4)
    assert slots[0, 0].tolist() == [-2810, -2450, -2090, -1000] and (slots != NONE).all()
    assert rollup.run_once() == {"folded": 0}


def test_a_replay_from_a_time_that_is_over_or_to_come_is_taken_and_dropped(post, interface):
    for moment in (clock.now() - timedelta(hours=25), clock.now() + timedelta(minutes=1)):
        assert post(meter_frame(interface, source="replay", capturedAt=at(moment))).status_code == 202
    assert ring_keys() == []


def test_the_rollup_keeps_seven_days_of_partitions_and_makes_them_ahead():
    names = ensure_partitions(datetime(2027, 3, 10, 12, tzinfo=UTC))
    assert {"meter_rollup_20270303", "meter_rollup_20270310", "meter_rollup_20270312"} <= names
    later = ensure_partitions(datetime(2027, 3, 12, 12, tzinfo=UTC))
    assert "meter_rollup_20270304" not in later and len(later) == 10
    assert ensure_partitions(clock.now())


def test_frames_are_counted_in_no_table(post, interface, django_assert_max_num_queries):
    post(meter_frame(interface))
    with django_assert_max_num_queries(2):
        assert post(meter_frame(interface, seq=2)).status_code == 202
