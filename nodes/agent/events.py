"""Health events of this agent (08 §3): each goes through the outbox, so an outage loses none."""

import logging
import threading
from pathlib import Path

from nodes.agent import durable
from nodes.agent.clock import Clock
from nodes.agent.outbox import Outbox

log = logging.getLogger("tallyroom.agent.events")

CRITICAL = frozenset(
    {
        "agent.capture.stalled",
        "agent.capture.xruns",
        "agent.interface.lost",
        "agent.disk.low",
        "agent.render.failed",
    }
)


class Events:
    """`fire` and `clear` are edges: the same state again sends nothing. Safe from any thread.

    What fires outlives the program in `path`, so that the next process can say that it is over.
    """

    def __init__(self, outbox: Outbox, clock: Clock, node: str, path: Path):
        self._outbox, self._clock, self._node, self._path = outbox, clock, node, path
        self._lock = threading.Lock()
        self._firing = _read(path)

    def fire(
        self,
        kind: str,
        message: str,
        *,
        interface_id: str | None = None,
        recording_id: str | None = None,
        **details: object,
    ) -> None:
        key = (kind, interface_id, recording_id)
        if self._change(key, firing=True):
            self._send("firing", key, message, details)

    def hold(self, kind: str, trouble: str | None, *, interface_id: str | None = None) -> None:
        """Fires while there is a `trouble`, its message; clears without one."""
        if trouble is None:
            self.clear(kind, interface_id=interface_id)
        else:
            self.fire(kind, trouble, interface_id=interface_id)

    def clear(
        self,
        kind: str,
        message: str = "",
        *,
        interface_id: str | None = None,
        recording_id: str | None = None,
    ) -> None:
        key = (kind, interface_id, recording_id)
        if self._change(key, firing=False):
            self._send("cleared", key, message or "over", {})

    def note(self, kind: str, message: str, *, recording_id: str | None = None, **details) -> None:
        """Something that happened, however often: each time is said."""
        key = (kind, None, recording_id)
        self._change(key, firing=True)
        self._send("firing", key, message, details)

    def end_recording(self, recording_id: str) -> None:
        """Its job is over, and with it whatever happened to it."""
        for kind, interface, recording in self._known():
            if recording == recording_id:
                self.clear(kind, interface_id=interface, recording_id=recording)

    def forget_interfaces(self, present: set[str]) -> None:
        """What fires for an interface that is no longer wired is over."""
        for kind, interface, recording in self._known():
            if interface is not None and interface not in present:
                self.clear(kind, interface_id=interface, recording_id=recording)

    def is_firing(self, kind: str) -> bool:
        return any(known == kind for known, _, _ in self._known())

    def _known(self) -> list[tuple]:
        with self._lock:
            return list(self._firing)

    def _change(self, key: tuple, *, firing: bool) -> bool:
        """Whether that is news."""
        with self._lock:
            if (key in self._firing) is firing:
                return False
            self._firing ^= {key}
        return True

    def _remember(self) -> None:
        """After the word is on its way: said twice does no harm, an end never said would."""
        with self._lock:
            try:
                durable.write_json(self._path, {"firing": [list(known) for known in self._firing]})
            except OSError as error:
                log.error("what fires could not be written down: %s", error)

    def _send(self, state: str, key: tuple, message: str, details: dict) -> None:
        kind, interface_id, recording_id = key
        severity = "critical" if kind in CRITICAL else "warning"
        (log.warning if state == "firing" else log.info)("%s %s: %s", kind, state, message)
        body = {
            "id": durable.uuid7(),
            "type": kind,
            "severity": severity,
            "state": state,
            "message": message[:500],
            "details": details,
            "openedAt": self._clock.now_text(),
        }
        if interface_id:
            body["interfaceId"] = interface_id
        if recording_id:
            body["recordingId"] = recording_id
        self._outbox.add(f"/nodes/{self._node}/health-events", body, severity=severity)
        self._remember()


def _read(path: Path) -> set[tuple]:
    try:
        stored = durable.read_json(path) or {}
        return {(kind, interface, recording) for kind, interface, recording in stored.get("firing", [])}
    except (ValueError, TypeError, OSError):
        return set()
