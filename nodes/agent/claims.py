"""Claiming: one question every five seconds while a slot is free, at once when there is a job."""

import asyncio
import logging
from collections.abc import Callable

from nodes.agent import durable
from nodes.agent.backoff import Backoff
from nodes.agent.client import Answer, Unreachable
from nodes.agent.jobs import DEFAULT_MAX_FILE_BYTES, Job
from nodes.agent.station import Station, either

log = logging.getLogger("tallyroom.agent.claims")


class Claims:
    """`start` gets each claimed job, `refused` hears of a refused credential."""

    def __init__(self, station: Station, start: Callable[[Job], None], refused: Callable[[Answer], None]):
        self._station, self._start, self._refused = station, start, refused

    async def loop(self) -> None:
        timing = self._station.settings.timing
        backoff = Backoff(timing.backoff_first_seconds, timing.backoff_last_seconds)
        while True:
            wait = timing.claim_seconds
            if self._station.config and not self._station.unauthorized:
                try:
                    wait = await self._claim(backoff)
                except Unreachable:
                    wait = backoff.next()
            await either(self._station.hints.claim, wait)

    async def _claim(self, backoff: Backoff) -> float:
        """Ask for one job; the seconds until the next question. Raises Unreachable.

        The claimId is durable before it is sent, and sent again until answered: whatever reply is
        lost, the controller gives the same job for it.
        """
        path = self._station.settings.data_dir / "claim.json"
        claim = self._stored_claim()
        if claim is not None and self._station.store.has_claim(claim):
            path.unlink(missing_ok=True)
            claim = None
        if claim is None:
            if self._station.free_slots() == 0:
                return self._station.settings.timing.claim_seconds
            claim = durable.uuid7()
            await asyncio.to_thread(durable.write_json, path, {"claimId": claim})
        answer = await self._station.controller.claim_next(
            {
                "claimId": claim,
                "agentInstanceId": self._station.instance_id,
                "processId": self._station.process_id,
                "freeSlots": self._station.free_slots(),
                "agentTime": self._station.clock.now_text(),
            }
        )
        log.debug("claim answered %s %s", answer.status, answer.code)
        if answer.status == 204 and self._station.free_slots() == 0:
            path.unlink(missing_ok=True)  # answered, and nothing more is wanted now
        if answer.status != 200 or not isinstance(answer.data, dict):
            if answer.ok:
                backoff.reset()
                return self._station.settings.timing.claim_seconds
            if answer.status == 401:
                self._refused(answer)
                return self._station.settings.timing.unauthorized_seconds
            return backoff.next(answer.retry_after_seconds)
        backoff.reset()
        await self._take_claimed(answer.data)
        path.unlink(missing_ok=True)
        return 0.0

    def _stored_claim(self) -> str | None:
        try:
            stored = durable.read_json(self._station.settings.data_dir / "claim.json") or {}
        except ValueError:
            return None
        claim = stored.get("claimId")
        return claim if isinstance(claim, str) else None

    async def _take_claimed(self, wire: dict) -> None:
        if wire["id"] in self._station.runners:
            return
        limits = self._station.config.get("limits") or {}
        job = await asyncio.to_thread(
            lambda: self._station.store.create(
                wire,
                clock_offset_seconds=self._station.clock.offset_seconds,
                max_file_bytes=int(limits.get("maxFileBytes") or DEFAULT_MAX_FILE_BYTES),
            )
        )
        job.clock_corrected = self._station.clock.corrected
        log.info("job %s claimed, window from %s", job.job_id, job.capture_start_at)
        self._start(job)
        self._station.wake_heartbeat.set()
