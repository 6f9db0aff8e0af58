"""One readable log of all programs: `2026-11-23 10:00:00Z web      message`, a line per line.

supervisord hands over what a program wrote, cut anywhere; lines are put together here.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from pathlib import Path

MAX_BYTES = 20 * 1024 * 1024
BACKUPS = 3
_LONGEST_LINE = 64 * 1024
_NAME_WIDTH = 8

# What a program says at every start that neither tells anything nor can be switched off.
_NOISE = {
    # Advice on a kernel setting for machines where the broker holds gigabytes.
    "valkey": re.compile(r"overcommit|Transparent Huge Pages"),
    # Our own question whether it is up yet.
    "postgres": re.compile(r"FATAL: +the database system is (starting up|not yet accepting connections)"),
    # Before Caddy has read its own log level.
    "edge": re.compile(r'"level":"(info|warn)"|\b(INFO|WARN)\b|GOMEMLIMIT|GOMAXPROCS'),
}
# The time that programs put first themselves; ours stands before it already.
_OWN_TIME = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z? +")


class MergedLog:
    """The file, rotated at 20 MiB with three predecessors. `echo` sees the lines of the stack itself."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, backups: int = BACKUPS):
        self._path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._file = self._open()

    def _open(self):
        path = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        return os.fdopen(path, "ab", buffering=0)

    def line(self, program: str, text: str) -> None:
        """Append one line of `program`, unless it is noise."""
        noise = _NOISE.get(program)
        if not text.strip() or (noise and noise.search(text)):
            return
        stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        text = _OWN_TIME.sub("", text.rstrip())
        # A full disk must not take the supervisor down with it.
        with contextlib.suppress(OSError):
            self._file.write(f"{stamp} {program:<{_NAME_WIDTH}} {text}\n".encode(errors="replace"))
            if self._file.tell() > self._max_bytes:
                self._rotate()

    def _rotate(self) -> None:
        for number in range(self._backups, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
            if newer.exists():
                newer.replace(older)
        self._file.close()
        self._file = self._open()

    def reopen(self) -> None:
        self._file.close()
        self._file = self._open()


class ProgramLog:
    """What supervisord takes for the logger of one program: `info` gets raw output."""

    def __init__(self, log: MergedLog, program: str):
        self._log = log
        self._program = program
        self._rest = b""
        # supervisord walks over these to rotate and remove files; there are none of its own.
        self.handlers: list = []

    def info(self, data: bytes | str) -> None:
        *lines, self._rest = (self._rest + (data.encode() if isinstance(data, str) else data)).split(b"\n")
        for line in lines:
            self._log.line(self._program, line.decode(errors="replace"))
        if len(self._rest) > _LONGEST_LINE:
            self.flush()

    def flush(self) -> None:
        """Write a last line that has no end: its program is gone."""
        rest, self._rest = self._rest, b""
        self._log.line(self._program, rest.decode(errors="replace"))

    def close(self) -> None:
        self.flush()


class StackHandler:
    """supervisord's own messages, as program `stack`; those about an unexpected end also go to the terminal."""

    level = 0

    def __init__(self, log: MergedLog):
        self._log = log

    def emit(self, record) -> None:
        text = record.asdict()["message"].strip()
        self._log.line("stack", text)
        if text.startswith("exited:"):
            # The terminal may be gone.
            with contextlib.suppress(OSError, ValueError):
                print(f"  {text}; it is started again.", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing of its own to close; supervisord calls it at the end."""

    def reopen(self) -> None:
        self._log.reopen()

    def remove(self) -> None:
        """supervisord calls it to delete a log; ours stays."""
