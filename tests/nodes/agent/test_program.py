"""The program around its loops: configuration, exits, outbox, meters kept, clock, no Django."""

import io
import json
import subprocess
import sys
from uuid import RFC_4122, UUID

import pytest

from nodes.agent import config, durable, outbox
from nodes.agent.cli import main
from nodes.agent.clock import Clock
from nodes.agent.config import ConfigError, Settings
from nodes.agent.meterstore import MeterStore
from nodes.agent.outbox import Outbox
from nodes.meters import wire
from tests.nodes.agent.conftest import ROOT, wait_for


def cli(*words: str) -> int:
    """The command in this process; its exit code."""
    try:
        return main(list(words))
    except SystemExit as stop:
        return stop.code


def test_the_agent_imports_no_django():
    code = (
        "import sys, pkgutil, importlib, nodes.agent as package\n"
        "names = [m.name for m in pkgutil.iter_modules(package.__path__) if m.name != '__main__']\n"
        "[importlib.import_module(f'nodes.agent.{name}') for name in names]\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'django', 'rest_framework', 'channels', 'celery', 'redis', 'config', 'recordings'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


# -- configuration and exits -------------------------------------------------------------------


def test_flags_beat_the_environment_beats_the_file(tmp_path):
    path = tmp_path / "agent.toml"
    path.write_text(
        'url = "https://file"\nnode = "file"\nfile_roots = ["/srv"]\n[[interface]]\nsource = "alsa:hw:1"\nchannels = 32\nalias = "Desk"\n'
    )
    environment = {"TALLYROOM_AGENT_URL": "https://env", "TALLYROOM_AGENT_NODE": "env"}
    environment["TALLYROOM_AGENT_HEARTBEAT_SECONDS"] = "0.5"
    loaded = config.load({"config": str(path), "url": "https://flag"}, environment)
    assert (loaded.url, loaded.node) == ("https://flag", "env")
    assert loaded.interfaces[0].channels == 32
    assert str(loaded.file_roots[0]) == "/srv"
    assert loaded.timing.heartbeat_seconds == 0.5


@pytest.mark.parametrize(
    "text",
    ["colour = 1", "url = ", '[[interface]]\nalias = "x"', '[[interface]]\nsource = "a:b"\nchannels = 0'],
)
def test_a_wrong_file_is_a_configuration_error(tmp_path, text):
    path = tmp_path / "agent.toml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        config.load({"config": str(path)}, {})


@pytest.mark.parametrize(
    ("url", "insecure", "accepted"),
    [
        ("http://127.0.0.1:8000", False, True),
        ("http://localhost", False, True),
        ("http://10.0.0.1", False, False),
        ("http://10.0.0.1", True, True),
        ("https://10.0.0.1", False, True),
        ("ftp://x", False, False),
        ("", False, False),
    ],
)
def test_plain_http_is_for_loopback(tmp_path, url, insecure, accepted):
    settings = Settings(data_dir=tmp_path, url=url, node="n", insecure=insecure)
    if accepted:
        settings.require_controller()
    else:
        with pytest.raises(ConfigError):
            settings.require_controller()


def test_exit_codes_say_what_is_wrong(tmp_path, capsys):
    data = ("--data-dir", str(tmp_path))
    assert cli("frobnicate") == 64
    assert cli("run", *data, "--url", "http://127.0.0.1:1") == 78
    assert cli("run", *data, "--url", "http://127.0.0.1:1", "--node", "n") == 78
    assert cli("run", *data, "--config", str(tmp_path / "none.toml")) == 78
    assert cli("version") == 0


def test_enrolment_keeps_a_credential_that_works_and_no_other(controller, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "a"
    place = ("--data-dir", str(folder), "--url", controller.url, "--node", controller.node)
    monkeypatch.setattr(sys, "stdin", io.StringIO("tr_node_wrong\n"))
    assert cli("enrol", *place) == 69
    assert not (folder / "credential").exists()
    monkeypatch.setattr(sys, "stdin", io.StringIO(controller.token + "\n"))
    assert cli("enrol", *place) == 0
    assert (folder / "credential").read_text().strip() == controller.token
    assert (folder / "credential").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert cli("run", "--once", "--no-discover", "--data-dir", str(folder)) == 0
    capsys.readouterr()
    assert cli("status", "--json", "--data-dir", str(folder)) == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["node"], status["enrolled"], status["running"]) == (controller.node, True, False)


def test_a_credential_that_is_pasted_beside_a_running_agent_becomes_that_agents(agent, controller, monkeypatch):
    [process] = {request.json["processId"] for request in controller.of("heartbeat")}
    controller.token = "tr_node_rotated"
    monkeypatch.setattr(sys, "stdin", io.StringIO("tr_node_rotated\n"))
    assert cli("enrol", "--data-dir", str(agent.data_dir), "--url", controller.url, "--node", controller.node) == 0

    def with_the_new_one():
        return [request for request in controller.of("heartbeat") if request.headers["authorization"] == "Bearer tr_node_rotated"]

    wait_for(lambda: len(with_the_new_one()) >= 2, what="heartbeats with the new credential")
    assert {request.json["processId"] for request in with_the_new_one()} == {process}, "nobody took its place"


def test_a_recording_needs_no_controller(tmp_path):
    out = tmp_path / "tone.flac"
    assert cli("record", "--source", "lavfi:sine=440", "--seconds", "0.5", "--out", str(out)) == 0
    assert out.read_bytes()[:4] == b"fLaC"


# -- outbox ------------------------------------------------------------------------------------


def test_the_outbox_survives_a_restart_in_order(tmp_path):
    box = Outbox(tmp_path)
    ids = [box.add("/x", {"n": n}, severity="info") for n in range(3)]
    box.done(ids[1])
    (tmp_path / "outbox" / "torn.json").write_text("{")
    assert [post.body["n"] for post in Outbox(tmp_path).pending()] == [0, 2]


def test_a_full_outbox_drops_old_information_first_and_no_terminal_post(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "LIMIT", 3)
    box = Outbox(tmp_path)
    box.add("/failed", {"n": 0})
    box.add("/health", {"n": 1}, severity="critical")
    box.add("/health", {"n": 2}, severity="info")
    box.add("/health", {"n": 3}, severity="info")
    box.add("/health", {"n": 4}, severity="warning")
    assert [post.body["n"] for post in box.pending()] == [0, 1, 4]
    assert len(list((tmp_path / "outbox").glob("*.json"))) == 3


def test_a_full_outbox_drops_a_new_post_with_its_file_when_nothing_matters_less(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "LIMIT", 2)
    box = Outbox(tmp_path)
    for n in range(2):
        box.add("/failed", {"n": n})
    box.add("/health", {"n": 2}, severity="info")
    assert [post.body["n"] for post in box.pending()] == [0, 1]
    assert len(list((tmp_path / "outbox").glob("*.json"))) == 2
    assert [post.body["n"] for post in Outbox(tmp_path).pending()] == [0, 1]


def test_ids_ascend_within_a_millisecond_and_when_the_clock_steps_back(monkeypatch):
    ids = [durable.uuid7() for _ in range(5000)]
    monkeypatch.setattr(durable.time, "time_ns", lambda: 1_700_000_000_000_000_000)
    ids += [durable.uuid7() for _ in range(100)]
    assert ids == sorted(set(ids))
    assert {(UUID(text).version, UUID(text).variant) for text in ids} == {(7, RFC_4122)}


def test_a_disk_that_refuses_the_outbox_stops_nothing(tmp_path, monkeypatch):
    box = Outbox(tmp_path)

    def refuse(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outbox.durable, "write_json", refuse)
    box.add("/failed", {"n": 1})
    assert len(box.pending()) == 1


# -- meters kept while the controller is away --------------------------------------------------


def frame(second: int) -> bytes:
    levels = (wire.ChannelLevel(1, -20.0, -10.0),)
    interface = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
    return wire.encode_features(wire.MeterFrame(wire.UUID(interface), second, second * 1_000_000, 1000, levels))


def test_kept_frames_come_back_once_in_order_marked_as_replay(tmp_path):
    store = MeterStore(tmp_path, keep_seconds=1e12)
    for second in range(3590, 3650):
        store.append(frame(second))
    seen = []
    store = MeterStore(tmp_path, keep_seconds=1e12)
    while store:
        payloads, token = store.batch(25)
        if token is None:
            break
        decoded = [wire.decode_features(payload) for payload in payloads]
        assert all(one.replay for one in decoded)
        seen += [one.seq for one in decoded]
        store.accepted(token)
    assert seen == list(range(3590, 3650))
    assert not list((tmp_path / "meters").iterdir())


def test_a_batch_that_was_not_accepted_is_given_again_and_a_torn_tail_is_left(tmp_path):
    store = MeterStore(tmp_path, keep_seconds=1e12)
    store.append(frame(1))
    (path,) = (tmp_path / "meters").iterdir()
    path.write_bytes(path.read_bytes() + b"\x44\x00half")
    assert len(store.batch(60)[0]) == len(store.batch(60)[0]) == 1


def test_what_is_kept_behind_a_torn_record_is_not_lost(tmp_path, monkeypatch):
    """Torn by a power cut, and by a disk that was full for a moment."""
    MeterStore(tmp_path, keep_seconds=1e12).append(frame(1))
    (path,) = (tmp_path / "meters").iterdir()
    path.write_bytes(path.read_bytes() + b"\x44\x00half")
    store = MeterStore(tmp_path, keep_seconds=1e12)
    store.append(frame(2))
    write = MeterStore._append

    def half(self, path, record):
        write(self, path, record[: len(record) // 2])
        self._mended.discard(path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MeterStore, "_append", half)
    store.append(frame(3))
    monkeypatch.undo()
    store.append(frame(4))
    assert [wire.decode_features(payload).seq for payload in store.batch(60)[0]] == [1, 2, 4]


def test_frames_older_than_a_day_are_forgotten(tmp_path):
    store = MeterStore(tmp_path, keep_seconds=86400)
    store.append(frame(1000))
    assert not MeterStore(tmp_path, keep_seconds=86400)


# -- clock -------------------------------------------------------------------------------------


def test_the_offset_is_that_of_the_quickest_of_eight_answers(tmp_path):
    clock = Clock(tmp_path / "clock.json", wall=lambda: 1000.0, mono=lambda: 5.0)
    clock.observe(sent_wall=1000.0, rtt_seconds=2.0, server_time=1020.0)
    clock.observe(sent_wall=1000.0, rtt_seconds=0.2, server_time=1010.1)
    clock.observe(sent_wall=1000.0, rtt_seconds=1.0, server_time=1030.0)
    assert clock.offset_seconds == pytest.approx(10.0)
    assert clock.utc() == pytest.approx(1010.0)
    assert clock.mono_at(1012.0) == pytest.approx(7.0)
    assert clock.utc_at(3.0) == pytest.approx(1008.0)
    for _ in range(8):
        clock.observe(sent_wall=1000.0, rtt_seconds=0.5, server_time=1000.25)
    assert clock.offset_seconds == pytest.approx(0.0)
    assert Clock(tmp_path / "clock.json").offset_seconds == pytest.approx(0.0)


def test_a_skew_is_raised_above_five_seconds_and_cleared_at_two():
    clock = Clock(wall=lambda: 0.0)
    changes = []
    for offset in (4, 6, 4, 3, 1.9, 0):
        clock.offset_seconds = offset
        changes.append(clock.skew_change())
    assert changes == [None, True, None, None, False, None]


def test_a_window_opens_by_the_controllers_clock(controller, tmp_path):
    from nodes.agent.clock import parse_time
    from tests.nodes.agent.conftest import TONES, Agent

    controller.offset_seconds = -600
    agent = Agent(controller, tmp_path / "agent", {"source": TONES, "alias": "Tones"}).start()
    try:
        wait_for(lambda: (agent.data_dir / "config.cache.json").exists() and agent.wired, what="config")
        job = controller.add_job(seconds=1, starts_in=1)
        wait_for(lambda: controller.file_of(job), 12, "the file")
        begun = parse_time(controller.result_of(job)["captureStartAt"])
        assert begun == pytest.approx(parse_time(job["captureStartAt"]), abs=0.5)
        skew = lambda: [e for e in controller.health if e["type"] == "agent.clock.skew"]  # noqa: E731
        wait_for(skew, what="the event")
    finally:
        agent.stop()


# -- credentials -------------------------------------------------------------------------------


def test_a_delivered_credential_takes_the_old_ones_place_once_it_worked(controller, agent):
    controller.credential = {"token": "tr_node_fresh"}
    wait_for(lambda: controller.of("heartbeat")[-1].headers["authorization"].endswith("fresh"), what="its use")
    assert (agent.data_dir / "credential").read_text().strip() == controller.token
    controller.token, controller.credential = "tr_node_fresh", None
    wait_for(lambda: (agent.data_dir / "credential").read_text().strip() == "tr_node_fresh", what="the change")
    assert not (agent.data_dir / "credential.new").exists()
