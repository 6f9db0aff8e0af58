"""The states of a recording. Pure.

    queued ─claimed▶ recording ─capture_ended▶ completed ─stored▶ cached ─verified▶ uploaded
    queued ─stopped▶ cancelled                 queued ─missed▶ failed               recording ─orphaned▶ queued
    recording | completed ─nothing_captured▶ cancelled          recording | completed ─failed▶ failed
    failed ─returned▶ recording                failed | cancelled ─retried▶ queued  queued … cancelled ─stored▶ cached

`status` speaks of the newest attempt, `cache_state` of the bytes; `partial` is a flag and no status.
"""

from enum import StrEnum


class Source(StrEnum):
    AD_HOC = "ad_hoc"
    SCHEDULE = "schedule"
    SESSION = "session"


class RecordingStatus(StrEnum):
    QUEUED = "queued"
    RECORDING = "recording"
    COMPLETED = "completed"
    CACHED = "cached"
    UPLOADED = "uploaded"
    CANCELLED = "cancelled"
    FAILED = "failed"


class HealthStatus(StrEnum):
    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class CacheState(StrEnum):
    CACHED = "cached"
    MISSING = "missing"


class UploadState(StrEnum):
    NONE = "none"
    PENDING = "pending"
    FAILED = "failed"
    VERIFIED = "verified"


class AnalysisStatus(StrEnum):
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class FileRole(StrEnum):
    PRIMARY = "primary"
    ALTERNATE = "alternate"


class FileState(StrEnum):
    PRESENT = "present"
    TRASHED = "trashed"
    GONE = "gone"
    MISSING = "missing"


S = RecordingStatus
ACTIVE = frozenset({S.QUEUED, S.RECORDING, S.COMPLETED})
TERMINAL = frozenset({S.CACHED, S.UPLOADED, S.CANCELLED, S.FAILED})

# event → (states it may leave, state it leads to)
MOVES: dict[str, tuple[frozenset[RecordingStatus], RecordingStatus]] = {
    "claimed": (frozenset({S.QUEUED}), S.RECORDING),
    "orphaned": (frozenset({S.RECORDING}), S.QUEUED),
    "capture_ended": (frozenset({S.RECORDING}), S.COMPLETED),
    "stored": (frozenset({S.QUEUED, S.RECORDING, S.COMPLETED, S.FAILED, S.CANCELLED}), S.CACHED),
    "verified": (frozenset({S.CACHED}), S.UPLOADED),
    "stopped": (frozenset({S.QUEUED}), S.CANCELLED),
    "nothing_captured": (frozenset({S.RECORDING, S.COMPLETED}), S.CANCELLED),
    "missed": (frozenset({S.QUEUED}), S.FAILED),
    "failed": (frozenset({S.RECORDING, S.COMPLETED}), S.FAILED),
    "returned": (frozenset({S.FAILED}), S.RECORDING),
    "retried": (frozenset({S.FAILED, S.CANCELLED}), S.QUEUED),
}


def target(status: str, event: str) -> RecordingStatus | None:
    """Where `event` leads from `status`; None if it does not apply there."""
    sources, to = MOVES[event]
    return to if status in sources else None
