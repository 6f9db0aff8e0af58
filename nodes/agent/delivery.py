"""Finished tracks on their way to the controller, and what their confirmation lets go.

A track is offered as soon as it is rendered, the final one last of all, for it completes the job. A
copy that was damaged is given up for its segments: the job, taken up again, renders it from them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nodes.agent.client import Controller
from nodes.agent.clock import format_time
from nodes.agent.config import Timing
from nodes.agent.jobs import Job, Track
from nodes.agent.upload import FileChanged, Refused, TrackUpload, check_copy

log = logging.getLogger("tallyroom.agent.delivery")

MAX_RESULTS = 200


class Delivery:
    """Use from one asyncio loop; `run` is a task that ends after `finish`.

    `announce` sends the job heartbeat that carries `results`, `on_news` asks for one soon,
    `on_complete` hears that the file which completes the job is stored.
    """

    def __init__(
        self,
        controller: Controller,
        job: Job,
        timing: Timing,
        *,
        part_bytes: int,
        announce: Callable[[], Awaitable[object]],
        on_news: Callable[[], None],
        on_complete: Callable[[], None],
    ):
        self._controller, self._job, self._timing = controller, job, timing
        self._part_bytes, self._announce = part_bytes, announce
        self._on_news, self._on_complete = on_news, on_complete
        self._ready: asyncio.Queue[Track | None] = asyncio.Queue()
        self._results: dict[int, dict] = {}
        self._unproven: set[int] = set()

    def offer_rendered(self) -> None:
        """What an earlier process rendered; whatever ended it may have damaged the files."""
        for track in self._job.tracks:
            if track.state == "rendered":
                self._unproven.add(track.index)
                self.offer(track)

    def offer(self, track: Track) -> None:
        self._results[track.index] = result_of(self._job, track)
        self._ready.put_nowait(track)
        self._on_news()

    def finish(self) -> None:
        """All are rendered: no more will be offered."""
        self._ready.put_nowait(None)

    @property
    def results(self) -> list[dict]:
        """The job heartbeat's `results`: tracks that are not confirmed yet."""
        return [self._results[index] for index in sorted(self._results)[:MAX_RESULTS]]

    async def run(self) -> None:
        """Raises FileChanged at the end if a track has to be rendered again."""
        final = None
        while (track := await self._ready.get()) is not None:
            if track.final:
                final = track
            else:
                await self._deliver(track)
        if final is not None and not self._damaged:
            await self._deliver(final)
        if self._damaged:
            raise FileChanged(f"{len(self._damaged)} tracks are rendered again from their segments")

    @property
    def _damaged(self) -> list[Track]:
        return [track for track in self._job.tracks if track.state == "open"]

    async def _deliver(self, track: Track) -> None:
        job = self._job
        try:
            await self._prove(track)
            await self._offer_twice(track)
        except Refused as error:
            track.state, job.refused = "refused", str(error)
            log.error("job %s track %s is not taken: %s", job.job_id, track.index, error)
        except FileChanged as error:
            self._give_up_copy(track, error)
        else:
            track.state = "uploaded"
            if track.final:
                self._on_complete()
            log.info("job %s track %s uploaded", job.job_id, track.index)
            self._results.pop(track.index, None)
        await asyncio.to_thread(self._settle, track)
        self._on_news()

    async def _prove(self, track: Track) -> None:
        """Raises FileChanged."""
        if track.index not in self._unproven:
            return
        try:
            await asyncio.to_thread(check_copy, self._job.render_folder / track.path, track)
        except OSError as error:
            log.warning("job %s: track %s cannot be checked: %s", self._job.job_id, track.index, error)
        self._unproven.discard(track.index)

    async def _offer_twice(self, track: Track) -> None:
        """A file that was refused is offered once more, later: the controller may have changed."""
        upload = TrackUpload(
            self._controller,
            self._job,
            track,
            self._timing,
            announce=self._announce,
            part_bytes=self._part_bytes,
        )
        try:
            await upload.run()
        except Refused as refusal:
            log.warning("job %s: refused (%s), offered once more", self._job.job_id, refusal)
            await asyncio.sleep(self._timing.job_heartbeat_seconds)
            await upload.run()

    def _give_up_copy(self, track: Track, error: FileChanged) -> None:
        """Made again from its segments; without them what there is is kept for a person."""
        job = self._job
        whole = bool(self._segments_of(track))
        log.error("job %s: %s, its segments are %s", job.job_id, error, "whole" if whole else "gone")
        self._results.pop(track.index, None)
        if whole:
            track.state = "open"
        else:
            track.state, job.refused = "refused", str(error)

    def _settle(self, track: Track) -> None:
        """Note what became of a track; what it then no longer needs goes, once that is durable."""
        try:
            self._job.save_track(track)
        except OSError as error:  # a later save holds it
            log.error("job %s: track %s could not be noted: %s", self._job.job_id, track.index, error)
            return
        if track.state == "uploaded":
            self._free(track)

    def _free(self, track: Track) -> None:
        """Segments go only after their track was confirmed by content."""
        job = self._job
        mine = self._segments_of(track)
        with job.lock:
            job.segments = [segment for segment in job.segments if segment not in mine]
        for segment in mine:
            segment.remove()
        if not job.keeps_copy:
            (job.render_folder / track.path).unlink(missing_ok=True)

    def _segments_of(self, track: Track) -> list:
        job = self._job
        return [segment for segment in job.segments if job.cell_of(segment.first_frame) == track.cell]


def result_of(job: Job, track: Track) -> dict:
    """A track's entry in the job heartbeat's `results`."""
    start = job.first_frame_utc + track.first_frame / job.sample_rate
    duration = track.frames / job.sample_rate
    return {
        "trackIndex": track.index,
        "final": track.final,
        "sha256": track.sha256,
        "sizeBytes": track.size_bytes,
        "durationSeconds": round(duration, 3),
        "captureStartAt": format_time(start),
        "captureEndAt": format_time(start + duration),
        "partial": track.partial,
        "peakDbfs": track.peak_dbfs,
        "lufsIntegrated": track.lufs_integrated,
        "driftPpm": job.drift_ppm,
        "renderFallback": track.render_fallback,
    }
