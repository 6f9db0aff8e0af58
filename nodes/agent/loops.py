"""The running agent: its loops on one asyncio loop, each restarted alone when it fails.

    heartbeat 5 s · config on change, else 60 s · claim-next 5 s · outbox · meters · socket · watch 1 s

Readers, captures and renderers are threads of their own: no loop that fails or waits touches them.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable

from nodes.agent import cache, durable, identity, inventory
from nodes.agent.backoff import Backoff
from nodes.agent.claims import Claims
from nodes.agent.client import Answer, Controller, Unreachable, read_credential
from nodes.agent.clock import Clock
from nodes.agent.config import Settings
from nodes.agent.events import Events
from nodes.agent.heart import Heart
from nodes.agent.hints import Hints
from nodes.agent.jobs import Job
from nodes.agent.jobstore import JobStore
from nodes.agent.meterstore import MeterStore
from nodes.agent.outbox import Outbox
from nodes.agent.progress import Progress
from nodes.agent.rack import Rack
from nodes.agent.runner import Context, JobRunner
from nodes.agent.station import Station, either
from nodes.agent.uplink import Uplink
from nodes.agent.upload import PART_BYTES
from nodes.agent.watch import Watch

log = logging.getLogger("tallyroom.agent")

RESTART_FIRST_SECONDS, RESTART_LAST_SECONDS = 1.0, 60.0
SHUTDOWN_SECONDS = 8.0
EXIT_OK, EXIT_REFUSED, EXIT_INTERRUPTED = 0, 69, 130


class Program:
    """One agent on one data folder (already locked)."""

    def __init__(self, settings: Settings):
        data_dir, timing = settings.data_dir, settings.timing
        clock, hints, outbox = Clock(data_dir / "clock.json"), Hints(), Outbox(data_dir)
        controller = Controller(settings, read_credential(settings.credential_path))
        meters = MeterStore(data_dir, timing.meter_keep_seconds)
        self._uplink = Uplink(controller, hints, meters, timing)
        self._station = Station(
            settings=settings,
            instance_id=identity.instance_id(data_dir),
            process_id=durable.uuid7(),
            clock=clock,
            hints=hints,
            store=JobStore(data_dir),
            outbox=outbox,
            events=Events(outbox, clock, settings.node, data_dir / "firing.json"),
            controller=controller,
            rack=Rack(settings, clock, self._uplink.offer),
        )
        clock.skewed = self._station.events.is_firing("agent.clock.skew")
        self._heart = Heart(self._station)
        self._watch = Watch(self._station)
        self._claims = Claims(self._station, self._start_runner, self._heart.refused)
        self._progress = Progress(settings.progress, timing.progress_seconds)
        self._etag: str | None = None
        self._tasks: set[asyncio.Task] = set()
        self._stopping = asyncio.Event()

    # -- life ----------------------------------------------------------------------------------

    async def run(self) -> int:
        """Until a signal; the exit code."""
        self._install_signals()
        self._station.devices = inventory.devices(self._station.settings)
        self._load_cached_config()
        self._resume_jobs()
        if self._station.settings.once:
            return await self._run_once()
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "heartbeat": self._heart.loop,
            "config": self._config_loop,
            "claim": self._claims.loop,
            "outbox": self._outbox_loop,
            "meters": self._uplink.run,
            "socket": self._uplink.run_socket,
            "watch": self._watch_loop,
        }
        for name, loop in loops.items():
            self._spawn(self._supervise(name, loop))
        await self._stopping.wait()
        await self._shut_down()
        return EXIT_OK

    async def _run_once(self) -> int:
        try:
            answer = await self._heart.beat()
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
        log.info("stopping; %d jobs go on at the next start", len(self._station.runners))
        try:
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await asyncio.gather(*(runner.suspend() for runner in self._station.runners.values()))
                for task in list(self._tasks):
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await asyncio.to_thread(self._station.rack.stop, wait_seconds=1.0)
                self._uplink.flush_to_disk()
                await self._station.controller.close()
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
        token = read_credential(self._station.settings.credential_path)
        await self._station.controller.reload(token)
        self._station.unauthorized = False
        self._etag = None
        self._station.hints.config_changed.set()
        self._station.wake_heartbeat.set()

    # -- config --------------------------------------------------------------------------------

    def _load_cached_config(self) -> None:
        """The last good copy serves while the controller is away."""
        try:
            cached = durable.read_json(self._station.settings.data_dir / "config.cache.json")
        except ValueError:
            cached = None
        if cached:
            self._station.config = cached
            self._station.rack.apply(cached, self._station.devices)

    async def _config_loop(self) -> None:
        timing = self._station.settings.timing
        backoff = Backoff(timing.backoff_first_seconds, timing.backoff_last_seconds)
        while True:
            try:
                answer = await self._fetch_config()
            except Unreachable:
                await asyncio.sleep(backoff.next())
                continue
            if answer.status == 401:
                await either(self._station.hints.config_changed, timing.unauthorized_seconds)
            elif not answer.ok and answer.status != 304:
                await asyncio.sleep(backoff.next(answer.retry_after_seconds))
            else:
                backoff.reset()
                await either(self._station.hints.config_changed, timing.config_seconds)

    async def _fetch_config(self) -> Answer:
        self._station.hints.config_changed.clear()
        answer = await self._station.controller.config(self._etag)
        if answer.status == 304:
            self._station.hints.config_applied(self._station.config.get("configVersion"))
        elif answer.ok and isinstance(answer.data, dict):
            self._etag = answer.headers.get("etag")
            await self._apply_config(answer.data)
        return answer

    async def _apply_config(self, config: dict) -> None:
        self._station.config = config
        await asyncio.to_thread(durable.write_json, self._station.settings.data_dir / "config.cache.json", config)
        self._station.rack.apply(config, self._station.devices)
        self._station.hints.config_applied(config.get("configVersion"))
        self._station.wake_heartbeat.set()
        await asyncio.to_thread(self._sweep)

    def _sweep(self, *, urgent: bool = False) -> None:
        cache.sweep(self._station.store, self._station.config.get("recorderCachePolicies") or [], urgent=urgent)

    # -- jobs ----------------------------------------------------------------------------------

    def _resume_jobs(self) -> None:
        """No controller needed: what the data folder says is enough."""
        jobs, rebuilt = self._station.store.load_all()
        for job in rebuilt:
            self._station.events.note("agent.state.rebuilt", f"the state of job {job.job_id} was torn", recording_id=job.recording_id)
        for job in jobs:
            if job.phase != "done":
                log.info("job %s goes on from %s", job.job_id, job.phase)
                self._start_runner(job)

    def _start_runner(self, job: Job) -> None:
        limits = self._station.config.get("limits") or {}
        context = Context(
            settings=self._station.settings,
            controller=self._station.controller,
            clock=self._station.clock,
            rack=self._station.rack,
            hints=self._station.hints,
            store=self._station.store,
            outbox=self._station.outbox,
            events=self._station.events,
            agent_instance_id=self._station.instance_id,
            part_bytes=int(limits.get("partBytes") or PART_BYTES),
            sweep=lambda: self._sweep(urgent=True),
        )
        runner = JobRunner(context, job)
        self._station.runners[job.job_id] = runner
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
        self._station.runners.pop(job.job_id, None)
        self._station.events.end_recording(job.recording_id)
        self._station.hints.claim.set()
        self._station.wake_heartbeat.set()

    # -- outbox, watch -------------------------------------------------------------------------

    async def _outbox_loop(self) -> None:
        timing = self._station.settings.timing
        backoff = Backoff(timing.backoff_first_seconds, timing.backoff_last_seconds)
        while True:
            wait = min(1.0, timing.heartbeat_seconds)
            for post in self._station.outbox.pending():
                try:
                    answer = await self._station.controller.request("POST", post.path, json=post.body)
                except Unreachable:
                    wait = backoff.next()
                    break
                if answer.status == 401 or answer.retryable:
                    wait = backoff.next(answer.retry_after_seconds)
                    break
                if not answer.ok:
                    log.info("post %s dropped: %s %s", post.path, answer.status, answer.code)
                backoff.reset()
                await asyncio.to_thread(self._station.outbox.done, post.id)
            await asyncio.sleep(wait)

    async def _watch_loop(self) -> None:
        while True:
            self._watch.tick()
            self._progress.show(list(self._station.runners.values()))
            await asyncio.sleep(min(1.0, self._station.settings.timing.heartbeat_seconds))
