"""The running agent: its loops on one asyncio loop, each restarted alone when it fails.

    heartbeat 5 s · config on change, else 60 s · claim-next 5 s · outbox · meters · socket · watch 1 s

Readers, captures and renderers are threads of their own: no loop that fails or waits touches them.
"""

import asyncio
import logging
import os
import random
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from nodes.agent import cache, durable, identity, inventory
from nodes.agent.backoff import Backoff
from nodes.agent.client import Answer, Controller, Unreachable, read_credential
from nodes.agent.clock import Clock, parse_time
from nodes.agent.config import Settings
from nodes.agent.events import Events
from nodes.agent.hints import Hints
from nodes.agent.jobs import DEFAULT_MAX_FILE_BYTES, Job, JobStore
from nodes.agent.meterstore import MeterStore
from nodes.agent.outbox import Outbox
from nodes.agent.progress import Progress
from nodes.agent.rack import Rack, Slot
from nodes.agent.runner import Context, JobRunner
from nodes.agent.uplink import Uplink
from nodes.agent.upload import PART_BYTES

log = logging.getLogger("tallyroom.agent")

CLAIM_LEAD_SECONDS = 60.0
RESTART_FIRST_SECONDS, RESTART_LAST_SECONDS = 1.0, 60.0
SHUTDOWN_SECONDS = 8.0
EXIT_OK, EXIT_REFUSED, EXIT_INTERRUPTED = 0, 69, 130


