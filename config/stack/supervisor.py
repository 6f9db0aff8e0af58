"""supervisord's configuration, and the calls to a running one.

Names are those of the programs: `postgres`, `valkey`, `web`, `live`, `worker`, `beat`, `edge`, `node`.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import time
import xmlrpc.client
from collections.abc import Iterable
from pathlib import Path

from config.stack.errors import StackError
from config.stack.programs import Program

# supervisord gives up on a program after this many failed starts in a row; a stack that runs for years must not.
_NEVER = 1_000_000_000


def configuration(programs: Iterable[Program], *, control_socket: Path, pid_file: Path, log: Path) -> str:
    """The content of `supervisord.conf`. Nothing starts by itself: start-up has an order (see `startup`)."""
    sections = [
        _section("supervisord", nodaemon="true", pidfile=pid_file, logfile=log, loglevel="info", umask="027"),
        _section("unix_http_server", file=control_socket, chmod="0700"),
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n",
        *(_program(program) for program in programs),
    ]
    return "\n".join(sections)


def _program(program: Program) -> str:
    options = {
        "command": " ".join(_quote(word) for word in program.command),
        "directory": program.directory,
        "priority": program.priority,
        "autostart": "false",
        "autorestart": "true",
        "startsecs": 1,
        "startretries": _NEVER,
        "stopsignal": program.stop_signal,
        "stopwaitsecs": program.stop_wait_seconds,
        "killasgroup": "true",
        "redirect_stderr": "true",
        # What it writes goes to the one log (see `daemon.Output`).
        "stdout_logfile": "NONE",
    }
    if program.environment:
        pairs = (f'{name}="{_escape(value)}"' for name, value in program.environment.items())
        options["environment"] = ",".join(pairs)
    return _section(f"program:{program.name}", **options)


def _section(title: str, **options: object) -> str:
    lines = [f"{name} = {_escape(str(value)) if name != 'environment' else value}" for name, value in options.items()]
    return f"[{title}]\n" + "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    # `%(name)s` is supervisord's own expansion.
    return text.replace("%", "%%")


def _quote(word: str) -> str:
    """A word as supervisord's shlex reads it back. Semicolons after a blank would begin a comment: quoted, too."""
    if word and all(char.isalnum() or char in "-_./:=,+@" for char in word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: Path):
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _SocketTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path):
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> _SocketConnection:
        return _SocketConnection(self._path)


class Control:
    """A running supervisord, through its socket. Every method raises StackError when nothing runs there."""

    def __init__(self, socket_path: Path):
        self._socket_path = socket_path

    def _call(self, method: str, *arguments: object):
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_SocketTransport(self._socket_path))
        try:
            with proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            # "BAD_NAME: web": the names are the caller's, the codes supervisord's.
            raise StackError(fault.faultString) from fault
        except (OSError, http.client.HTTPException) as error:
            raise StackError("Tallyroom is not running here. Start it with bin/up.") from error

    def answers(self) -> bool:
        try:
            self._call("getState")
        except StackError:
            return False
        return True

    def programs(self) -> dict[str, dict]:
        """`{name: {"state", "pid", "uptime_seconds"}}`; `pid` is 0 when it does not run."""
        rows = self._call("getAllProcessInfo")
        return {
            row["name"]: {
                "state": row["statename"].lower(),
                "pid": row["pid"],
                "uptime_seconds": max(0, row["now"] - row["start"]) if row["pid"] else 0,
            }
            for row in rows
        }

    def require(self, name: str) -> dict:
        """The row of `name`. Raises StackError listing the names there are."""
        programs = self.programs()
        if name not in programs:
            raise StackError(f"There is no program {name!r}. There are: {', '.join(programs)}.")
        return programs[name]

    def start(self, name: str) -> None:
        """Start `name`, without waiting for it; nothing happens when it runs."""
        if self.require(name)["state"] not in {"running", "starting", "backoff"}:
            self._call("startProcess", name, False)

    def stop(self, name: str, *, hard: bool = False, timeout_seconds: float = 60) -> None:
        """End `name`, by SIGKILL if `hard`, and keep it down; returns once that is so, StackError if it takes longer than `timeout_seconds`.

        A program that just died stands as "exited" for a moment: supervisord refuses to stop it then (NOT_RUNNING), and starts it anew.
        So it is asked again until the program is down for good. supervisord never waits for us: a slow end must not look like its absence.
        """
        deadline = time.monotonic() + timeout_seconds
        while (row := self.require(name))["state"] not in {"stopped", "fatal"}:
            if time.monotonic() > deadline:
                raise StackError(f"{name} is still {row['state']} after {timeout_seconds:.0f} s.")
            if hard and row["pid"]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(row["pid"], signal.SIGKILL)
            if row["state"] != "stopping":
                self._ask_to_stop(name)
            time.sleep(0.05)

    def _ask_to_stop(self, name: str) -> None:
        try:
            self._call("stopProcess", name, False)
        except StackError as error:
            if "NOT_RUNNING" not in str(error):
                raise

    def shutdown(self) -> None:
        """Have everything end; returns at once."""
        self._call("shutdown")
