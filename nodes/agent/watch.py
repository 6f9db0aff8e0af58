"""Once a second: what is plugged in, what hangs, and which health events hold (08 §2).

Conditions are looked at, not remembered: what fired before a restart clears after it, and `Events`
sends only what changes. What happened to one recording is over with its job (`loops`).
"""

import time
from collections import deque

from nodes.agent import inventory
from nodes.agent.rack import Slot
from nodes.agent.runner import LEAST_FREE_BYTES, SPARE_FACTOR, JobRunner
from nodes.agent.station import Station

#: Samples were lost more often than this in a minute; over after two minutes without.
XRUNS_A_MINUTE = 5
XRUN_WINDOW_SECONDS, XRUN_QUIET_SECONDS = 60.0, 120.0


class Watch:
    """Use from one asyncio loop."""

    def __init__(self, station: Station):
        self._station = station
        self._events = station.events
        self._xruns: dict[str, deque[tuple[float, int]]] = {}

    def tick(self) -> None:
        station = self._station
        station.rack.set_watched(station.hints.watched)
        station.look_at_devices()
        station.rack.kick_stalled()
        for slot in station.rack.slots():
            self._watch_interface(slot)
        if station.config:
            self._events.forget_interfaces({slot.id for slot in station.rack.slots()})
        for runner in station.runners.values():
            self._watch_xruns(runner)
        self._xruns = {job_id: seen for job_id, seen in self._xruns.items() if job_id in station.runners}
        self._watch_disk()
        if not station.store.has_quarantined:
            self._events.clear("agent.recording_job.quarantined")

    def _watch_interface(self, slot: Slot) -> None:
        events, reader = self._events, slot.reader
        events.hold("agent.interface.source_not_allowed", slot.refusal, interface_id=slot.id)
        if reader is None or not slot.captures:
            events.clear("agent.capture.stalled", interface_id=slot.id)
        if reader is None:
            events.clear("agent.interface.lost", interface_id=slot.id)
            return
        quiet = time.monotonic() - reader.last_block_mono
        timing = self._station.settings.timing
        if reader.state == "open" and quiet < 1.0:
            events.clear("agent.capture.stalled", interface_id=slot.id)
            events.clear("agent.interface.lost", interface_id=slot.id)
        elif slot.captures and reader.state in ("lost", "error"):
            events.fire("agent.interface.lost", reader.error or "lost", interface_id=slot.id)
        if slot.captures and quiet > timing.url_stall_seconds + timing.stall_seconds:
            events.fire("agent.capture.stalled", f"no samples for {quiet:.0f} s", interface_id=slot.id)

    def _watch_xruns(self, runner: JobRunner) -> None:
        job, now = runner.job, time.monotonic()
        seen = self._xruns.setdefault(job.job_id, deque())
        seen.append((now, job.xruns))
        while now - seen[0][0] > XRUN_QUIET_SECONDS:
            seen.popleft()
        minute = next(count for at, count in seen if now - at <= XRUN_WINDOW_SECONDS)
        if job.xruns - minute > XRUNS_A_MINUTE:
            self._events.fire(
                "agent.capture.xruns",
                f"samples were lost {job.xruns - minute} times in a minute",
                recording_id=job.recording_id,
            )
        elif now - seen[0][0] > XRUN_QUIET_SECONDS - 2 and job.xruns == seen[0][1]:
            self._events.clear("agent.capture.xruns", recording_id=job.recording_id)

    def _watch_disk(self) -> None:
        """`agent.disk.low` is raised where the space is wanted (`runner`), and is over when all have it."""
        runners = self._station.runners.values()
        found = inventory.disk(self._station.settings.data_dir)
        self._events.hold("agent.disk.probe_failed", found["probeError"])
        if found["probeError"] is not None or any(runner.waits_for_disk for runner in runners):
            return
        needs = [runner.needed_bytes() * SPARE_FACTOR for runner in runners]
        if found["freeBytes"] >= max([LEAST_FREE_BYTES, *needs]):
            self._events.clear("agent.disk.low")
