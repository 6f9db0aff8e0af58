"""What may be opened, and that what was opened keeps its pace."""

import threading
import time
import wave
from pathlib import Path

import pytest

from nodes.agent import sources
from nodes.agent.config import LocalInterface, Settings
from nodes.agent.inventory import declared
from nodes.agent.rack import Rack, match
from nodes.agent.sources import Policy, SourceNotAllowed

ALLOWED = ("alsa", "file", "lavfi", "http", "https", "rtsp")


@pytest.mark.parametrize(
    ("kind", "ref", "allowed"),
    [
        ("alsa", "hw:1,0", True),
        ("pulse", "default", False),
        ("file", "{root}/a.wav?loop=1", True),
        ("file", "{root}/../secret", False),
        ("file", "/etc/shadow", False),
        ("file", "{root}/link", False),
        ("https", "https://radio.example/stream", True),
        ("lavfi", "sine=440", True),
        ("lavfi", "aevalsrc='0.1*sin(t)|between(t,1,2)':s=48000,volume=0.5", True),
        ("lavfi", "amovie=/etc/shadow", False),
        ("lavfi", "sine=440;amovie=/etc/shadow[a]", False),
        ("lavfi", "[x]amovie=/etc/shadow", False),
        ("lavfi", "sine=440,ladspa=file=/tmp/x.so", False),
        ("lavfi", "sine@a=440,amovie@b=/etc/shadow", False),
    ],
)
def test_the_machines_own_limits_decide_what_the_controller_may_ask(tmp_path, kind, ref, allowed):
    (tmp_path / "link").symlink_to("/etc/shadow")
    policy = Policy(ALLOWED, (tmp_path,))
    ref = ref.format(root=tmp_path)
    if allowed:
        policy.check(kind, ref)
    else:
        with pytest.raises(SourceNotAllowed, match="source_not_allowed"):
            policy.check(kind, ref)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"kind": "alsa", "ref": "hw:1,0"}, ("alsa", "hw:1,0")),
        ({"kind": "alsa", "ref": "alsa:hw:1,0"}, ("alsa", "hw:1,0")),
        ({"kind": "url", "ref": "rtsp://cam/1"}, ("rtsp", "rtsp://cam/1")),
        ({"kind": "file", "ref": "/a.wav"}, ("file", "/a.wav")),
    ],
)
def test_a_source_on_the_wire_is_read(source, expected):
    assert sources.parse_wire(source) == expected


@pytest.mark.parametrize("ref", ["concat:a|b", "data:audio/wav;base64,", "gopher://x", "", "subfile:x"])
def test_other_protocols_are_no_source(ref):
    with pytest.raises(sources.SourceError):
        sources.parse_wire({"kind": "url", "ref": ref})


def test_a_refused_source_is_an_error_of_its_interface_and_nothing_is_opened(tmp_path):
    settings = Settings(data_dir=tmp_path, allow_sources=ALLOWED, file_roots=(tmp_path,))
    device = declared(LocalInterface("lavfi:sine=440", alias="A"))
    rack = Rack(settings, None, None)
    wish = {
        "id": "i",
        "match": {"systemRef": device.system_ref},
        "source": {"kind": "file", "ref": "/etc/shadow"},
    }
    rack.apply({"interfaces": [wish]}, [device])
    (report,) = rack.report([device])
    assert (report["state"], report["error"].split(":")[0]) == ("error", "source_not_allowed")
    assert rack.reader_of({"interfaceId": "i"}) is None


def test_a_device_that_moved_is_known_by_its_serial_number():
    def device(ref, serial, path):
        return sources_device(system_ref=ref, serial_number=serial, hardware_path=path)

    first, second = device("hw:2,0", "A1", "usb-9"), device("hw:1,0", "B2", "usb-1")
    wanted = {"serialNumber": "A1", "hardwarePath": "usb-1", "systemRef": "hw:1,0"}
    assert match(wanted, [second, first]) is first
    assert match(wanted | {"serialNumber": None}, [second, first]) is second


def sources_device(**values):
    from nodes.agent.inventory import Device

    return Device(system_name="x", backend="alsa", kind="alsa", ref=values["system_ref"], **values)


def test_the_password_of_an_address_is_not_reported():
    device = declared(LocalInterface("rtsp://user:secret@cam/1", alias=""))
    assert "secret" not in str(device.report(state="idle", error=None, xruns=0))
    assert device.ref == "rtsp://user:secret@cam/1"


def test_a_file_lasts_as_long_as_it_sounds_and_loops(tmp_path: Path):
    path = tmp_path / "short.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\x00\x10" * 2400)
    spec = sources.Spec("file", f"{path}?loop=1", sample_rate=8000, channels=1)
    stream = sources.open_stream(spec, threading.Event())
    began, frames = time.monotonic(), 0
    for block in stream.blocks():
        frames += len(block)
        if frames >= 6400:
            break
    stream.close()
    assert time.monotonic() - began == pytest.approx(0.8, abs=0.3)
    once = sources.open_stream(sources.Spec("file", str(path), 8000, channels=1), threading.Event())
    with pytest.raises(sources.SourceEnded):
        for _ in once.blocks():
            pass
    once.close()


def test_the_built_in_signal_moves_like_speech():
    kind, ref = sources.parse(sources.DEFAULT_TEST_SIGNAL)
    stream = sources.AvStream(sources.Spec(kind, ref))
    levels, frames = [], 0
    for block in stream.blocks():
        levels.append(abs(block.astype(float)).max(axis=0))
        frames += len(block)
        if frames > 48000 * 6:
            break
    stream.close()
    for channel in range(2):
        heights = [level[channel] for level in levels]
        assert max(heights) > 8 * min(heights) and max(heights) < 32767
