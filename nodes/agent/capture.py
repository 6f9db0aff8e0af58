"""A capture: the sink that never drops, and the thread that writes what it gets into segments.

Only the end of the window or an operator's stop ends it. Ten seconds wait in memory while the disk
is slow; what does not fit then is a gap `overrun`, and what a full disk refuses is a gap `disk`.
A block that does not touch the one before lands at its place on the clock: the hole is the gap.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable

from nodes.agent.clock import Clock, format_time
from nodes.agent.config import Timing
from nodes.agent.jobs import Gap, Job
from nodes.agent.reader import Block
from nodes.agent.segments import Segment, SegmentWriter

log = logging.getLogger("tallyroom.agent.capture")

#: A stop that is this old when heard of cuts nothing: the node was cut off, all of it is kept.
STOP_TRIM_SECONDS = 30.0
#: How long after the end the last block may take to come in.
TAIL_SECONDS = 1.5
DISK_RETRY_SECONDS = 1.0
LEAST_GAP_SECONDS = 0.005


class Capture:
    """Owns the segments of one job while its window is open.

    `on_segment` gets every closed segment, `on_end` is called once when the capture is over (not
    when the program is: `suspend`). `on_trouble(kind)` hears of `gap` and `disk`. All are called on
    the capture's own thread.
    """

    def __init__(
        self,
        job: Job,
        clock: Clock,
        timing: Timing,
        *,
        on_segment: Callable[[Segment], None],
        on_end: Callable[[], None],
        on_trouble: Callable[[str, str], None],
    ):
        self._job, self._clock, self._timing = job, clock, timing
        self._on_segment, self._on_end, self._on_trouble = on_segment, on_end, on_trouble
        self._wake = threading.Condition()
        self._queue: deque[Block] = deque()
        self._queued_seconds = 0.0
        self._suspended = False
        self._stop_utc: float | None = None
        self._end_utc = job.end_utc
        self._writer: SegmentWriter | None = None
        self._unclosed: tuple[SegmentWriter, int | None] | None = None
        self._last: Block | None = None
        self._last_position = 0
        self._cause: str | None = "restart" if job.first_frame_utc is not None else None
        self._gap: Gap | None = None
        self._blocked_until = 0.0
        self._synced_mono = 0.0
        self._ended = False
        self.disk_refused = False
        #: Nothing waits to be written.
        self.idle = True
        self._begun_mono: float | None = None
        self._begun_frames = 0
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    @property
    def waits_for_disk(self) -> bool:
        return self._cause == "disk"

    def start(self) -> None:
        self._thread.start()

    # -- called from other threads -------------------------------------------------------------

    def push(self, block: Block) -> None:
        with self._wake:
            if self._queued_seconds >= self._timing.capture_ram_seconds:
                return  # the hole is seen, and listed, when the next block is written
            self._queue.append(block)
            self.idle = False
            self._queued_seconds += len(block.samples) / block.sample_rate
            self._wake.notify()

    def stop_at(self, utc: float) -> None:
        """An operator's stop."""
        with self._wake:
            self._stop_utc = utc
            self._wake.notify()

    def suspend(self) -> None:
        """The program ends: what is queued is written and synced, the job stays `capturing`."""
        with self._wake:
            self._suspended = True
            self._wake.notify()
        self._thread.join(5.0)

    # -- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended:
            with self._wake:
                self._wake.wait_for(
                    lambda: self._queue or self._suspended or self._stop_utc is not None,
                    timeout=min(0.5, self._timing.sync_seconds),
                )
                blocks, suspended = list(self._queue), self._suspended
                self.idle = not blocks
                self._queue.clear()
                self._queued_seconds = 0.0
                stop_utc, self._stop_utc = self._stop_utc, None
            if stop_utc is not None:
                self._apply_stop(stop_utc)
            for block in blocks:
                if not self._ended:
                    self._take(block)
            self._sync_if_due()
            with self._wake:
                self.idle = not self._queue
            if suspended:
                self._close_segment()
                return
            if not self._ended and self._is_over():
                self._end()

    def _is_over(self) -> bool:
        return self._end_utc is not None and self._clock.utc() > self._end_utc + TAIL_SECONDS

    def _apply_stop(self, stop_utc: float) -> None:
        """End at the stop; what was captured after a recent one is not part of the recording."""
        now = self._clock.utc()
        if self._end_utc is not None and self._end_utc <= stop_utc:
            return
        self._end_utc = max(stop_utc, now - STOP_TRIM_SECONDS)
        if now - stop_utc > STOP_TRIM_SECONDS:
            self._end_utc = now
        if self._last is None:
            if stop_utc <= now:
                self._end()  # not one frame, and none wanted any more
            return
        last_end = self._last.start_mono + len(self._last.samples) / self._last.sample_rate
        surplus = last_end - self._clock.mono_at(self._end_utc)
        if surplus >= 0:
            self._end(surplus_frames=round(surplus * self._job.sample_rate))

    def _end(self, surplus_frames: int = 0) -> None:
        """Close for good; while the disk refuses even that, the capture is not over."""
        job, writer = self._job, self._writer
        keep = None
        if writer is not None and surplus_frames:
            keep = max(0, writer.frames - surplus_frames)
            if keep == 0 and not job.segments:
                keep = writer.frames  # never nothing where something was heard
        self._close_segment(keep)
        if self._unclosed is not None:
            time.sleep(DISK_RETRY_SECONDS)
            return
        with job.lock:
            job.end_frame = job.next_frame
            job.drift_ppm = self._drift_ppm()
            job.ended_early = self._ended_early()
        self._ended = True
        self._on_end()

    def _ended_early(self) -> bool:
        """Without an operator's stop the window's end should have been reached."""
        job = self._job
        if job.stop is not None or job.end_utc is None or job.first_frame_utc is None:
            return False
        return job.first_frame_utc + job.end_frame / job.sample_rate < job.end_utc - 1.0

    def _drift_ppm(self) -> float | None:
        """How much faster the device counts than the clock, over this process's capture."""
        if self._last is None or self._begun_mono is None:
            return None
        elapsed = self._last.start_mono - self._begun_mono
        if elapsed < 10:
            return None
        counted = (self._last_position - self._begun_frames) / self._job.sample_rate
        return round((counted / elapsed - 1) * 1e6, 1)

    def _take(self, block: Block) -> None:
        """Cut a block to the window and write it."""
        job, rate = self._job, block.sample_rate
        skip = 0
        count = last = len(block.samples)
        if self._last is None:
            start = self._clock.mono_at(job.start_utc)
            skip = max(0, math.ceil((start - block.start_mono) * rate - 0.5))
        if self._end_utc is not None:
            end = self._clock.mono_at(self._end_utc)
            last = round((end - block.start_mono) * rate)
            count = min(count, last)
        if skip < count:
            self._place(block, skip, count)
        if self._end_utc is not None and last <= len(block.samples) and skip < len(block.samples):
            self._end()

    def _place(self, block: Block, skip: int, count: int) -> None:
        moment = block.start_mono + skip / block.sample_rate
        position = self._position(block, skip, moment)
        if self._cause is None and position > self._next_frame():
            same = self._last is not None and self._last.stream == block.stream
            self._cause = "overrun" if same else block.cause
        if not self._open_until(position, block, moment):
            return
        samples = block.samples[skip:count]
        self._last, self._last_position = block, position - skip
        self._write(block, samples, position)

    def _position(self, block: Block, skip: int, moment: float) -> int:
        """The timeline frame of the block's first wanted sample; never before what is written."""
        job = self._job
        if job.first_frame_utc is None:
            with job.lock:
                job.sample_rate = block.sample_rate
                job.first_frame_utc = self._clock.utc_at(moment)
                job.clock_corrected |= self._clock.corrected
            self._begun_mono, self._begun_frames = moment, 0
            self._job.try_save()
        last = self._last
        if last is not None and last.stream == block.stream:
            return self._last_position + (block.first_frame + skip - last.first_frame)
        place = round((self._clock.utc_at(moment) - job.first_frame_utc) * job.sample_rate)
        if last is not None:
            # In one process the monotonic clock says how long it was, whatever UTC did meanwhile.
            gone = moment - last.start_mono
            place = self._last_position + round(gone * job.sample_rate)
        if self._begun_mono is None:
            self._begun_mono, self._begun_frames = moment, place
        return max(place, self._next_frame())

    def _next_frame(self) -> int:
        return self._writer.end_frame if self._writer is not None else self._job.next_frame

    def _open_until(self, position: int, block: Block, moment: float) -> bool:
        """Make sure a segment is open whose next frame is `position`; False while the disk refuses."""
        job = self._job
        if self._writer is not None and self._writer.end_frame == position:
            return True
        if time.monotonic() < self._blocked_until:
            return False
        self._close_segment()
        if self._unclosed is not None:
            self._blocked_until = time.monotonic() + DISK_RETRY_SECONDS
            return False
        before = job.next_frame
        try:
            self._writer = SegmentWriter(
                job.segment_folder,
                index=job.segment_total + 1,
                first_frame=position,
                sample_rate=job.sample_rate,
                channels=block.samples.shape[1],
                sample_format=block.sample_format,
                start_at=format_time(self._clock.utc_at(moment)),
            )
        except OSError as error:
            self._refused(error)
            return False
        job.segment_total += 1
        self._gap = None
        if position - before > LEAST_GAP_SECONDS * job.sample_rate and job.frames_captured:
            self._gap = Gap(before, position - before, self._cause or "overrun")
        return True

    def _written(self) -> None:
        """The disk took samples again: what was missing before them is a gap."""
        job, gap = self._job, self._gap
        self._gap = self._cause = None
        if gap is None:
            return
        with job.lock:
            job.gaps.append(gap)
            if gap.cause == "overrun":
                job.xruns += 1
        log.warning("job %s: a gap of %.2f s (%s)", job.job_id, gap.frames / job.sample_rate, gap.cause)
        self._job.try_save()
        self._on_trouble("gap", gap.cause)

    def _write(self, block: Block, samples, position: int) -> None:
        """Write across segment and track boundaries."""
        job, done = self._job, 0
        while done < len(samples):
            writer = self._writer
            limit = round(self._timing.segment_seconds * job.sample_rate)
            cell = job.cell_of(writer.first_frame)
            room = min(limit - writer.frames, job.cell_start(cell + 1) - writer.end_frame)
            if room <= 0:
                moment = block.start_mono + done / job.sample_rate
                if not self._open_new(position + done, block, moment):
                    return
                continue
            part = samples[done : done + room]
            try:
                writer.write(part)
            except OSError as error:
                self._refused(error)
                return
            self._written()
            done += len(part)
            job.frames_captured += len(part)
            job.bytes_written += len(part) * writer.frame_bytes

    def _open_new(self, position: int, block: Block, moment: float) -> bool:
        self._close_segment()
        return self._open_until(position, block, moment)

    def _refused(self, error: OSError) -> None:
        """The disk takes no more: close what is whole, try again in a second, note the gap then."""
        log.error("job %s: the disk refuses: %s", self._job.job_id, error.strerror)
        self._blocked_until = time.monotonic() + DISK_RETRY_SECONDS
        self._close_segment()
        self._cause, self.disk_refused = "disk", True
        self._on_trouble("disk", error.strerror or str(error))

    def _sync_if_due(self) -> None:
        now = time.monotonic()
        if self._writer is None or now - self._synced_mono < self._timing.sync_seconds:
            return
        self._synced_mono = now
        try:
            self._writer.sync()
        except OSError as error:
            self._refused(error)

    def _close_segment(self, keep_frames: int | None = None) -> None:
        """Close the open segment, or the one whose closing the disk refused before."""
        if self._writer is not None:
            self._unclosed, self._writer = (self._writer, keep_frames), None
        if self._unclosed is None:
            return
        writer, keep_frames = self._unclosed
        try:
            segment = writer.close(keep_frames)
        except OSError as error:
            log.error("job %s: a segment waits to be closed: %s", self._job.job_id, error)
            return
        self._unclosed = None
        if not segment.frames:
            if not writer.frames:
                segment.remove()
            return
        with self._job.lock:
            self._job.segments.append(segment)
        self._job.try_save()
        self._on_segment(segment)
