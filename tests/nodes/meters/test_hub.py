"""The hub: newest frame wins, one message a tick, a stuck client costs nothing."""

import asyncio
from uuid import uuid4

import pytest

from nodes.meters import wire
from nodes.meters.events import frames_in
from nodes.meters.hub import Hub


def payload(interface_id, seq: int, kind: int = wire.LEVELS) -> bytes:
    level = wire.ChannelLevel(channel_index=1, rms_dbfs=-20.0, peak_dbfs=-10.0)
    return wire.encode(wire.MeterFrame(interface_id=interface_id, seq=seq, captured_at_us=0, period_ms=100, levels=(level,), kind=kind))


class Client:
    """A sink that reads when told to."""

    def __init__(self, *, reads: bool = True):
        self.reads, self.got = reads, []
        self.gate = asyncio.Event()
        if reads:
            self.gate.set()

    def drained(self) -> bool:
        return True

    async def send(self, message: bytes) -> None:
        await self.gate.wait()
        self.got.append([wire.decode(frame).seq for frame in frames_in(message)])


class Undrained(Client):
    def drained(self) -> bool:
        return False


@pytest.fixture
async def quiet(monkeypatch):
    """A hub whose tick and subscription are the test's."""
    made = Hub()
    monkeypatch.setattr(Hub, "_listen", _idle)
    monkeypatch.setattr(Hub, "_tick", _idle)
    monkeypatch.setattr(Hub, "_renew", _idle)
    yield made
    for watch in list(made.watches):
        watch.close()


async def _idle(self):
    await asyncio.Event().wait()


async def tick(hub: Hub) -> None:
    hub.push()
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_client_gets_the_newest_frame_of_what_it_watches_and_nothing_twice(quiet):
    mine, other, client = uuid4(), uuid4(), Client()
    quiet.watch(uuid4(), [mine], client)
    for seq in range(1, 6):
        quiet.take(payload(mine, seq))
        quiet.take(payload(other, seq))
    await tick(quiet)
    await tick(quiet)
    assert client.got == [[5]]
    quiet.take(payload(mine, 6))
    quiet.take(payload(mine, 60, wire.FEATURES))
    await tick(quiet)
    assert client.got[1:] == [[60, 6]], "features and levels are two lanes"


async def test_a_stuck_client_holds_one_message_while_the_others_go_on(quiet):
    interface_id, stuck, full, well = uuid4(), Client(reads=False), Undrained(), Client()
    for client in (stuck, full, well):
        quiet.watch(uuid4(), [interface_id], client)
    for seq in range(1, 1001):
        quiet.take(payload(interface_id, seq))
        await tick(quiet)
    assert [got[-1] for got in well.got] == list(range(1, 1001))
    assert stuck.got == [] and full.got == []
    assert len(quiet.slots) == 1 and len([watch for watch in quiet.watches if watch.busy]) == 1
    stuck.gate.set()
    await tick(quiet)
    await tick(quiet)
    assert stuck.got == [[1], [1000]], "what it missed is skipped, not queued"


async def test_a_client_that_fails_is_forgotten_and_the_last_one_stops_everything(quiet):
    class Broken(Client):
        async def send(self, message):
            raise ConnectionError

    interface_id, well = uuid4(), Client()
    quiet.watch(uuid4(), [interface_id], Broken())
    watch = quiet.watch(uuid4(), [interface_id], well)
    quiet.take(payload(interface_id, 1))
    await tick(quiet)
    assert quiet.watches == {watch} and well.got == [[1]]
    watch.close()
    assert not quiet.watches and not quiet.slots and not quiet._tasks
    quiet.take(payload(interface_id, 2))
    assert not quiet.slots, "nobody watches, nothing is kept"


async def test_rubbish_on_the_channel_is_ignored(quiet):
    interface_id, client = uuid4(), Client()
    quiet.watch(uuid4(), [interface_id], client)
    for junk in (b"", b"\x01", b"x" * 70_000, b"\x02" + payload(interface_id, 1)[1:]):
        quiet.take(junk)
    await tick(quiet)
    assert client.got == []
