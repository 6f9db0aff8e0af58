"""Secrets of the embedded default: made once, kept in `var/secrets`, mode 0600.

A secret comes from the environment as `NAME` or `NAME_FILE`; what is absent there is generated and remembered.
"""

from __future__ import annotations

import os
import secrets as random
from pathlib import Path

from config.stack.errors import StackError
from config.stack.paths import write_atomically


def from_environment(name: str) -> str | None:
    """`NAME`, or the content of the file that `NAME_FILE` names; None when neither is set.

    Raises StackError when the file can't be read.
    """
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise StackError(f"{name}_FILE names {path}, which can't be read: {error.strerror}.") from error
    return None


def generated(folder: Path, name: str, *, bytes_of_entropy: int = 32) -> str:
    """The secret `name` of `folder`, made on first use. The same value ever after."""
    path = folder / name
    if path.exists():
        # A copy or a restore may have widened it.
        if path.stat().st_mode & 0o077 and path.stat().st_uid == os.geteuid():
            path.chmod(0o600)
        return path.read_text().strip()
    value = random.token_urlsafe(bytes_of_entropy)
    write(folder, name, value)
    return value


def write(folder: Path, name: str, value: str) -> None:
    """Keep `value` as the secret `name`, readable to its owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(folder / name, value + "\n", mode=0o600)


def stored(folder: Path, name: str) -> str:
    """The secret `name` as it was written. Raises StackError when there is none yet."""
    try:
        return (folder / name).read_text().strip()
    except OSError as error:
        raise StackError(f"{folder / name} is missing; start Tallyroom once with bin/up.") from error
