"""The heartbeat: it says what there is, hears what is wanted, keeps clock and credential right."""

import logging
import random
import socket
import time
from pathlib import Path

from nodes.agent import durable, identity, inventory
from nodes.agent.backoff import Backoff
from nodes.agent.client import Answer, Unreachable, read_credential
from nodes.agent.clock import parse_time
from nodes.agent.jobs import Job
from nodes.agent.station import Station, either

log = logging.getLogger("tallyroom.agent.heart")


class Heart:
    """`loop` for ever; `beat` once."""

    def __init__(self, station: Station):
        self._station = station
        self._seq = 0
        self._said_interfaces: list[dict] | None = None
        self._said_at = 0.0
        self._unreachable = False

    async def loop(self) -> None:
        timing = self._station.settings.timing
        backoff = Backoff(timing.backoff_first_seconds, timing.backoff_last_seconds)
        while True:
            try:
                answer = await self.beat()
            except Unreachable as error:
                self._reach(False, str(error))
                wait = backoff.next()
            else:
                self._reach(True, "")
                if answer.status == 401:
                    wait = timing.unauthorized_seconds
                    await self._try_fresh_credential()
                elif answer.retryable:
                    wait = backoff.next(answer.retry_after_seconds)
                else:
                    backoff.reset()
                    wait = timing.heartbeat_seconds * random.uniform(0.8, 1.2)
            await either(self._station.wake_heartbeat, wait)

    def _reach(self, reachable: bool, reason: str) -> None:
        if reachable == self._unreachable:
            self._unreachable = not reachable
            log.info(
                "the controller is %s",
                "back" if reachable else f"away, everything goes on: {reason}",
            )

    async def beat(self, token: str | None = None) -> Answer:
        """One heartbeat, and what its reply asks for. Raises Unreachable."""
        sent_wall, sent_mono = self._station.clock.wall(), time.monotonic()
        body, interfaces = self._heartbeat_body()
        answer = await self._station.controller.heartbeat(body, token)
        rtt = time.monotonic() - sent_mono
        if not answer.ok:
            self.refused(answer)
            return answer
        self._station.unauthorized = False
        if interfaces is not None:
            self._said_interfaces, self._said_at = interfaces, time.monotonic()
        data = answer.data if isinstance(answer.data, dict) else {}
        if isinstance(data.get("serverTime"), str):
            self._station.clock.observe(sent_wall=sent_wall, rtt_seconds=rtt, server_time=parse_time(data["serverTime"]))
            self._watch_skew()
        self._station.hints.take(data.get("hints"))
        credential = data.get("credential")
        if token is None and isinstance(credential, dict) and credential.get("token"):
            await self._rotate(str(credential["token"]))
        return answer

    def refused(self, answer: Answer) -> None:
        if answer.status == 401 and not self._station.unauthorized:
            self._station.unauthorized = True
            log.error("the credential is refused (%s); captures go on", answer.code)
        elif answer.status != 401 and not answer.retryable:
            log.error("the heartbeat is refused: %s %s", answer.status, answer.code)

    @property
    def _fresh_credential(self) -> Path:
        return self._station.settings.credential_path.with_name("credential.new")

    async def _rotate(self, token: str) -> None:
        """Delivered by a heartbeat: written down, used once, only then in the old one's place."""
        identity.write_credential(self._fresh_credential, token)
        await self._try_fresh_credential()

    async def _try_fresh_credential(self) -> None:
        """Also when the old one is refused: the reply to the new one's first use may have been lost."""
        path, fresh = self._station.settings.credential_path, self._fresh_credential
        token = read_credential(fresh)
        if not token:
            return
        try:
            answer = await self.beat(token)
        except Unreachable:
            return
        if answer.ok:
            fresh.replace(path)
            durable.fsync(path.parent)
            await self._station.controller.reload(token)
            log.info("the credential was rotated")

    def _heartbeat_body(self) -> tuple[dict, list[dict] | None]:
        """(body, the interfaces in it or None when unchanged)."""
        self._seq += 1
        settings = self._station.settings
        body = {
            "agentInstanceId": self._station.instance_id,
            "processId": self._station.process_id,
            "seq": self._seq,
            "sentAt": self._station.clock.now_text(),
            "agentVersion": inventory.AGENT_VERSION,
            "status": self._station.status(),
            "configVersion": self._station.config.get("configVersion"),
            "clock": self._station.clock.report(),
            "disk": inventory.disk(settings.data_dir),
            "activeJobs": [_active(runner.job) for runner in self._station.runners.values()],
            "freeSlots": self._station.free_slots(),
            "outboxDepth": len(self._station.outbox),
            "quarantine": self._station.store.quarantined(),
        }
        quiet = time.monotonic() - self._said_at
        fresh = self._said_interfaces is None or quiet >= settings.timing.inventory_seconds
        if fresh:
            self._station.look_at_devices()
            body["hostname"] = socket.gethostname()
            body["ipAddresses"] = inventory.addresses()
            body["runtime"] = inventory.runtime(settings)
            body["extra"] = inventory.extra()
        interfaces = self._station.rack.report(self._station.devices)
        if not fresh and interfaces == self._said_interfaces:
            return body, None
        body["interfaces"] = interfaces
        return body, interfaces

    def _watch_skew(self) -> None:
        change = self._station.clock.skew_change()
        offset = round(self._station.clock.offset_seconds, 3)
        if change is True:
            self._station.events.fire("agent.clock.skew", f"off by {offset} s", offsetSeconds=offset)
        elif change is False:
            self._station.events.clear("agent.clock.skew")


def _active(job: Job) -> dict:
    return {
        "jobId": job.job_id,
        "claimEpoch": job.claim_epoch,
        "phase": job.phase,
        "bytesWritten": job.bytes_written,
    }
