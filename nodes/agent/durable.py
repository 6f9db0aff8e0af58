"""Files that survive a power cut: temp → fsync → rename → fsync of the directory."""

import json
import os
import secrets
import threading
import time
from pathlib import Path
from uuid import UUID

_ticks_lock = threading.Lock()
_last_tick = 0


def uuid7() -> str:
    """A time-ordered id (RFC 9562 §5.7); Python 3.11 has none and the agent imports no app.

    Ids of this process are strictly ascending, also within a millisecond (§6.2, method 3): what is sent in their order must not be
    shuffled, or a cleared event would overtake the one that fired.
    """
    global _last_tick
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    with _ticks_lock:
        # 48 bits of milliseconds, 12 bits of their fractions; a clock that stands or steps back counts on.
        _last_tick = max(_last_tick + 1, milliseconds << 12 | rest * 4096 // 1_000_000)
        tick = _last_tick
    value = (tick >> 12 & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0x2 << 62 | secrets.randbits(62)
    return str(UUID(int=value))


def fsync(path: Path) -> None:
    """Make a file's content durable, or a rename or unlink in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` in one step; after a crash it holds the old content or the new, never half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    fsync(path.parent)


def write_json(path: Path, value: object) -> None:
    write_bytes(path, json.dumps(value, ensure_ascii=False, indent=1).encode())


def read_json(path: Path) -> dict | None:
    """The object in `path`; None if there is no such file. Raises ValueError if it is torn."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    value = json.loads(content)
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} holds no object")
    return value


def make_private(path: Path) -> Path:
    """A folder that only its owner may enter (0700)."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def remove_tree(path: Path) -> None:
    """Remove a folder of ours; a part that is already gone is fine."""
    for child in path.iterdir() if path.is_dir() else ():
        if child.is_dir() and not child.is_symlink():
            remove_tree(child)
        else:
            child.unlink(missing_ok=True)
    if path.is_dir():
        path.rmdir()
