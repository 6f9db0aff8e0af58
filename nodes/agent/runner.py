"""One job from claim to confirmed copy, from whichever phase it is found in.

The golden rule: only an operator's stop or the end of the window ends a capture. No HTTP status, no
lost lease, no revoked credential, no signal and no full disk does; this module is where that holds.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from nodes.agent import inventory
from nodes.agent.backoff import Backoff
from nodes.agent.capture import Capture
from nodes.agent.client import Answer, Controller, Unreachable
from nodes.agent.clock import Clock, parse_time
from nodes.agent.config import Settings
from nodes.agent.delivery import Delivery
from nodes.agent.events import Events
from nodes.agent.hints import Hints
from nodes.agent.jobs import Gap, Job, Track
from nodes.agent.jobstore import JobStore
from nodes.agent.outbox import Outbox
from nodes.agent.rack import Rack
from nodes.agent.render import Renderer
from nodes.agent.segments import BYTES

log = logging.getLogger("tallyroom.agent.runner")

#: The reader hangs on the capture this long before the window opens; the capture cuts to the frame.
ATTACH_AHEAD_SECONDS = 0.5
OPEN_ENDED_SECONDS = 4 * 3600
NEED_FACTOR = 1.6
SPARE_FACTOR = 1.2
LEAST_FREE_BYTES = 512 * 1024 * 1024
REFUSED_HEARTBEAT_SECONDS = 60.0


@dataclass
class Context:
    """What a runner works with; one per program."""

    settings: Settings
    controller: Controller
    clock: Clock
    rack: Rack
    hints: Hints
    store: JobStore
    outbox: Outbox
    events: Events
    agent_instance_id: str
    part_bytes: int
    sweep: Callable[[], None]


class JobRunner:
    """`run` is a task on the program's loop; `suspend` ends it without ending the job."""

    def __init__(self, context: Context, job: Job):
        self._context, self.job = context, job
        self._loop = asyncio.get_running_loop()
        self._news = context.hints.watch_job(job.job_id)
        self._stop_known = asyncio.Event()
        self._capture: Capture | None = None
        self._capture_over = asyncio.Event()
        self._renderer: Renderer | None = None
        self._render_error: Exception | None = None
        self._render_over = asyncio.Event()
        self._delivery = Delivery(
            context.controller,
            job,
            context.settings.timing,
            part_bytes=context.part_bytes,
            announce=self._send_heartbeat,
            on_news=self._news.set,
            on_complete=self._completed,
        )
        self._disk_full = False
        self.lease = "held"
        if job.stop is not None:
            self._stop_known.set()

    # -- the whole -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Until the job is done or the program ends. Whatever it raises, its files are whole: it may be
        run anew, by another runner, as after a restart."""
        self._beating = asyncio.create_task(self._beat())
        try:
            await self._follow()
        finally:
            self._beating.cancel()
            self._context.hints.forget_job(self.job.job_id)

    async def _follow(self) -> None:
        job = self.job
        self._start_rendering()
        uploading = asyncio.create_task(self._delivery.run())
        try:
            if job.holds_slot:
                await self._capture_window()
                if job.frames_captured == 0:
                    await self._nothing_captured()
                    return
                await self._move("captured")
            self._renderer.finish()
            await self._render_over.wait()
            if self._render_error is not None:
                await self._unrenderable(self._render_error)
                return
            await self._move("rendered")
            await self._move("uploading")
            self._delivery.finish()
            await uploading
            await self._finish()
        finally:
            uploading.cancel()
            self._renderer.stop()

    async def suspend(self) -> None:
        """The program ends: close the segment, keep the phase. Rendering starts anew next time."""
        if self._capture is not None and not self._capture_over.is_set():
            self._context.rack.detach(self.job.command, self._capture)
            await asyncio.to_thread(self._capture.suspend)

    async def _move(self, phase: str) -> None:
        await asyncio.to_thread(self.job.move, phase)
        log.info("job %s: %s", self.job.job_id, phase)
        self._news.set()

    # -- capture -------------------------------------------------------------------------------

    async def _capture_window(self) -> None:
        job, clock = self.job, self._context.clock
        over = job.end_utc is not None and job.end_utc <= clock.utc()
        if job.stop is not None or over:
            await self._end_of_what_there_is("restart")
            return
        self._disk_full = not await self._check_disk()
        if self._disk_full or await self._wait_for_window():
            return
        await self._move("capturing")
        self._capture = Capture(
            job,
            clock,
            self._context.settings.timing,
            on_segment=self._renderer.offer,
            on_end=lambda: self._loop.call_soon_threadsafe(self._capture_over.set),
            on_trouble=self._trouble,
        )
        self._capture.start()
        if self._stop_known.is_set():
            self._capture.stop_at(parse_time(job.stop["at"]))
        try:
            await self._attach()
            await self._capture_over.wait()
        finally:
            self._context.rack.detach(job.command, self._capture)

    async def _end_of_what_there_is(self, cause: str) -> None:
        """The window closed, or the stop came, while this program was not running."""
        job, clock = self.job, self._context.clock
        end = clock.utc() if job.end_utc is None else min(job.end_utc, clock.utc())
        if job.stop is not None:
            end = min(end, parse_time(job.stop["at"]))
        if job.frames_captured and job.first_frame_utc is not None:
            job.end_frame = job.next_frame
            missing = round((end - job.first_frame_utc) * job.sample_rate) - job.end_frame
            if missing > job.sample_rate // 20:
                job.gaps.append(Gap(job.end_frame, missing, cause))
                job.ended_early = True
        await self._move("capturing")

    async def _wait_for_window(self) -> bool:
        """Until shortly before the window opens; True if a stop came first."""
        while True:
            wait = self.job.start_utc - ATTACH_AHEAD_SECONDS - self._context.clock.utc()
            if self._stop_known.is_set():
                return True
            if wait <= 0:
                return False
            try:
                async with asyncio.timeout(min(wait, 5.0)):
                    await self._stop_known.wait()
            except TimeoutError:
                continue

    async def _attach(self) -> None:
        """Hang the capture on its interface. A refusal is tried again until the window ends."""
        job, rack, events = self.job, self._context.rack, self._context.events
        while not self._capture_over.is_set():
            refusal = rack.attach(job.command, job.sample_rate, self._capture)
            if refusal is None:
                events.clear("agent.interface.source_not_allowed", recording_id=job.recording_id)
                return
            events.fire("agent.interface.source_not_allowed", refusal, recording_id=job.recording_id)
            try:
                async with asyncio.timeout(5.0):
                    await self._capture_over.wait()
            except TimeoutError:
                continue

    async def _check_disk(self) -> bool:
        """Too little space is swept for and said; False only with almost none and nothing captured."""
        job, context = self.job, self._context
        found = inventory.disk(job.folder)
        need = self.needed_bytes()
        if found["probeError"] is not None or found["freeBytes"] >= need * SPARE_FACTOR:
            return True
        await asyncio.to_thread(context.sweep)
        left = inventory.disk(job.folder)["freeBytes"]
        context.events.fire(
            "agent.disk.low",
            "less free space than the recording needs",
            freeBytes=found["freeBytes"],
            neededBytes=round(need),
        )
        return bool(job.frames_captured) or left is None or left >= LEAST_FREE_BYTES

    def needed_bytes(self) -> float:
        """The room that the rest of the capture may take."""
        job = self.job
        if not job.holds_slot:
            return 0.0
        seconds = OPEN_ENDED_SECONDS if job.end_utc is None else max(0.0, job.end_utc - self._context.clock.utc())
        return seconds * byte_rate(job.command) * NEED_FACTOR

    @property
    def waits_for_disk(self) -> bool:
        """Whether samples cannot be written now."""
        return self.job.holds_slot and self._capture is not None and self._capture.waits_for_disk

    def _trouble(self, kind: str, cause: str) -> None:
        """From the capture's thread."""
        events, recording = self._context.events, self.job.recording_id
        if kind == "gap":
            events.note("agent.capture.gap", f"gap: {cause}", recording_id=recording, cause=cause)
        else:
            events.fire("agent.disk.low", f"the disk refuses: {cause}")

    # -- rendering -----------------------------------------------------------------------------

    def _start_rendering(self) -> None:
        job = self.job
        self._delivery.offer_rendered()
        self._renderer = Renderer(
            job,
            on_track=lambda track: self._loop.call_soon_threadsafe(self._delivery.offer, track),
            on_end=lambda error: self._loop.call_soon_threadsafe(self._rendering_ended, error),
            on_fallback=self._fell_back,
        )
        self._renderer.start(list(job.segments))

    def _rendering_ended(self, error: Exception | None) -> None:
        self._render_error = error
        self._render_over.set()

    def _fell_back(self, track: Track, reason: str) -> None:
        self._context.events.note(
            "agent.render.failed",
            f"track {track.index} became WAV: {reason}",
            recording_id=self.job.recording_id,
        )

    # -- ends ----------------------------------------------------------------------------------

    async def _nothing_captured(self) -> None:
        """Without one sample: cancelled after a stop, failed otherwise."""
        job = self.job
        if job.stop is not None:
            self._terminal("cancelled", {"reason": "nothing_captured"})
        else:
            reader = self._context.rack.reader_of(job.command)
            detail = (reader.error if reader else None) or "no samples came"
            self._terminal("failed", {"reason": self._failure(), "detail": detail[:2000]})
        await self._move("done")
        await asyncio.to_thread(self._context.store.remove, job)

    def _failure(self) -> str:
        if self._disk_full or (self._capture is not None and self._capture.disk_refused):
            return "disk_full"
        return "window_missed" if self._capture is None else "device_unavailable"

    async def _unrenderable(self, error: Exception) -> None:
        """The segments are kept for a person."""
        job, context = self.job, self._context
        context.events.note("agent.render.failed", str(error)[:400], recording_id=job.recording_id, job=job.job_id)
        self._terminal("failed", {"reason": "encoder_failed", "detail": str(error)[:2000]})
        await self._quarantine("it could not be rendered")

    async def _finish(self) -> None:
        job = self.job
        if job.refused is not None:
            await self._quarantine(job.refused)
            return
        await self._move("uploaded")
        await self._move("done")
        if not job.keeps_copy:
            await asyncio.to_thread(self._context.store.remove, job)

    async def _quarantine(self, reason: str) -> None:
        job, context = self.job, self._context
        await asyncio.to_thread(job.save)
        await asyncio.to_thread(context.store.quarantine, job)
        context.events.note(
            "agent.recording_job.quarantined",
            f"the recording of job {job.job_id} is kept on the node: {reason}",
            jobId=job.job_id,
        )

    def _terminal(self, what: str, body: dict) -> None:
        path = f"/recording-jobs/{self.job.job_id}/{what}"
        self._context.outbox.add(path, {"claimEpoch": self.job.claim_epoch, **body})

    # -- heartbeats ----------------------------------------------------------------------------

    async def _beat(self) -> None:
        """Every ten seconds, and at once when there is news."""
        timing = self._context.settings.timing
        backoff = Backoff(timing.backoff_first_seconds, timing.job_heartbeat_seconds)
        wait = 0.0
        while True:
            try:
                async with asyncio.timeout(max(wait, 0.05)):
                    await self._news.wait()
            except TimeoutError:
                wait = timing.job_heartbeat_seconds
            self._news.clear()
            try:
                answer = await self._send_heartbeat()
            except Unreachable:
                self.lease, wait = "unreachable", backoff.next()
                continue
            except Exception:
                # Whatever it was, it must not be the last word: the next one may bring a stop.
                log.exception("job %s: a heartbeat failed", self.job.job_id)
                wait = backoff.next()
                continue
            backoff.reset()
            wait = timing.job_heartbeat_seconds
            if answer.status == 401:
                wait = timing.unauthorized_seconds
            elif answer.retryable:
                wait = backoff.next(answer.retry_after_seconds)
            elif not answer.ok:
                wait = max(wait, REFUSED_HEARTBEAT_SECONDS)

    def _completed(self) -> None:
        """The file completed the job: a further word would be refused."""
        self._beating.cancel()

    async def _send_heartbeat(self) -> Answer:
        """Say where the job is; learn of a stop. Raises Unreachable."""
        job, context = self.job, self._context
        answer = await context.controller.job_heartbeat(job.job_id, self.heartbeat_body())
        if answer.ok:
            data = answer.data if isinstance(answer.data, dict) else {}
            self.lease = "held"
            context.hints.take(data.get("hints"))
            await self._take_job(data.get("job") or {})
        else:
            self.lease = answer.code or str(answer.status)
        return answer

    def heartbeat_body(self) -> dict:
        job = self.job
        newest = job.tracks[-1] if job.tracks else None
        return {
            "claimEpoch": job.claim_epoch,
            "agentInstanceId": self._context.agent_instance_id,
            "phase": job.phase,
            "bytesWritten": job.bytes_written,
            "framesCaptured": job.frames_captured,
            "xruns": job.xruns,
            "segments": job.segment_total,
            "gaps": job.gap_report(),
            "freeDiskBytes": inventory.disk(job.folder)["freeBytes"],
            "uploadOffset": newest.offset if newest else 0,
            "results": self._delivery.results,
            "extra": {"clockCorrected": job.clock_corrected},
        }

    async def _take_job(self, wire: dict) -> None:
        """The controller's word on the job: only a stop matters to a capture."""
        stop = wire.get("stop")
        if not isinstance(stop, dict) or self.job.stop is not None:
            return
        at = stop.get("at") or self._context.clock.now_text()
        self.job.stop = stop | {"at": at}
        log.info("job %s: stopped by an operator at %s", self.job.job_id, at)
        self._stop_known.set()
        if self._capture is not None:
            self._capture.stop_at(parse_time(at))
        # Last: a disk that takes nothing must not keep the stop from the capture.
        await asyncio.to_thread(self.job.try_save)


def byte_rate(command: dict) -> float:
    """Bytes of segments a second."""
    width = BYTES.get(command.get("sampleFormat"), 4)
    return float(command.get("sampleRate") or 48000) * int(command.get("channels") or 2) * width
