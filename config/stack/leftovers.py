"""What an earlier start left behind when it was killed: its children, found by pid and proven to be ours.

Every child leads a process group. While it runs, `pids.json` keeps its pid and its start time, which together name a
process for as long as the machine is up.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from config.stack.paths import write_atomically

_PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessStatus:
    """One process, from `/proc/<pid>/stat`. `started` counts clock ticks since the machine came up."""

    pid: int
    state: str
    group: int
    started: int


def status(pid: int) -> ProcessStatus | None:
    """The process, or None when there is none."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return ProcessStatus(pid, fields[0], int(fields[2]), int(fields[19]))


class PidRecord:
    """`pids.json`: the children of the running supervisor, as `{name: [pid, started]}`."""

    def __init__(self, path: Path):
        self._path = path

    def read(self) -> dict[str, list[int]]:
        try:
            content = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def add(self, name: str, pid: int) -> None:
        found = status(pid)
        self._write(self.read() | {name: [pid, found.started if found else 0]})

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def _write(self, content: dict) -> None:
        # Without the record a restart still works; a full disk must not stop the supervisor.
        with contextlib.suppress(OSError):
            write_atomically(self._path, json.dumps(content), mode=0o600)


def belongs_to(pid: int, var: Path) -> bool:
    """Whether this process works for the instance at `var`: by its environment, its command line or its folder."""
    folder = _PROC / str(pid)
    marker = os.fsencode(var)
    try:
        if f"TALLYROOM_VAR={var}".encode() in (folder / "environ").read_bytes().split(b"\0"):
            return True
        if any(word == marker or word.startswith(marker + b"/") for word in (folder / "cmdline").read_bytes().split(b"\0")):
            return True
        return (folder / "cwd").readlink().is_relative_to(var)
    except OSError:
        # It ended meanwhile, or it is another user's and therefore not ours.
        return False


def find(record: PidRecord, var: Path) -> list[int]:
    """Pids of recorded children that still run, and of what they started in their group; only those proven ours."""
    recorded = dict(record.read().values())
    found = []
    for entry in _PROC.iterdir():
        process = status(int(entry.name)) if entry.name.isdigit() else None
        if process is None or process.state == "Z" or process.pid == os.getpid():
            continue
        is_child = recorded.get(process.pid) == process.started
        # The leader may be gone; its group's number can't be given to another process while a member lives.
        in_group = process.group in recorded and process.started >= recorded[process.group]
        if (is_child or in_group) and belongs_to(process.pid, var):
            found.append(process.pid)
    return sorted(found)


def reap(record: PidRecord, var: Path, *, timeout_seconds: float = 10) -> list[int]:
    """End what `find` finds, by SIGTERM, then SIGKILL; returns the pids. The record is empty afterwards."""
    pids = _signal_all(record, var, signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    while find(record, var) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal_all(record, var, signal.SIGKILL)
    while find(record, var) and time.monotonic() < deadline + 5:
        time.sleep(0.05)
    record.clear()
    return pids


def _signal_all(record: PidRecord, var: Path, number: signal.Signals) -> list[int]:
    pids = find(record, var)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return pids


def end_group(leader: int) -> None:
    """SIGKILL what a dead child left in its group, so that its successor finds ports and files free."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
