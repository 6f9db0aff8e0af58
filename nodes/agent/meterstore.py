"""Meter frames that could not be sent: a day of them, a file an hour, replayed oldest first.

    meters/<hours since 1970>.bin    (u16 length, features message)…

A frame replayed twice does no harm (the controller's ring is keyed by the second), so no position is
kept on disk: a file is removed once all of it was accepted.
"""

import logging
import os
import struct
import sys
import time
from pathlib import Path

from nodes.agent import durable
from nodes.meters import wire

log = logging.getLogger("tallyroom.agent.meters")

_LENGTH = struct.Struct("<H")


class MeterStore:
    """Use from one thread. Write errors are logged once and never raised: a meter is no recording."""

    def __init__(self, data_dir: Path, keep_seconds: float):
        self._folder = durable.make_private(data_dir / "meters")
        self._keep_seconds = keep_seconds
        self._offsets: dict[Path, int] = {}
        self._mended: set[Path] = set()
        self._complained = False
        self._drop_old()

    def __bool__(self) -> bool:
        return bool(self._files())

    def append(self, payload: bytes) -> None:
        hour = int(wire.HEADER.unpack_from(payload)[4] // 3_600_000_000)
        path = self._folder / f"{hour}.bin"
        new = not path.exists()
        try:
            self._append(path, _LENGTH.pack(len(payload)) + payload)
        except OSError as error:
            if not self._complained:
                log.error("meter frames cannot be kept: %s", error.strerror)
            self._complained = True
            return
        self._complained = False
        if new:
            self._drop_old()

    def _append(self, path: Path, record: bytes) -> None:
        """What a power cut or a full disk left of a record goes first: nothing behind it could be read."""
        if path not in self._mended and path.exists():
            os.truncate(path, _read(path, 0, sys.maxsize)[1])
        self._mended.discard(path)
        with path.open("ab") as stream:
            stream.write(record)
        self._mended.add(path)

    def batch(self, count: int) -> tuple[list[bytes], tuple[Path, int] | None]:
        """The oldest frames, marked as replay, and what `accepted` wants to hear of them."""
        for path in self._files():
            start = self._offsets.get(path, 0)
            frames, offset = _read(path, start, count)
            if frames:
                return [wire.mark_replay(frame) for frame in frames], (path, offset)
            self._forget(path)
        return [], None

    def accepted(self, token: tuple[Path, int]) -> None:
        path, offset = token
        self._offsets[path] = offset
        if offset >= path.stat().st_size:
            self._forget(path)

    def _files(self) -> list[Path]:
        found = (path for path in self._folder.glob("*.bin") if path.stem.isdigit())
        return sorted(found, key=lambda path: int(path.stem))

    def _forget(self, path: Path) -> None:
        self._offsets.pop(path, None)
        self._mended.discard(path)
        path.unlink(missing_ok=True)

    def _drop_old(self) -> None:
        oldest = (time.time() - self._keep_seconds) / 3600 - 1
        for path in self._files():
            if int(path.stem) < oldest:
                self._forget(path)


def _read(path: Path, start: int, count: int) -> tuple[list[bytes], int]:
    """Up to `count` frames from `start`; a tail torn by a crash is left out for ever."""
    frames: list[bytes] = []
    with path.open("rb") as stream:
        stream.seek(start)
        while len(frames) < count:
            head = stream.read(_LENGTH.size)
            if len(head) < _LENGTH.size:
                break
            payload = stream.read(_LENGTH.unpack(head)[0])
            try:
                wire.check(payload)
            except wire.WireError:
                break
            frames.append(payload)
            start += _LENGTH.size + len(payload)
    return frames, start
