"""What fires ends, also in the next process; a lost device is followed to its new name."""

import queue
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from nodes.agent import inventory, sources
from nodes.agent import watch as watch_module
from nodes.agent.clock import Clock
from nodes.agent.config import Settings, Timing
from nodes.agent.events import Events
from nodes.agent.inventory import Device
from nodes.agent.outbox import Outbox
from nodes.agent.rack import Rack, Slot, match
from nodes.agent.watch import Watch
from tests.nodes.agent.conftest import wait_for

INTERFACE = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"


class Room:
    """A station without a network: devices, a rack's slots and runners as a test wants them."""

    def __init__(self, tmp_path):
        self.folder, self.outbox = tmp_path, Outbox(tmp_path)
        self.slots, self.runners, self.has_quarantined = [], {}, False
        self.restart()

    def restart(self) -> None:
        self.events = Events(self.outbox, Clock(), "n", self.folder / "firing.json")
        nothing = lambda *args: None  # noqa: E731
        station = SimpleNamespace(
            events=self.events,
            rack=SimpleNamespace(set_watched=nothing, kick_stalled=nothing, slots=lambda: self.slots),
            hints=SimpleNamespace(watched=False),
            look_at_devices=nothing,
            config={"interfaces": []},
            runners=self.runners,
            settings=SimpleNamespace(data_dir=self.folder, timing=Timing()),
            store=self,
        )
        self.watch = Watch(station)

    def said(self) -> list[tuple[str, str]]:
        """(type, state) since the last time."""
        posts = self.outbox.pending()
        for post in posts:
            self.outbox.done(post.id)
        return [(post.body["type"], post.body["state"]) for post in posts]


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


def reader(state: str, quiet: float = 0.0):
    return SimpleNamespace(state=state, error="gone", last_block_mono=time.monotonic() - quiet)


def test_what_fired_before_a_restart_clears_after_it(room):
    slot = Slot("i", reader=reader("lost", quiet=100), captures=[object()])
    room.slots.append(slot)
    room.watch.tick()
    assert room.said() == [("agent.interface.lost", "firing"), ("agent.capture.stalled", "firing")]
    room.restart()
    room.watch.tick()
    assert room.said() == []
    slot.reader = reader("open")
    room.watch.tick()
    assert sorted(room.said()) == [("agent.capture.stalled", "cleared"), ("agent.interface.lost", "cleared")]


def test_a_stall_is_over_with_its_capture_and_all_of_an_interface_with_it(room):
    slot = Slot("i", reader=reader("lost", quiet=100), captures=[object()], refusal="source_not_allowed: x")
    room.slots.append(slot)
    room.watch.tick()
    room.said()
    slot.captures.clear()
    room.watch.tick()
    assert room.said() == [("agent.capture.stalled", "cleared")]
    room.slots.clear()
    room.watch.tick()
    assert sorted(room.said()) == [("agent.interface.lost", "cleared"), ("agent.interface.source_not_allowed", "cleared")]


def test_a_source_that_is_allowed_again_and_a_disk_that_answers_again_are_said_so(room, monkeypatch):
    slot = Slot("i", refusal="source_not_allowed: x")
    room.slots.append(slot)
    monkeypatch.setattr(inventory, "disk", lambda path: {"freeBytes": None, "totalBytes": None, "probeError": "EIO"})
    room.watch.tick()
    room.watch.tick()
    assert sorted(room.said()) == [("agent.disk.probe_failed", "firing"), ("agent.interface.source_not_allowed", "firing")]
    slot.refusal = None
    monkeypatch.undo()
    room.watch.tick()
    assert sorted(room.said()) == [("agent.disk.probe_failed", "cleared"), ("agent.interface.source_not_allowed", "cleared")]


def test_a_low_disk_is_over_when_every_capture_has_its_room(room, monkeypatch):
    free = {"freeBytes": 10**9, "totalBytes": 10**10, "probeError": None}
    monkeypatch.setattr(inventory, "disk", lambda path: free)
    job = SimpleNamespace(job_id="j", recording_id="r", xruns=0)
    runner = SimpleNamespace(job=job, needed_bytes=lambda: 2 * 10**9, waits_for_disk=False)
    room.runners["j"] = runner
    room.events.fire("agent.disk.low", "low")
    room.watch.tick()
    assert room.said() == [("agent.disk.low", "firing")]
    runner.needed_bytes, runner.waits_for_disk = lambda: 0.0, True
    room.watch.tick()
    assert room.said() == []
    runner.waits_for_disk = False
    room.watch.tick()
    assert room.said() == [("agent.disk.low", "cleared")]


