"""Starting, watching and ending child processes by pid, never by name."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from config.stack.errors import StackError

_PR_SET_PDEATHSIG = 1


def die_with_parent(stop_signal: int) -> Callable[[], None]:
    """A `preexec_fn` that has the kernel send `stop_signal` to the child when its parent dies, however it dies."""
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        # Not Linux: a killed test run then leaves its servers, which end with their folder.
        return lambda: None
    return lambda: prctl(_PR_SET_PDEATHSIG, stop_signal) and None


def stop(process: subprocess.Popen, *, stop_signal: int = signal.SIGTERM, timeout_seconds: float = 10) -> None:
    """End `process` and reap it: politely first, by SIGKILL after `timeout_seconds`. Safe to repeat."""
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(
    ready: Callable[[], bool],
    *,
    timeout_seconds: float,
    what: str,
    process: subprocess.Popen | None = None,
    log: Path | None = None,
) -> None:
    """Return once `ready()` is true. Raises StackError with the tail of `log` on time-out or when `process` ends."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > deadline:
            reason = f"ended with status {process.returncode}" if ended else f"is not ready after {timeout_seconds:g} s"
            tail = log.read_text(errors="replace")[-2000:] if log and log.exists() else ""
            raise StackError(f"{what} {reason}.\n{tail}".rstrip())
        time.sleep(0.03)


def alive(pid: int) -> bool:
    """Whether a process with this pid exists and is not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return _exists(pid) if not Path("/proc/self").exists() else False
    return state != "Z"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
