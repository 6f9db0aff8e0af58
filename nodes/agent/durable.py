"""Files that survive a power cut: temp → fsync → rename → fsync of the directory."""

import json
import os
import secrets
import time
from pathlib import Path
from uuid import UUID


def uuid7() -> str:
    """A time-ordered id (RFC 9562 §5.7); Python 3.11 has none and the agent imports no app."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))


def fsync_directory(path: Path) -> None:
    """Make a rename or unlink in `path` durable."""
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
    fsync_directory(path.parent)


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
