"""What is generated for supervisord, and how a start is planned."""

import configparser
import os
import shlex
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.stack import addresses, environment, postgres, programs, supervisor
from config.stack.errors import StackError
from config.stack.merged_log import MergedLog, ProgramLog
from config.stack.paths import Instance
from config.stack.startup import write_agent_settings


def parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=True)
    parser.read_string(text)
    return parser


def generated(*found: programs.Program) -> configparser.RawConfigParser:
    text = supervisor.configuration(found, control_socket=Path("/run/s.sock"), pid_file=Path("/run/p"), log=Path("/log"))
    return parsed(text)


def test_every_program_is_restarted_and_none_starts_before_its_turn():
    conf = generated(programs.web(9001), programs.live(9002), programs.worker(), programs.beat())
    for name in ("web", "live", "worker", "beat"):
        section = conf[f"program:{name}"]
        assert section["autorestart"] == "true"
        assert section["autostart"] == "false"
        assert int(section["startsecs"]) <= 1
        assert int(section["startretries"]) > 1_000_000
        assert section["redirect_stderr"] == "true"


def test_the_control_socket_is_the_owners_alone():
    assert generated()["unix_http_server"]["chmod"] == "0700"


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f\x85"), max_size=20), min_size=1, max_size=4))
def test_a_command_comes_back_word_for_word(words):
    conf = generated(programs.Program("web", ("run", *words), 20))
    command = conf["program:web"]["command"].replace("%%", "%")
    assert shlex.split(command) == ["run", *words]


def test_servers_end_before_the_database_and_the_broker(tmp_path):
    instance = Instance(tmp_path)
    stores = [programs.postgres(instance, tmp_path, None), programs.valkey(tmp_path / "valkey", tmp_path / "conf")]
    servers = [programs.web(1), programs.live(2), programs.worker(), programs.beat()]
    assert max(p.priority // 10 for p in stores) < min(p.priority // 10 for p in servers)
    assert programs.edge(tmp_path, tmp_path, tmp_path).priority // 10 > servers[0].priority // 10
    assert stores[0].stop_signal == "INT"


def test_the_worker_serves_every_queue():
    command = programs.worker().command
    assert command[command.index("--queues") + 1] == "control,media,uploads,storage,conversations"


def test_a_taken_port_is_named_with_the_way_out(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"Port {port} on 127.0.0.1 is taken.*\n.*--port {port + 1}"):
            environment.plan(Instance(tmp_path), bind="127.0.0.1", port=port)


def test_on_loopback_it_is_plain_http(tmp_path, monkeypatch):
    monkeypatch.delenv("PUBLIC_ORIGIN", raising=False)
    chosen = environment.plan(Instance(tmp_path), bind="127.0.0.1", port=20999)
    assert (chosen.origin, chosen.tls, chosen.local_url) == ("http://127.0.0.1:20999", False, "http://127.0.0.1:20999")


def test_reachable_by_others_it_is_https_under_every_name_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.delenv("PUBLIC_ORIGIN", raising=False)
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    monkeypatch.setattr(addresses, "primary_address", lambda: "198.51.100.7")
    monkeypatch.setattr(addresses, "interface_addresses", lambda: ["198.51.100.7", "2001:db8::7"])
    chosen = environment.plan(Instance(tmp_path), bind="0.0.0.0", port=20999)
    assert chosen.tls
    assert chosen.origin == "https://198.51.100.7:20999"
    assert chosen.local_url == "https://127.0.0.1:20999"
    hosts = environment.variables(Instance(tmp_path), chosen)["ALLOWED_HOSTS"].split(",")
    assert {"198.51.100.7", "[2001:db8::7]", "localhost", "127.0.0.1", "[::1]", socket.gethostname().lower()} <= set(hosts)


def test_a_given_origin_wins_and_is_in_the_certificate(tmp_path, monkeypatch):
    monkeypatch.setenv("PUBLIC_ORIGIN", "https://room.example.org")
    chosen = environment.plan(Instance(tmp_path), bind="0.0.0.0", port=20999)
    assert chosen.origin == "https://room.example.org"
    assert chosen.names[0] == "room.example.org"


def test_internal_ports_stay_the_same_while_they_are_free(tmp_path):
    instance = Instance(tmp_path)
    first = environment.plan(instance, bind="127.0.0.1", port=20999)
    instance.write_record(ports=first.ports)
    assert environment.plan(instance, bind="127.0.0.1", port=20999).ports == first.ports
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first.ports["web"]))
        taken.listen()
        second = environment.plan(instance, bind="127.0.0.1", port=20999)
    assert second.ports["web"] != first.ports["web"]
    assert second.ports["postgres"] == first.ports["postgres"]


def test_a_folder_closed_to_the_databases_user_is_named_with_the_way_out(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tmp_path.chmod(0o711)
    uid = os.geteuid() + 1
    assert postgres.closed_folder(closed / "var" / "pg", uid) in {closed, *closed.parents}
    with pytest.raises(StackError, match=r"(?s)may not enter.*TALLYROOM_VAR=.*chmod o\+x"):
        postgres.require_reachable(closed / "var" / "pg", uid)
    postgres.require_reachable(closed / "var" / "pg", None)


def test_the_log_has_whole_lines_with_the_programs_name(tmp_path):
    log = MergedLog(tmp_path / "log")
    web, edge = ProgramLog(log, "web"), ProgramLog(log, "edge")
    web.info(b"2026-11-23T10:00:00.123456Z first\nsec")
    edge.info(b'{"level":"info","msg":"chatter"}\nreal trouble\n')
    web.info("ond ä".encode()[:-1])
    web.info("ä".encode()[-1:] + b"\n\nlast without end")
    web.flush()
    lines = [line.split(" ", 2)[2] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines == ["web      first", "edge     real trouble", "web      second ä", "web      last without end"]


def test_the_log_is_rotated(tmp_path):
    log = MergedLog(tmp_path / "log", max_bytes=200, backups=2)
    for number in range(40):
        log.line("web", f"line {number}")
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["log", "log.1", "log.2"]
    assert all(path.stat().st_size < 260 for path in tmp_path.iterdir())


def test_the_agents_file_is_made_once_and_then_a_persons(tmp_path):
    path = tmp_path / "agent.toml"
    write_agent_settings(path, node="first")
    path.write_text(path.read_text().replace("channels = 2", "channels = 8"))
    write_agent_settings(path, node="second")
    assert 'node = "second"' in path.read_text()
    assert "channels = 8" in path.read_text()