def test_what_happened_to_a_recording_is_said_each_time_and_over_with_its_job(room):
    room.events.note("agent.capture.gap", "gap", recording_id="r")
    room.events.note("agent.capture.gap", "gap", recording_id="r")
    room.events.note("agent.recording_job.quarantined", "kept")
    room.restart()
    room.events.end_recording("r")
    assert room.said() == [
        ("agent.capture.gap", "firing"),
        ("agent.capture.gap", "firing"),
        ("agent.recording_job.quarantined", "firing"),
        ("agent.capture.gap", "cleared"),
    ]
    room.has_quarantined = True
    room.watch.tick()
    assert room.said() == []
    room.has_quarantined = False
    room.watch.tick()
    assert room.said() == [("agent.recording_job.quarantined", "cleared")]


def test_many_lost_samples_in_a_minute_fire_until_two_quiet_ones(room, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(watch_module.time, "monotonic", lambda: now[0])
    job = SimpleNamespace(job_id="j", recording_id="r", xruns=0)
    room.runners["j"] = SimpleNamespace(job=job, needed_bytes=lambda: 0.0, waits_for_disk=False)
    said = []
    for second in range(300):
        now[0] += 1
        job.xruns += second % 10 == 0 and second < 100
        room.watch.tick()
        said += [(second, state) for _, state in room.said()]
    (fired, firing), (cleared, clear) = said
    assert (firing, clear) == ("firing", "cleared")
    assert 50 <= fired <= 60
    assert 205 <= cleared <= 215


# -- a device under another name ---------------------------------------------------------------


def card(ref: str) -> Device:
    return Device(system_name="XUSB", system_ref=ref, backend="alsa", kind="alsa", ref=ref, hardware_path="usb-1.2:0", serial_number="A1")


def test_two_devices_of_one_card_are_told_apart_wherever_it_is_plugged_in():
    first, second = (replace(card(f"hw:XUSB_1,{n}"), hardware_path=f"usb-1.3:{n}") for n in (0, 1))
    was = {"serialNumber": "A1", "hardwarePath": "usb-1.2:1", "systemRef": "hw:XUSB,1"}
    assert match(was, [first, second]) is second
    assert match({"serialNumber": "A1", "systemRef": "hw:XUSB,1"}, [first, second]) is second
    assert match({"serialNumber": "A1"}, [first, second]) is first


def test_a_captured_device_that_is_back_under_another_name_goes_on_there(tmp_path, monkeypatch):
    opened: queue.Queue = queue.Queue()
    present = {"hw:XUSB,0"}

    class Stream:
        channels = 2

        def __init__(self, ref):
            self.ref = ref

        def blocks(self):
            while self.ref in present:
                time.sleep(0.01)
                yield np.zeros((480, 2), dtype=np.int16)
            raise sources.SourceError("alsa: the device stopped")

        def close(self):
            """Nothing is held."""

    def open_stream(spec, stopping):
        opened.put(spec.ref)
        if spec.ref not in present:
            raise sources.SourceError("alsa: no such device")
        return Stream(spec.ref)

    monkeypatch.setattr(sources, "open_stream", open_stream)
    timing = Timing(reopen_first_seconds=60, reopen_last_seconds=60)
    rack = Rack(Settings(data_dir=tmp_path, timing=timing), Clock(), lambda frame: None)
    source = {"kind": "alsa", "ref": "hw:XUSB,0"}
    wanted = {"id": INTERFACE, "match": {"serialNumber": "A1"}, "source": source, "channels": [{}, {}], "sampleRate": 48000}
    rack.apply({"interfaces": [wanted]}, [card("hw:XUSB,0")])
    causes, got = set(), threading.Event()

    class Sink:
        def push(self, block):
            causes.add(block.cause)
            got.set()

    sink = Sink()
    command = {"interfaceId": INTERFACE, "source": source, "sampleRate": 48000, "channels": 2}
    assert rack.attach(command, 48000, sink) is None
    assert got.wait(2)
    present.clear()
    wait_for(lambda: rack.reader_of(command).state == "lost", what="the loss")
    rack.apply({"interfaces": [wanted]}, [])
    rack.follow_devices()
    got.clear()
    present.add("hw:XUSB_1,0")
    rack.apply({"interfaces": [wanted]}, [card("hw:XUSB_1,0")])
    rack.follow_devices()
    assert got.wait(2)
    assert [opened.get_nowait() for _ in range(opened.qsize())] == ["hw:XUSB,0", "hw:XUSB_1,0"]
    assert causes == {None, "device_lost"}
    rack.detach(command, sink)
    rack.stop(wait_seconds=1.0)
