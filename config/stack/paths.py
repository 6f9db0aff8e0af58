"""Where one instance keeps its state, and which ports it uses.

Everything lies under `TALLYROOM_VAR`; nothing outside it is changed, so several instances run side by side.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from config.stack.errors import StackError

PROJECT = Path(__file__).resolve().parents[2]

# sockaddr_un holds 108 bytes with its terminating NUL.
SOCKET_PATH_LIMIT = 107
_FIRST_PORT = 15000
# The longest socket name put in a socket folder, beside the slash before it.
_LONGEST_SOCKET_NAME = len("/supervisor.sock.4194304")


@dataclass(frozen=True)
class Instance:
    """One Tallyroom on this machine: the folders it owns. Creating the object touches nothing."""

    var: Path

    @classmethod
    def from_environment(cls) -> Instance:
        """The instance of `TALLYROOM_VAR`, by default `var/` of the project."""
        configured = os.environ.get("TALLYROOM_VAR") or "var"
        return cls((PROJECT / Path(configured).expanduser()).resolve())

    @property
    def postgres(self) -> Path:
        return self.var / "pg"

    @property
    def valkey(self) -> Path:
        return self.var / "valkey"

    @property
    def caddy(self) -> Path:
        return self.var / "caddy"

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def metrics(self) -> Path:
        return self.run / "metrics"

    @property
    def log(self) -> Path:
        return self.var / "log" / "tallyroom.log"

    @property
    def secrets(self) -> Path:
        return self.var / "secrets"

    @property
    def media(self) -> Path:
        return Path(os.environ.get("MEDIA_ROOT") or self.var / "media").resolve()

    @property
    def agent(self) -> Path:
        return self.var / "agent"

    @property
    def static(self) -> Path:
        return Path(os.environ.get("STATIC_ROOT") or self.var / "static").resolve()

    @property
    def record(self) -> Path:
        """`instance.json`: ports, origin, pids and addresses of the last start, for other processes to read."""
        return self.var / "instance.json"

    @property
    def control_socket(self) -> Path:
        """Where supervisord answers `hold`, `release`, `status` and `stop`."""
        return self.socket_dir("ctl") / "supervisor.sock"

    @property
    def pids(self) -> Path:
        return self.run / "pids.json"

    def socket_dir(self, name: str) -> Path:
        """The folder for the Unix sockets of `name`: in `var/run`, or a short one when that path is too long."""
        inside = self.run / name
        if len(os.fsencode(inside)) + _LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT:
            return inside
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")
        if not base.is_dir() or len(os.fsencode(base)) > 40:
            base = Path("/tmp")
        short = hashlib.sha256(os.fsencode(self.var)).hexdigest()[:12]
        return base / f"tallyroom-{short}-{name}"

    def make_socket_dir(self, name: str, owner: int | None = None) -> Path:
        """The folder of `socket_dir`, made 0700. Raises StackError when someone else was there before us."""
        folder = self.socket_dir(name)
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), owner}:
            raise StackError(f"{folder} belongs to another user; remove it, or set TALLYROOM_VAR to a shorter path.")
        folder.chmod(0o700)
        if owner is not None:
            os.chown(folder, owner, owner)
        return folder

    def create(self) -> None:
        """Make the folders, each with the narrowest mode that works.

        As root the database runs as another user, who must pass through `var` and `var/run` to its own folders:
        those two may be entered but not listed.
        """
        passage = 0o711 if os.geteuid() == 0 else 0o700
        make_folder(self.var, passage if not self.var.exists() else None)
        make_folder(self.run, passage)
        for folder in (self.secrets, self.log.parent, self.valkey, self.caddy, self.agent):
            make_folder(folder, 0o700)
        make_folder(self.media, 0o700 if not self.media.exists() else None)
        make_folder(self.static, 0o755)

    def read_record(self) -> dict:
        """The last written `instance.json`, or `{}` when there is none or it is unreadable."""
        try:
            content = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_record(self, **values: object) -> None:
        """Merge `values` into `instance.json`, atomically."""
        write_atomically(self.record, json.dumps(self.read_record() | values, indent=2) + "\n", mode=0o644)


def make_folder(folder: Path, mode: int | None) -> None:
    """Create `folder` with its parents; set `mode` on it whatever the umask, unless None."""
    folder.mkdir(parents=True, exist_ok=True)
    if mode is not None and folder.stat().st_uid == os.geteuid():
        folder.chmod(mode)


def write_atomically(path: Path, content: str, *, mode: int) -> None:
    """Replace `path` in one step: a reader or a crash sees the old file or the new one, never half."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `host:port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_ports(count: int, *, avoid: Iterable[int] = ()) -> list[int]:
    """`count` different free loopback ports, none of them in `avoid`.

    They lie below the range that the system gives to outgoing connections: in it, a client that tries to reach a
    server that is just restarting can be given the server's port, even connect to itself.
    """
    ports: list[int] = []
    taken = set(avoid)
    for candidate in random.SystemRandom().sample(range(_FIRST_PORT, _first_outgoing_port()), k=2000):
        if len(ports) == count:
            break
        if candidate not in taken and port_is_free(candidate):
            ports.append(candidate)
    if len(ports) < count:
        raise StackError("No free port was found on 127.0.0.1.")
    return ports


def _first_outgoing_port() -> int:
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        first = 32768
    # A machine that gives out nearly all ports leaves no better choice.
    return first if first >= _FIRST_PORT + 4000 else 65536
