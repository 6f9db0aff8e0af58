"""The states of a job, its lease and the agent's phases. Pure.

queued ─claim▶ running ─stop▶ stop_requested        running | stop_requested ─last_file▶ completed        queued ─stop▶ cancelled
stop_requested ─nothing_captured▶ cancelled         queued ─window_missed | not_claimed▶ failed           running ─orphaned▶ queued
running | stop_requested ─agent_failed | lost | abandoned▶ failed            failed(node_lost | abandoned) ─returned▶ running
failed | cancelled ─last_file▶ completed            failed | cancelled ─retry▶ (a new job)

lease: held ─60 s without job heartbeat▶ lapsed ─job heartbeat▶ held. A lapse is a worry, never a verdict.
"""

from enum import StrEnum


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    STOP_REQUESTED = "stop_requested"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Executor(StrEnum):
    NODE = "node"
    MEDIA = "media"


class LeaseState(StrEnum):
    NONE = "none"
    HELD = "held"
    LAPSED = "lapsed"


class Phase(StrEnum):
    """What the agent says it does, in order."""

    CLAIMED = "claimed"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    RENDERED = "rendered"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    DONE = "done"


class FailureReason(StrEnum):
    WINDOW_MISSED = "window_missed"
    NOT_CLAIMED = "not_claimed"
    DEVICE_UNAVAILABLE = "device_unavailable"
    DISK_FULL = "disk_full"
    ENCODER_FAILED = "encoder_failed"
    NODE_LOST = "node_lost"
    ABANDONED = "abandoned"


class GapCause(StrEnum):
    DEVICE_LOST = "device_lost"
    RESTART = "restart"
    OVERRUN = "overrun"
    RECONNECT = "reconnect"
    DISK = "disk"
    LATE_START = "late_start"
    PUBLISHER_LOST = "publisher_lost"


S = JobStatus
ACTIVE = frozenset({S.QUEUED, S.RUNNING, S.STOP_REQUESTED})
LIVE = frozenset({S.RUNNING, S.STOP_REQUESTED})
TERMINAL = frozenset({S.COMPLETED, S.CANCELLED, S.FAILED})
CAPTURE_OPEN = (Phase.CLAIMED, Phase.CAPTURING)
CAPTURE_OVER = (Phase.CAPTURED, Phase.RENDERED, Phase.UPLOADING, Phase.UPLOADED, Phase.DONE)
RETURNABLE = frozenset({FailureReason.NODE_LOST, FailureReason.ABANDONED})
AGENT_FAILURES = (FailureReason.DEVICE_UNAVAILABLE, FailureReason.DISK_FULL, FailureReason.ENCODER_FAILED, FailureReason.WINDOW_MISSED)
MAX_ATTEMPTS = 20

# event → (states it may leave, state it leads to)
MOVES: dict[str, tuple[frozenset[JobStatus], JobStatus]] = {
    "claim": (frozenset({S.QUEUED}), S.RUNNING),
    "stop": (frozenset({S.RUNNING}), S.STOP_REQUESTED),
    "cancel": (frozenset({S.QUEUED}), S.CANCELLED),
    "nothing_captured": (frozenset({S.STOP_REQUESTED}), S.CANCELLED),
    "window_missed": (frozenset({S.QUEUED}), S.FAILED),
    "not_claimed": (frozenset({S.QUEUED}), S.FAILED),
    "orphaned": (frozenset({S.RUNNING}), S.QUEUED),
    "agent_failed": (LIVE, S.FAILED),
    "lost": (LIVE, S.FAILED),
    "abandoned": (LIVE, S.FAILED),
    "returned": (frozenset({S.FAILED}), S.RUNNING),
    "last_file": (LIVE | {S.FAILED, S.CANCELLED}, S.COMPLETED),
}


def target(status: str, event: str) -> JobStatus | None:
    """Where `event` leads from `status`; None if it does not apply there."""
    sources, to = MOVES[event]
    return to if status in sources else None


def capture_is_over(phase: str) -> bool:
    """Whether the agent holds no device for this job any more."""
    return phase in CAPTURE_OVER
