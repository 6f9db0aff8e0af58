"""The real binaries, started as the test run starts them."""

import os
import stat

import psycopg
import pytest
import redis

from config.stack import postgres, valkey


@pytest.fixture(scope="module")
def database():
    url, process = postgres.start_temporary()
    yield url, process
    postgres.stop(process)


@pytest.fixture(scope="module")
def broker():
    url, process = valkey.start_temporary()
    yield url, process
    valkey.stop(process)


def test_postgres_takes_300_connections_and_has_its_extensions(database):
    with psycopg.connect(database[0]) as connection:
        assert connection.execute("SHOW max_connections").fetchone() == ("300",)
        names = {name for (name,) in connection.execute("SELECT extname FROM pg_extension")}
    assert {"pg_trgm", "unaccent", "btree_gist"} <= names


@pytest.mark.parametrize("password", ["wrong", ""])
def test_postgres_refuses_anyone_without_the_password(database, password):
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(database[0].replace(":temporary@", f":{password}@"), passfile=os.devnull)


def test_postgres_hashes_passwords_with_scram_and_trusts_no_address(database):
    with psycopg.connect(database[0]) as connection:
        methods = {method for (method,) in connection.execute("SELECT auth_method FROM pg_hba_file_rules")}
        stored = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = current_user").fetchone()[0]
    assert methods == {"scram-sha-256"}
    assert stored.startswith("SCRAM-SHA-256$")


def test_the_socket_folder_is_closed_to_others(database):
    with psycopg.connect(database[0]) as connection:
        folder = connection.execute("SHOW unix_socket_directories").fetchone()[0]
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user")
def test_started_as_root_postgres_runs_as_a_user_without_an_account(database):
    import pwd

    uid = os.stat(f"/proc/{database[1].pid}").st_uid
    assert uid != 0
    with pytest.raises(KeyError):
        pwd.getpwuid(uid)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's database is that user's")
def test_started_as_root_in_a_closed_folder_its_files_lie_elsewhere(tmp_path):
    tmp_path.chmod(0o700)
    url, process = postgres.start_temporary(tmp_path)
    try:
        with psycopg.connect(url) as connection:
            data = connection.execute("SHOW data_directory").fetchone()[0]
        assert not data.startswith(str(tmp_path))
    finally:
        postgres.stop(process)


def test_valkey_demands_its_password(broker):
    assert redis.Redis.from_url(broker[0]).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(broker[0].replace(":temporary@", "")).ping()


def test_a_stopped_server_leaves_no_process(tmp_path):
    url, process = valkey.start_temporary(tmp_path)
    valkey.stop(process)
    valkey.stop(process)
    assert process.returncode == 0
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(url).ping()
