"""A whole Tallyroom for tests: started as `bin/up` starts it, on free ports, in a folder of its own."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from config.stack import leftovers
from config.stack import process as processes
from config.stack.errors import StackError
from config.stack.paths import PROJECT, Instance, free_ports
from config.stack.supervisor import Control

OWNER_EMAIL = "owner@example.org"
# Two cores that run other tests beside it may need minutes for a first start.
READY_SECONDS = 300
STOP_SECONDS = 60
# Of the surrounding environment only this reaches the stack: settings meant for the test process must not.
# Collected once for all stacks of a test process.
_static_folder: list[str] = []
_INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "COVERAGE_PROCESS_START")


def _shared_static_folder() -> str:
    if not _static_folder:
        _static_folder.append(tempfile.mkdtemp(prefix="tallyroom-static-"))
        atexit.register(shutil.rmtree, _static_folder[0], ignore_errors=True)
    return _static_folder[0]


class Stack:
    """Runs from construction until `stop()`. It ends with the test process, however that ends.

    `environment` overrides settings; `var` and `port` are chosen when not given. Raises StackError with the output of
    a start that fails.
    """

    def __init__(
        self,
        *,
        bare: bool = True,
        var: Path | str | None = None,
        port: int | None = None,
        bind: str = "127.0.0.1",
        environment: dict[str, str] | None = None,
        ready_seconds: float = READY_SECONDS,
    ):
        self._own_folder = None if var else tempfile.mkdtemp(prefix="tallyroom-stack-")
        folder = Path(var or self._own_folder).resolve()
        if self._own_folder:
            # As root, the database's user passes through it.
            folder.chmod(0o711)
        self.instance = Instance(folder / "var")
        self.control = Control(self.instance.control_socket)
        self.port = port or free_ports(1)[0]
        self.owner = (OWNER_EMAIL, secrets.token_urlsafe(18))
        self._arguments = ["--port", str(self.port), "--bind", bind, *(["--bare"] if bare else [])]
        self._environment = environment or {}
        self._output = folder / "up.out"
        self.process: subprocess.Popen | None = None
        self.start(ready_seconds=ready_seconds)

    @property
    def origin(self) -> str:
        """The public address, for example `http://127.0.0.1:20417`."""
        return self.instance.read_record()["origin"]

    def environment(self) -> dict[str, str]:
        """What `bin/up` is started with."""
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        email, password = self.owner
        ours = {
            "TALLYROOM_VAR": str(self.instance.var),
            "TALLYROOM_OWNER_EMAIL": email,
            "TALLYROOM_OWNER_PASSWORD": password,
            "STATIC_ROOT": _shared_static_folder(),
        }
        return inherited | ours | self._environment

    def start(self, *, ready_seconds: float = READY_SECONDS) -> float:
        """Start it (again), on the same folder and port; returns the seconds it took to be ready."""
        began = time.monotonic()
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.stack", "up", *self._arguments], cwd=PROJECT, env=self.environment(),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, preexec_fn=processes.die_with_parent(signal.SIGTERM),
            )  # fmt: skip
        try:
            processes.wait_until(self._ready, timeout_seconds=ready_seconds, what="bin/up", process=self.process, log=self._output)
        except StackError as error:
            # The folder goes with the failed stack; its last words must not.
            tail = self.log()[-4000:] if self.instance.log.exists() else ""
            self.stop()
            raise StackError(f"{error}\n{tail}") from error
        return time.monotonic() - began

    def _ready(self) -> bool:
        record = self.instance.read_record()
        return bool(record.get("ready")) and record.get("pid") == self.process.pid

    def stop(self) -> None:
        """End it as Ctrl-C does and wait; a folder of our own goes, too. Safe to repeat."""
        self.end()
        if self._own_folder:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def end(self, stop_signal: int = signal.SIGINT) -> int:
        """End it and keep its folder; returns the exit status."""
        processes.stop(self.process, stop_signal=stop_signal, timeout_seconds=STOP_SECONDS)
        return self.process.returncode

    def output(self) -> str:
        """What `bin/up` printed, over all starts."""
        return self._output.read_text(errors="replace")

    def log(self) -> str:
        """The merged log so far."""
        return self.instance.log.read_text(errors="replace")

    def pid(self, name: str) -> int:
        """The pid of a program; 0 when it does not run."""
        return self.control.require(name)["pid"]

    def pids(self) -> dict[str, int]:
        """The pids of all that run, by name."""
        return {name: row["pid"] for name, row in self.control.programs().items() if row["pid"]}

    def kill(self, name: str, sig: int = signal.SIGKILL) -> int:
        """Send `sig` to the program's process, and return its pid; the supervisor starts it anew."""
        pid = self.pid(name)
        if not pid:
            raise StackError(f"{name} does not run.")
        os.kill(pid, sig)
        return pid

    def hold(self, name: str, *, hard: bool = True) -> None:
        """Take a program down, by SIGKILL unless not `hard`, and keep it down."""
        self.control.stop(name, hard=hard)

    def release(self, name: str) -> None:
        """Let a held program run again; returns at once."""
        self.control.start(name)

    def wait_for(self, name: str, *, other_than: int = 0, timeout_seconds: float = 30) -> int:
        """Until the program runs, as another process than the pid `other_than`; returns its pid."""
        processes.wait_until(lambda: self.pid(name) not in {0, other_than}, timeout_seconds=timeout_seconds, what=name)
        return self.pid(name)

    def processes(self) -> list[int]:
        """Pids of everything that works for this instance, found in the process table, `bin/up` itself included."""
        numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        running = ((number, leftovers.status(number)) for number in numbers if number != os.getpid())
        return [number for number, found in running if found and found.state != "Z" and leftovers.belongs_to(number, self.instance.var)]

    def kill_everything(self) -> None:
        """SIGKILL every process of the instance, as a power cut would; the folder stays as it is."""
        while pids := self.processes():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
            time.sleep(0.05)
        self.process.wait()
