"""One thread per interface reads the source and fans its blocks out to sinks.

A reader is touched by nothing but its own interface: no network, no controller, no other reader.
    idle ─start▶ open ─source breaks▶ lost ─reopened (1 s → 30 s, for ever)▶ open      refused▶ error
"""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nodes.agent import sources
from nodes.agent.config import Timing

log = logging.getLogger("tallyroom.agent.reader")

#: A live source that has fallen this far behind the clock has lost samples (an overrun).
XRUN_SECONDS = 0.25
XRUN_BLOCKS = 5
ANCHOR_WEIGHT = 0.01


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive frames. Blocks of one `stream` touch; a new stream begins after a `cause`."""

    stream: int
    first_frame: int
    start_mono: float
    sample_rate: int
    sample_format: str
    samples: np.ndarray
    cause: str | None

    @property
    def end_frame(self) -> int:
        return self.first_frame + len(self.samples)


class Sink(Protocol):
    """Takes blocks on the reader's thread and must return at once."""

    def push(self, block: Block) -> None: ...


class Reader:
    """Owns one source. Public attributes are written by its thread only and may be read anywhere."""

    def __init__(self, name: str, spec: sources.Spec, timing: Timing):
        self.name = name
        self.spec = spec
        self.state = "idle"
        self.error: str | None = None
        self.error_code: str | None = None
        self.xruns = 0
        self.channels = spec.channels
        self.last_block_mono = time.monotonic()
        self.ever_opened = False
        self._timing = timing
        self._sinks: tuple[Sink, ...] = ()
        self._lock = threading.Lock()
        self._generation = 0
        self._stream_number = 0
        self._stopping = threading.Event()

    # -- sinks ---------------------------------------------------------------------------------

    def attach(self, sink: Sink) -> None:
        with self._lock:
            self._sinks = (*self._sinks, sink)

    def detach(self, sink: Sink) -> None:
        with self._lock:
            self._sinks = tuple(known for known in self._sinks if known is not sink)

    # -- life ----------------------------------------------------------------------------------

    def start(self, predecessor: "Reader | None" = None) -> None:
        """Begin once `predecessor`, stopped before, has let go of the device."""
        self._predecessor = predecessor
        self._spawn()

    def reopen(self, spec: sources.Spec) -> None:
        """The lost source is found elsewhere: open it there at once."""
        self.spec = spec
        self._spawn()

    def stop(self) -> None:
        """Ask the thread to end; it does after its next block."""
        self._stopping.set()
        self._generation += 1
        self.state = "idle"

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def kick_if_stalled(self) -> bool:
        """Give up a thread that hangs in its device and open anew; True if that was needed."""
        limit = self._timing.url_stall_seconds if self.spec.is_url else self._timing.stall_seconds
        if self.state == "lost":
            limit += self._timing.reopen_last_seconds  # it waits between its tries
        quiet = time.monotonic() - self.last_block_mono
        if self.state not in ("open", "lost") or quiet < limit or not self._thread.is_alive():
            return False
        log.warning("%s: no samples for %.0f s, opening it anew", self.name, limit)
        self.state, self.error = "lost", "no samples"
        self._spawn()
        return True

    def _spawn(self) -> None:
        self._generation += 1
        self.last_block_mono = time.monotonic()
        self._thread = threading.Thread(target=self._run, args=(self._generation,), name=f"reader-{self.name}", daemon=True)
        self._thread.start()

    def _mine(self, generation: int) -> bool:
        return generation == self._generation and not self._stopping.is_set()

    def _run(self, generation: int) -> None:
        wait = self._timing.reopen_first_seconds
        if self._predecessor is not None:
            self._predecessor.join(self._timing.stall_seconds)
            self._predecessor = None
        while self._mine(generation):
            began = time.monotonic()
            try:
                self._read(generation)
            except sources.SourceEnded as error:
                self._broken(generation, "lost", error)
                return
            except sources.SourceError as error:
                self._broken(generation, "lost", error)
            except Exception as error:
                log.exception("%s: the reader failed", self.name)
                self._broken(generation, "error", error)
            if time.monotonic() - began > self._timing.reopen_last_seconds:
                wait = self._timing.reopen_first_seconds
            if self._stopping.wait(wait):
                return
            wait = min(wait * 2, self._timing.reopen_last_seconds)

    def _broken(self, generation: int, state: str, error: Exception) -> None:
        if not self._mine(generation):
            return
        if self.error != str(error):
            log.warning("%s: %s", self.name, error)
        self.state, self.error = state, str(error)

    def _read(self, generation: int) -> None:
        self.last_block_mono = time.monotonic()
        stream = sources.open_stream(self.spec, self._stopping)
        try:
            self._fan_out(stream, generation)
        finally:
            stream.close()

    def _fan_out(self, stream: object, generation: int) -> None:
        cause = self._next_stream() if self.ever_opened else None
        rate, frames, anchor, behind = self.spec.sample_rate, 0, None, 0
        for samples in stream.blocks():
            if not self._mine(generation):
                return
            now = time.monotonic()
            anchor, behind = self._anchor(anchor, now - (frames + len(samples)) / rate, behind)
            if behind >= XRUN_BLOCKS:
                self.xruns += 1
                cause, frames, behind = self._next_stream("overrun"), 0, 0
                anchor = now - len(samples) / rate
            block = Block(
                stream=self._stream_number,
                first_frame=frames,
                start_mono=anchor + frames / rate,
                sample_rate=rate,
                sample_format=self.spec.sample_format,
                samples=samples,
                cause=cause,
            )
            frames += len(samples)
            self._opened(stream, now)
            for sink in self._sinks:
                sink.push(block)

    def _opened(self, stream: object, now: float) -> None:
        self.last_block_mono = now
        self.channels = stream.channels
        self.state, self.error, self.ever_opened = "open", None, True

    def _anchor(self, anchor: float | None, measured: float, behind: int) -> tuple[float, int]:
        """The monotonic moment of frame 0: follows a live clock slowly, a paced source not at all.

        Also counts the blocks in a row that came too late for their number: samples were lost.
        """
        if anchor is None:
            return measured, 0
        if self.spec.is_paced:
            return anchor, 0
        late = measured - anchor > XRUN_SECONDS and not self.spec.is_url
        return anchor + ANCHOR_WEIGHT * (measured - anchor), behind + 1 if late else 0

    def _next_stream(self, cause: str | None = None) -> str:
        self._stream_number += 1
        return cause or ("reconnect" if self.spec.is_url else "device_lost")
