"""The programs of one instance: their commands, in the order in which they end last to first."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from config.stack.paths import PROJECT, Instance

QUEUES = ("control", "media", "uploads", "storage", "conversations")
WEB_THREADS = 8
WORKER_THREADS = 4
# The checks load every route and view, which no task needs; the tests run them.
_CELERY = {"C_FORCE_ROOT": "1", "CELERY_SKIP_CHECKS": "1"}
AS_USER = PROJECT / "config" / "stack" / "as_user.py"


@dataclass(frozen=True)
class Program:
    """One supervised process. Programs of the same ten of `priority` end together, the lowest ten last."""

    name: str
    command: tuple[str, ...]
    priority: int
    directory: Path = PROJECT
    environment: dict[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"
    # After this the whole process group is killed.
    stop_wait_seconds: int = 10


def postgres(instance: Instance, bin_dir: Path, uid: int | None) -> Program:
    """Ends by SIGINT: PostgreSQL's fast shutdown, which doesn't wait for clients."""
    server = (str(bin_dir / "postgres"), "-D", str(instance.postgres))
    command = server if uid is None else (sys.executable, "-I", str(AS_USER), str(uid), *server)
    # Elsewhere than in the data folder, it would need to enter that of the project.
    return Program("postgres", command, 10, Path("/"), stop_signal="INT", stop_wait_seconds=20)


def valkey(binary: Path, config_file: Path) -> Program:
    return Program("valkey", (str(binary), str(config_file)), 11, config_file.parent)


def web(port: int) -> Program:
    return Program(
        "web",
        (
            *_tool("granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--http", "1", "--no-ws",
            "--workers", "1", "--blocking-threads", str(WEB_THREADS), "--workers-kill-timeout", "5",
            "--log-level", "error", "config.wsgi:application",
        ),
        20,
    )  # fmt: skip


def live(port: int) -> Program:
    # Verbosity 0: daphne's access log would write query strings, and with them tokens.
    command = (*_tool("daphne"), "-v", "0", "-b", "127.0.0.1", "-p", str(port), "--no-server-name", "config.asgi:application")
    return Program("live", command, 21)


def media(port: int) -> Program:
    """The embedded media server. It gets time to end its recordings whole."""
    command = (sys.executable, str(PROJECT / "manage.py"), "media", "--port", str(port))
    return Program("media", command, 24, stop_wait_seconds=12)


def worker() -> Program:
    command = (
        *_tool("celery"), "--app", "config.celery", "--quiet", "worker", "--pool", "threads", "--concurrency", str(WORKER_THREADS),
        "--queues", ",".join(QUEUES), "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO",
    )  # fmt: skip
    return Program("worker", command, 22, environment=_CELERY)


def beat() -> Program:
    command = (*_tool("celery"), "--app", "config.celery", "--quiet", "beat", "--pidfile", "", "--loglevel", "WARNING")
    return Program("beat", command, 23, environment=_CELERY)


def edge(binary: Path, caddyfile: Path, storage: Path) -> Program:
    command = (str(binary), "run", "--config", str(caddyfile), "--adapter", "caddyfile")
    folders = {"XDG_DATA_HOME": str(storage), "XDG_CONFIG_HOME": str(storage), "HOME": str(storage)}
    return Program("edge", command, 30, storage, folders | {"GOMEMLIMIT": "160MiB", "GOMAXPROCS": "2"}, stop_wait_seconds=5)


def node(data_dir: Path, *, url: str, authority: Path | None) -> Program:
    """The local recorder agent, on `agent.toml` in its own folder. It gets time to finish its file."""
    flags = ["--config", str(data_dir / "agent.toml"), "--data-dir", str(data_dir), "--url", url]
    environment = {"TALLYROOM_AGENT_CA_FILE": str(authority)} if authority else {}
    command = (sys.executable, "-m", "nodes.agent", "run", *flags)
    return Program("node", command, 40, environment=environment, stop_wait_seconds=15)


def _tool(name: str) -> tuple[str, ...]:
    """A console script of the environment this interpreter belongs to, without a look at its first line."""
    return sys.executable, str(Path(sys.executable).parent / name)


def warnings_filter() -> str:
    """PYTHONWARNINGS for the programs: what Celery says about root is true of every container and no news."""
    wanted = ["ignore:You're running the worker with superuser privileges"]
    return ",".join([*filter(None, [os.environ.get("PYTHONWARNINGS")]), *wanted])
