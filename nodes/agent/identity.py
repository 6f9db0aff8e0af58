"""Who this agent is: the data folder's lock, its lasting id, its credential."""

import fcntl
import os
from pathlib import Path
from typing import IO

from nodes.agent import durable


class Locked(Exception):
    """Another process works in this data folder (exit 73)."""


def lock(data_dir: Path) -> IO[str]:
    """Hold the folder for this process's life; keep the returned file. Raises Locked."""
    durable.make_private(data_dir)
    stream = (data_dir / "lock").open("a+")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise Locked(f"{data_dir} is in use by another agent") from error
    stream.truncate(0)
    stream.write(str(os.getpid()))
    stream.flush()
    return stream


def holder(data_dir: Path) -> int | None:
    """The process id of the agent that runs on this folder; None if none does, 0 for one that has only just begun."""
    try:
        lock(data_dir).close()
    except Locked:
        text = (data_dir / "lock").read_text().strip()
        return int(text) if text.isdigit() else 0
    return None


def instance_id(data_dir: Path) -> str:
    """The agentInstanceId of this data folder, made on first use."""
    path = data_dir / "agent.json"
    try:
        stored = durable.read_json(path) or {}
    except ValueError:
        stored = {}  # torn by a power cut before it was ever used: a new one does no harm
    if not isinstance(stored.get("agentInstanceId"), str):
        stored = {"agentInstanceId": durable.uuid7()}
        durable.write_json(path, stored)
    return stored["agentInstanceId"]


def write_credential(path: Path, token: str) -> None:
    durable.write_bytes(path, token.encode() + b"\n", mode=0o600)
