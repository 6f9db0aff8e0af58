"""Health events of this agent (08 §3): each goes through the outbox, so an outage loses none."""

import logging

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
    """`fire` and `clear` are edges: the same state again sends nothing. Safe from any thread."""

    def __init__(self, outbox: Outbox, clock: Clock, node: str):
        self._outbox, self._clock, self._node = outbox, clock, node
        self._firing: set[tuple] = set()

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
        if key not in self._firing:
            self._firing.add(key)
            self._send("firing", key, message, details)

    def clear(
        self,
        kind: str,
        message: str = "",
        *,
        interface_id: str | None = None,
        recording_id: str | None = None,
    ) -> None:
        key = (kind, interface_id, recording_id)
        if key in self._firing:
            self._firing.discard(key)
            self._send("cleared", key, message or "over", {})

    def note(self, kind: str, message: str, *, recording_id: str | None = None, **details) -> None:
        """Something that happened once: it fires and is not remembered."""
        self._send("firing", (kind, None, recording_id), message, details)

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
