"""Uploading a track: HEAD for the offset, parts of 8 MiB, each with its digest, until it is whole.

`TrackUpload.run` returns only when the controller holds the file (its sha256 equals ours) or has
refused it for good; every other answer is waited out. It may be started again at any time.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from nodes.agent.backoff import Backoff
from nodes.agent.client import Answer, Controller, Unreachable, sha256_field
from nodes.agent.config import Timing
from nodes.agent.encode import MIME_TYPES
from nodes.agent.jobs import Job, Track

log = logging.getLogger("tallyroom.agent.upload")

PART_BYTES = 8 * 1024 * 1024
LEAST_PART_BYTES = 1024 * 1024
#: The controller will not take this file from this claim, ever: it goes to quarantine.
REFUSALS = ("claim_superseded", "job_terminal", "recording_has_other_file", "file_too_large")


class Refused(Exception):
    """The controller has refused the file for good; the argument is the code."""


class FileChanged(Exception):
    """Our own copy is gone, or no longer what was rendered."""


def check_copy(path: Path, track: Track) -> None:
    """Raises FileChanged unless the file is the one that was rendered; OSError if it cannot be read."""
    try:
        whole = path.stat().st_size == track.size_bytes
        with path.open("rb") as stream:
            whole = whole and hashlib.file_digest(stream, "sha256").hexdigest() == track.sha256
    except FileNotFoundError:
        whole = False
    if not whole:
        raise FileChanged(f"{path.name} is damaged")


class TrackUpload:
    """`announce` sends the job heartbeat that carries the track's results, before each attempt."""

    def __init__(
        self,
        controller: Controller,
        job: Job,
        track: Track,
        timing: Timing,
        *,
        announce: Callable[[], object],
        part_bytes: int = PART_BYTES,
    ):
        self._controller, self._job, self._track, self._timing = controller, job, track, timing
        self._announce = announce
        self._part_bytes = part_bytes
        self._path: Path = job.render_folder / track.path
        self._backoff = Backoff(timing.backoff_first_seconds, timing.upload_backoff_last_seconds)

    async def run(self) -> None:
        """Raises Refused, FileChanged."""
        while True:
            wait = await self._attempt()
            if wait is None:
                return
            await asyncio.sleep(wait)

    async def _attempt(self) -> float | None:
        """One go from the beginning; None when the file is there, else how long to wait."""
        try:
            await self._announce()
            answer = await self._controller.cache_file("HEAD", self._job.recording_id, self._headers())
            if answer.status == 409:
                # A HEAD has no body: the PUT will say which conflict it is.
                return await self._put_rest(0)
            if not answer.ok:
                return await self._judge(answer)
            state = answer.headers.get("upload-state", "none")
            if state == "complete" and self._is_ours(answer.headers.get("repr-digest")):
                return await self._put_rest(self._last_part_offset())
            if state == "verifying":
                return self._timing.verify_poll_seconds
            same = self._is_ours(answer.headers.get("repr-digest"), absent=True)
            offset = int(answer.headers.get("upload-offset") or 0) if same else 0
            return await self._put_rest(offset)
        except (Unreachable, OSError) as error:  # OSError: our disk is full, or cannot be read just now
            log.info("job %s: upload waits: %s", self._job.job_id, error)
            return self._backoff.next()

    def _last_part_offset(self) -> int:
        """Sending the last part of a file that is complete yields its record (06 §8, 5)."""
        size = self._track.size_bytes
        return (size - 1) // self._part_bytes * self._part_bytes

    def _is_ours(self, digest: str | None, *, absent: bool = False) -> bool:
        return absent if not digest else digest == sha256_field(self._track.sha256)

    async def _put_rest(self, offset: int) -> float | None:
        size = self._track.size_bytes
        if not 0 <= offset < size:
            offset = self._last_part_offset() if offset == size else 0
        while True:
            part = await asyncio.to_thread(self._read, offset)
            answer = await self._put(offset, part)
            if answer.status == 202 and "offset" in (answer.data or {}):
                self._backoff.reset()
                offset = int(answer.data["offset"])
                self._track.offset = offset
                if offset < size:
                    continue
                return self._timing.verify_poll_seconds
            if answer.status == 202:
                return self._timing.verify_poll_seconds
            if not answer.ok:
                if (wanted := self._wanted_offset(answer)) not in (None, offset):
                    offset = wanted
                    continue
                return await self._judge(answer)
            if self._confirmed(answer):
                self._track.offset = size
                return None
            log.error("job %s: the controller names another sha256", self._job.job_id)
            return self._backoff.next()

    def _wanted_offset(self, answer: Answer) -> int | None:
        """Where a refusal says to go on: another file's remains give way to ours from 0."""
        if answer.code == "upload_changed":
            return 0
        if answer.code != "upload_offset_mismatch":
            return None
        offset = answer.error_data.get("offset", 0)
        return offset if isinstance(offset, int) and 0 <= offset < self._track.size_bytes else 0

    def _confirmed(self, answer: Answer) -> bool:
        data = answer.data if isinstance(answer.data, dict) else {}
        return (data.get("file") or {}).get("sha256") == self._track.sha256

    def _read(self, offset: int) -> bytes:
        size = min(self._part_bytes, self._track.size_bytes - offset)
        try:
            with self._path.open("rb") as stream:
                stream.seek(offset)
                part = stream.read(size)
        except FileNotFoundError as error:
            raise FileChanged(f"{self._path.name} is gone") from error
        if len(part) < size:
            raise FileChanged(f"{self._path.name} is cut short")
        return part

    async def _put(self, offset: int, part: bytes) -> Answer:
        size = self._track.size_bytes
        headers = self._headers() | {
            "Content-Digest": sha256_field(hashlib.sha256(part).hexdigest()),
            "Content-Length": str(len(part)),
        }
        if len(part) < size:
            headers["Content-Range"] = f"bytes {offset}-{offset + len(part) - 1}/{size}"
        return await self._controller.cache_file("PUT", self._job.recording_id, headers, part)

    def _headers(self) -> dict[str, str]:
        job, track = self._job, self._track
        codec = track.render_fallback or job.output.get("codec") or "wav"
        return {
            "Recording-Job-Id": job.job_id,
            "Claim-Epoch": str(job.claim_epoch),
            "Track-Index": str(track.index),
            "Track-Final": "true" if track.final else "false",
            "Content-Type": MIME_TYPES[codec],
            "Repr-Digest": sha256_field(track.sha256),
            "Media-Duration-Seconds": f"{track.frames / job.sample_rate:.3f}",
            "Content-Disposition": f'attachment; filename="{job.job_id}-{track.path}"',
        }

    async def _judge(self, answer: Answer) -> float:
        """How long to wait after a refusal. Raises Refused, FileChanged, OSError."""
        if answer.status == 404 or answer.code in REFUSALS:
            raise Refused(answer.code or "not_found")
        if answer.status == 401:
            return self._timing.unauthorized_seconds
        if answer.code == "part_too_large":
            limit = answer.error_data.get("maxPartBytes")
            smaller = limit if isinstance(limit, int) and limit > 0 else self._part_bytes // 2
            self._part_bytes = max(LEAST_PART_BYTES, min(self._part_bytes // 2, smaller))
        if answer.code == "checksum_mismatch":
            await asyncio.to_thread(check_copy, self._path, self._track)
        log.info(
            "job %s: upload answered %s %s, trying again",
            *(self._job.job_id, answer.status, answer.code),
        )
        return self._backoff.next(answer.retry_after_seconds)
