import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.stack import paths, secrets
from config.stack.errors import StackError
from config.stack.paths import Instance


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path):
    folder = tmp_path / "secrets"
    old = os.umask(0)
    try:
        first = secrets.generated(folder, "secret_key")
    finally:
        os.umask(old)
    assert len(first) >= 40
    assert secrets.generated(folder, "secret_key") == first
    assert mode(folder / "secret_key") == 0o600
    assert mode(folder) == 0o700


def test_a_secret_that_a_copy_left_readable_is_closed_again(tmp_path):
    secrets.write(tmp_path, "valkey", "given")
    (tmp_path / "valkey").chmod(0o644)
    assert secrets.generated(tmp_path, "valkey") == "given"
    assert mode(tmp_path / "valkey") == 0o600


def test_a_setting_may_lie_in_a_file(tmp_path, monkeypatch):
    (tmp_path / "url").write_text("redis://elsewhere\n")
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "url"))
    assert secrets.from_environment("REDIS_URL") == "redis://elsewhere"
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "missing"))
    with pytest.raises(StackError, match="REDIS_URL_FILE"):
        secrets.from_environment("REDIS_URL")


@given(depth=st.integers(0, 60), name=st.sampled_from(["pg", "ctl"]))
def test_a_socket_path_always_fits_into_the_kernels_limit(depth, name):
    instance = Instance(paths.Path("/srv", *["folder"] * depth, "var"))
    folder = instance.socket_dir(name)
    for socket in (".s.PGSQL.65535.lock", "supervisor.sock.4194304", "caddy.sock"):
        assert len(os.fsencode(folder / socket)) <= paths.SOCKET_PATH_LIMIT


def test_two_long_folders_share_no_socket_folder():
    first, second = (Instance(paths.Path("/srv", "x" * 100, name)) for name in "ab")
    assert first.socket_dir("pg") != second.socket_dir("pg")
    assert first.socket_dir("pg") != first.socket_dir("ctl")


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path):
    instance = Instance(tmp_path)
    instance.run.mkdir()
    (tmp_path / "elsewhere").mkdir()
    instance.socket_dir("ctl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StackError, match="belongs to another user"):
        instance.make_socket_dir("ctl")


def test_the_state_is_closed_to_others_but_for_the_databases_way_through(tmp_path):
    instance = Instance(tmp_path / "var")
    instance.create()
    passage = 0o711 if os.geteuid() == 0 else 0o700
    assert mode(instance.var) == mode(instance.run) == passage
    for folder in (instance.secrets, instance.valkey, instance.caddy, instance.agent, instance.log.parent):
        assert mode(folder) == 0o700, folder


def test_a_broken_record_of_the_instance_counts_as_none(tmp_path):
    instance = Instance(tmp_path)
    assert instance.read_record() == {}
    instance.record.write_text("{")
    assert instance.read_record() == {}
    instance.write_record(id="abc123")
    instance.write_record(port=8000)
    assert instance.read_record() == {"id": "abc123", "port": 8000}


def test_free_ports_are_different_free_and_below_the_range_of_outgoing_connections():
    ports = paths.free_ports(5, avoid=[8000])
    assert len(set(ports)) == 5
    assert all(paths.port_is_free(port) for port in ports)
    assert max(ports) < int(paths.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
