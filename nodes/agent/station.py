"""What the loops of one running agent share."""

import asyncio
from dataclasses import dataclass, field

from nodes.agent import inventory
from nodes.agent.client import Controller
from nodes.agent.clock import Clock
from nodes.agent.config import Settings
from nodes.agent.events import Events
from nodes.agent.hints import Hints
from nodes.agent.jobs import Job
from nodes.agent.jobstore import JobStore
from nodes.agent.outbox import Outbox
from nodes.agent.rack import Rack
from nodes.agent.runner import JobRunner

CLAIM_LEAD_SECONDS = 60.0


@dataclass
class Station:
    """Use from one asyncio loop. `config` is the controller's last good one, {} before the first."""

    settings: Settings
    instance_id: str
    process_id: str
    clock: Clock
    hints: Hints
    store: JobStore
    outbox: Outbox
    events: Events
    controller: Controller
    rack: Rack
    config: dict = field(default_factory=dict)
    devices: list[inventory.Device] = field(default_factory=list)
    runners: dict[str, JobRunner] = field(default_factory=dict)
    unauthorized: bool = False
    wake_heartbeat: asyncio.Event = field(default_factory=asyncio.Event)

    def status(self) -> str:
        if self.draining():
            return "draining"
        return "ok" if self.config else "starting"

    def look_at_devices(self) -> None:
        """What is plugged in now: a device may be gone, or back under another name."""
        found = inventory.devices(self.settings)
        if found != self.devices:
            self.devices = found
            self.rack.apply(self.config, found)
            self.wake_heartbeat.set()
        self.rack.follow_devices()

    def draining(self) -> bool:
        return (self.settings.data_dir / "drain").exists()

    def free_slots(self) -> int:
        """A capture that ends within the claim's lead leaves its slot to the one that follows it."""
        if self.draining():
            return 0
        capacity = (self.config.get("recordingCapacity") or {}).get("maxConcurrentRecordings", 1)
        busy = sum(self._is_busy(runner.job) for runner in self.runners.values())
        return max(0, int(capacity) - busy)

    def _is_busy(self, job: Job) -> bool:
        if job.phase == "claimed":
            return True
        if job.phase != "capturing" or job.stop is not None:
            return False
        return job.end_utc is None or job.end_utc > self.clock.utc() + CLAIM_LEAD_SECONDS


async def either(event: asyncio.Event, seconds: float) -> None:
    """Until the event or the time; the event is taken."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
