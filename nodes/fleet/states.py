"""States of the fleet, pure.

    credential: active ─rotate▶ expiring ─first use of the new one | expires | revokeNow▶ revoked
    node status, the first that applies: offline → alerting → degraded → recording → online

Liveness and status are computed from `last_seen_at` in the database (selectors), never stored.
"""

from enum import StrEnum


class Liveness(StrEnum):
    """How long ago the node was heard: ≤ 20 s, ≤ 120 s, longer or never."""

    ONLINE = "online"
    DEGRADED = "degraded"
    OFFLINE = "offline"


class NodeStatus(StrEnum):
    """What a person should know first about a node."""

    OFFLINE = "offline"
    ALERTING = "alerting"
    DEGRADED = "degraded"
    RECORDING = "recording"
    ONLINE = "online"


class ReportedStatus(StrEnum):
    """What the recorder agent says of itself."""

    OK = "ok"
    STARTING = "starting"
    DRAINING = "draining"
    ERROR = "error"


class Backend(StrEnum):
    """What drives an interface."""

    ALSA = "alsa"
    JACK = "jack"
    PIPEWIRE = "pipewire"
    PULSE = "pulse"
    URL = "url"
    FILE = "file"
    LAVFI = "lavfi"
    UNKNOWN = "unknown"


class InterfaceState(StrEnum):
    """As reported; an interface that the newest inventory omits is lost."""

    OPEN = "open"
    IDLE = "idle"
    LOST = "lost"
    ERROR = "error"


class SampleFormat(StrEnum):
    """Raw samples of a capture."""

    S16 = "s16"
    S24 = "s24"
    S32 = "s32"
    F32 = "f32"


class Monitor(StrEnum):
    """When the interface is read while nothing records."""

    ALWAYS = "always"
    DEMAND = "demand"
    OFF = "off"


class ChannelRole(StrEnum):
    """Whether the watchdog expects something on a channel."""

    EXPECTED = "expected"
    OPTIONAL = "optional"
    UNUSED = "unused"


class CredentialState(StrEnum):
    """See the module."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    REVOKED = "revoked"


class Deliver(StrEnum):
    """How a rotated credential reaches the machine: by the person who asked, or in its heartbeat replies."""

    RESPONSE = "response"
    NODE = "node"


def choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Django's choices of an enum."""
    return [(item.value, item.value) for item in enum]


def default_monitor(backend: str) -> Monitor:
    """A URL is opened on demand; a device or file is always heard."""
    return Monitor.DEMAND if backend == Backend.URL else Monitor.ALWAYS