class Program:
    """One agent on one data folder (already locked)."""

    def __init__(self, settings: Settings):
        self._settings = settings
        data_dir = settings.data_dir
        self._instance_id = identity.instance_id(data_dir)
        self._process_id = durable.uuid7()
        self._clock = Clock(data_dir / "clock.json")
        self._hints = Hints()
        self._store = JobStore(data_dir)
        self._outbox = Outbox(data_dir)
        self._events = Events(self._outbox, self._clock, settings.node)
        self._controller = Controller(settings, read_credential(settings.credential_path))
        timing = settings.timing
        meters = MeterStore(data_dir, timing.meter_keep_seconds)
        self._uplink = Uplink(self._controller, self._hints, meters, timing)
        self._rack = Rack(settings, self._clock, self._uplink.offer)
        self._progress = Progress(settings.progress, timing.progress_seconds)
        self._config: dict = {}
        self._etag: str | None = None
        self._devices: list[inventory.Device] = []
        self._runners: dict[str, JobRunner] = {}
        self._tasks: set[asyncio.Task] = set()
        self._seq = 0
        self._said_interfaces: list[dict] | None = None
        self._said_at = 0.0
        self._unreachable = False
        self._unauthorized = False
        self._stopping = asyncio.Event()
        self._wake_heartbeat = asyncio.Event()
        self.exit_code = EXIT_OK

    # -- life ----------------------------------------------------------------------------------

    async def run(self) -> int:
        """Until a signal; the exit code."""
        self._install_signals()
        self._devices = inventory.devices(self._settings)
        self._load_cached_config()
        self._resume_jobs()
        if self._settings.once:
            return await self._run_once()
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "heartbeat": self._heartbeat_loop,
            "config": self._config_loop,
            "claim": self._claim_loop,
            "outbox": self._outbox_loop,
            "meters": self._uplink.run,
            "socket": self._uplink.run_socket,
            "watch": self._watch_loop,
        }
        for name, loop in loops.items():
            self._spawn(self._supervise(name, loop))
        await self._stopping.wait()
        await self._shut_down()
        return self.exit_code

    async def _run_once(self) -> int:
        try:
            answer = await self._heartbeat()
            if answer.ok:
                await self._fetch_config()
        except Unreachable as error:
            log.error("the controller cannot be reached: %s", error)
            return EXIT_REFUSED
        finally:
            await self._shut_down()
        return EXIT_OK if answer.ok else EXIT_REFUSED

    def _install_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self._reload()))

    def _on_stop_signal(self) -> None:
        if self._stopping.is_set():
            os._exit(EXIT_INTERRUPTED)
        self._stopping.set()

    async def _shut_down(self) -> None:
        """Segments synced first; jobs stay in their phase and go on at the next start."""
        log.info("stopping; %d jobs go on at the next start", len(self._runners))
        try:
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await asyncio.gather(*(runner.suspend() for runner in self._runners.values()))
                for task in list(self._tasks):
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await asyncio.to_thread(self._rack.stop, wait_seconds=1.0)
                self._uplink.flush_to_disk()
                await self._controller.close()
        except TimeoutError:
            log.warning("stopped without waiting any longer")

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _supervise(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """A loop that crashes is restarted, 1 s → 60 s, and touches no reader."""
        wait = RESTART_FIRST_SECONDS
        while True:
            began = time.monotonic()
            try:
                await loop()
            except Exception:
                log.exception("the %s loop failed and is restarted", name)
            if time.monotonic() - began > RESTART_LAST_SECONDS:
                wait = RESTART_FIRST_SECONDS
            await asyncio.sleep(wait)
            wait = min(wait * 2, RESTART_LAST_SECONDS)

    async def _reload(self) -> None:
        """SIGHUP: credential and CA from disk, and everything is asked anew at once."""
        token = read_credential(self._settings.credential_path)
        await self._controller.reload(token)
        self._unauthorized = False
        self._etag = None
        self._hints.config_changed.set()
        self._wake_heartbeat.set()

    # -- heartbeat -----------------------------------------------------------------------------

    async def _heartbeat_loop(self) -> None:
        timing = self._settings.timing
        backoff = Backoff(timing.backoff_first_seconds, timing.backoff_last_seconds)
        while True:
            try:
                answer = await self._heartbeat()
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
            await _either(self._wake_heartbeat, wait)

    def _reach(self, reachable: bool, reason: str) -> None:
        if reachable == self._unreachable:
            self._unreachable = not reachable
            log.info(
                "the controller is %s",
                "back" if reachable else f"away, everything goes on: {reason}",
            )

    async def _heartbeat(self, token: str | None = None) -> Answer:
        """One heartbeat, and what its reply asks for. Raises Unreachable."""
        sent_wall, sent_mono = self._clock.wall(), time.monotonic()
        body, interfaces = self._heartbeat_body()
        answer = await self._controller.heartbeat(body, token)
        rtt = time.monotonic() - sent_mono
        if not answer.ok:
            self._refused(answer)
            return answer
        self._unauthorized = False
        if interfaces is not None:
            self._said_interfaces, self._said_at = interfaces, time.monotonic()
        data = answer.data if isinstance(answer.data, dict) else {}
        if isinstance(data.get("serverTime"), str):
            self._clock.observe(sent_wall=sent_wall, rtt_seconds=rtt, server_time=parse_time(data["serverTime"]))
            self._watch_skew()
        self._hints.take(data.get("hints"))
        credential = data.get("credential")
        if token is None and isinstance(credential, dict) and credential.get("token"):
            await self._rotate(str(credential["token"]))
        return answer

    def _refused(self, answer: Answer) -> None:
        if answer.status == 401 and not self._unauthorized:
            self._unauthorized = True
            log.error("the credential is refused (%s); captures go on", answer.code)
        elif answer.status != 401 and not answer.retryable:
            log.error("the heartbeat is refused: %s %s", answer.status, answer.code)

    @property
    def _fresh_credential(self) -> Path:
        return self._settings.credential_path.with_name("credential.new")

    async def _rotate(self, token: str) -> None:
        """Delivered by a heartbeat: written down, used once, only then in the old one's place."""
        identity.write_credential(self._fresh_credential, token)
        await self._try_fresh_credential()

    async def _try_fresh_credential(self) -> None:
        """Also when the old one is refused: the reply to the new one's first use may have been lost."""
        path, fresh = self._settings.credential_path, self._fresh_credential
        token = read_credential(fresh)
        if not token:
            return
        try:
            answer = await self._heartbeat(token)
        except Unreachable:
            return
        if answer.ok:
            fresh.replace(path)
            durable.fsync_directory(path.parent)
            await self._controller.reload(token)
            log.info("the credential was rotated")

    def _heartbeat_body(self) -> tuple[dict, list[dict] | None]:
        """(body, the interfaces in it or None when unchanged)."""
        self._seq += 1
        settings = self._settings
        body = {
            "agentInstanceId": self._instance_id,
            "processId": self._process_id,
            "seq": self._seq,
            "sentAt": self._clock.now_text(),
            "agentVersion": inventory.AGENT_VERSION,
            "status": self._status(),
            "configVersion": self._config.get("configVersion"),
            "clock": self._clock.report(),
            "disk": inventory.disk(settings.data_dir),
            "activeJobs": [_active(runner.job) for runner in self._runners.values()],
            "freeSlots": self._free_slots(),
            "outboxDepth": len(self._outbox),
            "quarantine": self._store.quarantined(),
        }
        quiet = time.monotonic() - self._said_at
        fresh = self._said_interfaces is None or quiet >= settings.timing.inventory_seconds
        if fresh:
            self._devices = inventory.devices(settings)
            body["hostname"] = socket.gethostname()
            body["ipAddresses"] = inventory.addresses()
            body["runtime"] = inventory.runtime(settings)
            body["extra"] = inventory.extra()
        interfaces = self._rack.report(self._devices)
        if not fresh and interfaces == self._said_interfaces:
            return body, None
        body["interfaces"] = interfaces
        return body, interfaces

    def _status(self) -> str:
        if self._draining():
            return "draining"
        return "ok" if self._config else "starting"

    def _draining(self) -> bool:
        return (self._settings.data_dir / "drain").exists()

    def _watch_skew(self) -> None:
        change = self._clock.skew_change()
        offset = round(self._clock.offset_seconds, 3)
        if change is True:
            self._events.fire("agent.clock.skew", f"off by {offset} s", offsetSeconds=offset)
        elif change is False:
            self._events.clear("agent.clock.skew")

    # -- config --------------------------------------------------------------------------------

    def _load_cached_config(self) -> None:
        """The last good copy serves while the controller is away."""
        try:
            cached = durable.read_json(self._settings.data_dir / "config.cache.json")
        except ValueError:
            cached = None
        if cached:
            self._config = cached
            self._rack.apply(cached, self._devices)

    async def _config_loop(self) -> None:
        timing = self._settings.timing
        backoff = Backoff(timing.backoff_first_seconds, timing.backoff_last_seconds)
        while True:
            try:
                answer = await self._fetch_config()
            except Unreachable:
                await asyncio.sleep(backoff.next())
                continue
            if answer.status == 401:
                await _either(self._hints.config_changed, timing.unauthorized_seconds)
            elif not answer.ok and answer.status != 304:
                await asyncio.sleep(backoff.next(answer.retry_after_seconds))
            else:
                backoff.reset()
                await _either(self._hints.config_changed, timing.config_seconds)

    async def _fetch_config(self) -> Answer:
        self._hints.config_changed.clear()
        answer = await self._controller.config(self._etag)
        if answer.status == 304:
            self._hints.config_applied(self._config.get("configVersion"))
        elif answer.ok and isinstance(answer.data, dict):
            self._etag = answer.headers.get("etag")
            await self._apply_config(answer.data)
        return answer

    async def _apply_config(self, config: dict) -> None:
        self._config = config
        await asyncio.to_thread(durable.write_json, self._settings.data_dir / "config.cache.json", config)
        self._rack.apply(config, self._devices)
        self._hints.config_applied(config.get("configVersion"))
        for slot in self._rack.refused_slots():
            self._events.fire("agent.interface.source_not_allowed", slot.refusal, interface_id=slot.id)
        self._wake_heartbeat.set()
        await asyncio.to_thread(self._sweep)

    def _sweep(self, *, urgent: bool = False) -> None:
        cache.sweep(self._store, self._config.get("recorderCachePolicies") or [], urgent=urgent)

    # -- jobs ----------------------------------------------------------------------------------

    def _resume_jobs(self) -> None:
        """No controller needed: what the data folder says is enough."""
        jobs, rebuilt = self._store.load_all()
        for job_id in rebuilt:
            self._events.note("agent.state.rebuilt", f"the state of job {job_id} was torn")
        for job in jobs:
            if job.phase != "done":
                log.info("job %s goes on from %s", job.job_id, job.phase)
                self._start_runner(job)

    def _start_runner(self, job: Job) -> None:
        limits = self._config.get("limits") or {}
        context = Context(
            settings=self._settings,
            controller=self._controller,
            clock=self._clock,
            rack=self._rack,
            hints=self._hints,
            store=self._store,
            outbox=self._outbox,
            events=self._events,
            agent_instance_id=self._instance_id,
            part_bytes=int(limits.get("partBytes") or PART_BYTES),
            sweep=lambda: self._sweep(urgent=True),
        )
        runner = JobRunner(context, job)
        self._runners[job.job_id] = runner
        self._spawn(self._run_job(runner))

    async def _run_job(self, runner: JobRunner) -> None:
        job = runner.job
        try:
            await runner.run()
        except Exception:
            # Its files are whole on disk: it is taken up again as after a restart.
            log.exception("job %s failed and is taken up again", job.job_id)
            await runner.suspend()
            await asyncio.sleep(RESTART_FIRST_SECONDS)
            self._start_runner(job)
            return
        self._runners.pop(job.job_id, None)
        self._hints.claim.set()
        self._wake_heartbeat.set()

    def _free_slots(self) -> int:
        """A capture that ends within the claim's lead leaves its slot to the one that follows it."""
        if self._draining():
            return 0
        capacity = (self._config.get("recordingCapacity") or {}).get("maxConcurrentRecordings", 1)
        busy = sum(self._is_busy(runner.job) for runner in self._runners.values())
        return max(0, int(capacity) - busy)

    def _is_busy(self, job: Job) -> bool:
        if job.phase == "claimed":
            return True
        if job.phase != "capturing" or job.stop is not None:
            return False
        return job.end_utc is None or job.end_utc > self._clock.utc() + CLAIM_LEAD_SECONDS

    async def _claim_loop(self) -> None:
        timing = self._settings.timing
        backoff = Backoff(timing.backoff_first_seconds, timing.backoff_last_seconds)
        while True:
            wait = timing.claim_seconds
            if self._config and not self._unauthorized:
                try:
                    wait = await self._claim(backoff)
                except Unreachable:
                    wait = backoff.next()
            await _either(self._hints.claim, wait)

    async def _claim(self, backoff: Backoff) -> float:
        """Ask for one job; the seconds until the next question. Raises Unreachable.

        The claimId is durable before it is sent, and sent again until answered: whatever reply is
        lost, the controller gives the same job for it.
        """
        path = self._settings.data_dir / "claim.json"
        claim = self._stored_claim()
        if claim is not None and self._store.has_claim(claim):
            path.unlink(missing_ok=True)
            claim = None
        if claim is None:
            if self._free_slots() == 0:
                return self._settings.timing.claim_seconds
            claim = durable.uuid7()
            await asyncio.to_thread(durable.write_json, path, {"claimId": claim})
        answer = await self._controller.claim_next(
            {
                "claimId": claim,
                "agentInstanceId": self._instance_id,
                "processId": self._process_id,
                "freeSlots": self._free_slots(),
                "agentTime": self._clock.now_text(),
            }
        )
        log.debug("claim answered %s %s", answer.status, answer.code)
        if answer.status == 204 and self._free_slots() == 0:
            path.unlink(missing_ok=True)  # answered, and nothing more is wanted now
        if answer.status != 200 or not isinstance(answer.data, dict):
            if answer.ok:
                backoff.reset()
                return self._settings.timing.claim_seconds
            if answer.status == 401:
                self._refused(answer)
                return self._settings.timing.unauthorized_seconds
            return backoff.next(answer.retry_after_seconds)
        backoff.reset()
        await self._take_claimed(answer.data)
        path.unlink(missing_ok=True)
        return 0.0

    def _stored_claim(self) -> str | None:
        try:
            stored = durable.read_json(self._settings.data_dir / "claim.json") or {}
        except ValueError:
            return None
        claim = stored.get("claimId")
        return claim if isinstance(claim, str) else None

    async def _take_claimed(self, wire: dict) -> None:
        if wire["id"] in self._runners:
            return
        limits = self._config.get("limits") or {}
        job = await asyncio.to_thread(
            lambda: self._store.create(
                wire,
                clock_offset_seconds=self._clock.offset_seconds,
                max_file_bytes=int(limits.get("maxFileBytes") or DEFAULT_MAX_FILE_BYTES),
            )
        )
        job.clock_corrected = self._clock.corrected
        log.info("job %s claimed, window from %s", job.job_id, job.capture_start_at)
        self._start_runner(job)
        self._wake_heartbeat.set()

    # -- outbox, watch -------------------------------------------------------------------------

    async def _outbox_loop(self) -> None:
        timing = self._settings.timing
        backoff = Backoff(timing.backoff_first_seconds, timing.backoff_last_seconds)
        while True:
            wait = min(1.0, timing.heartbeat_seconds)
            for post in self._outbox.pending():
                try:
                    answer = await self._controller.request("POST", post.path, json=post.body)
                except Unreachable:
                    wait = backoff.next()
                    break
                if answer.status == 401 or answer.retryable:
                    wait = backoff.next(answer.retry_after_seconds)
                    break
                if not answer.ok:
                    log.info("post %s dropped: %s %s", post.path, answer.status, answer.code)
                backoff.reset()
                await asyncio.to_thread(self._outbox.done, post.id)
            await asyncio.sleep(wait)

    async def _watch_loop(self) -> None:
        """Once a second: watched meters, hanging readers, stalled captures, the progress line."""
        while True:
            self._rack.set_watched(self._hints.watched)
            self._rack.kick_stalled()
            for slot in self._rack.capturing_slots():
                self._watch_capture(slot)
            self._progress.show(list(self._runners.values()))
            await asyncio.sleep(min(1.0, self._settings.timing.heartbeat_seconds))

    def _watch_capture(self, slot: Slot) -> None:
        quiet = time.monotonic() - slot.reader.last_block_mono
        limit = self._settings.timing.url_stall_seconds + self._settings.timing.stall_seconds
        if slot.reader.state == "open" and quiet < 1.0:
            self._events.clear("agent.capture.stalled", interface_id=slot.id)
            self._events.clear("agent.interface.lost", interface_id=slot.id)
        elif slot.reader.state in ("lost", "error"):
            self._events.fire("agent.interface.lost", slot.reader.error or "lost", interface_id=slot.id)
        if quiet > limit:
            self._events.fire("agent.capture.stalled", f"no samples for {quiet:.0f} s", interface_id=slot.id)


def _active(job: Job) -> dict:
    return {
        "jobId": job.job_id,
        "claimEpoch": job.claim_epoch,
        "phase": job.phase,
        "bytesWritten": job.bytes_written,
    }


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Until the event or the time; the event is taken."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
