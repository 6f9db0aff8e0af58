"""The words of telemetry, and its limits (05 §6). Pure."""

from django.db.models import TextChoices

from operators.workspaces.states import DeviceKind

# A sample may be dated this far ahead of its arrival, and counts if it came this soon.
AHEAD_MS = 2_000
LATE_MS = 30_000
PER_SECOND = 10
REQUESTS_PER_SECOND = 20
BATCH = 600
BATCH_BYTES = 512 * 1024
SENSOR_BYTES = 2 * 1024
ACCURACY_METERS = 100_000
# The accuracy that a sample needs is the fence's radius within these.
NEEDED_ACCURACY_METERS = (25, 100)
NONCE_EVERY_MS = 30_000
# How long after its issue samples still count without the nonce.
NONCE_GRACE_MS = 5_000
# The edge admits a publisher of tier 3 with a sample at most this old.
EDGE_PROOF_SECONDS = 3


class Source(TextChoices):
    """Where a position comes from; the last two prove nothing."""

    GPS = "gps"
    NETWORK = "network"
    FUSED = "fused"
    FIXED = "fixed"
    MANUAL = "manual"
    SIMULATED = "simulated"


UNUSABLE = frozenset({Source.MANUAL, Source.SIMULATED})


class Verdict(TextChoices):
    """What a stored sample is worth; only `in_fence` counts. `implausible` is said by the meter, over the whole log."""

    IN_FENCE = "in_fence"
    OUT_OF_FENCE = "out_of_fence"
    LATE = "late"
    UNUSABLE_SOURCE = "unusable_source"
    INACCURATE = "inaccurate"
    CHALLENGE_MISSING = "challenge_missing"
    IMPLAUSIBLE = "implausible"


class Flag(TextChoices):
    """What is odd about a session; it changes no bill."""

    IMPLAUSIBLE_SPEED = "implausible_speed"
    NO_SENSOR_NOISE = "no_sensor_noise"
    SLOW_BEACON = "slow_beacon"


class ProvenanceState(TextChoices):
    """Whether frames are signed at their origin. BROKEN stays."""

    NONE = "NONE"
    DECLARED = "DECLARED"
    VERIFIED = "VERIFIED"
    BROKEN = "BROKEN"


_SPEEDS = {
    DeviceKind.PHONE: 56,
    DeviceKind.LAPTOP: 56,
    DeviceKind.DRONE: 60,
    DeviceKind.ROBOT: 30,
    DeviceKind.PTZ: 3,
    DeviceKind.FIXED: 3,
}
_STANDING = frozenset({DeviceKind.PTZ, DeviceKind.FIXED})


def speed_limit_mps(kind: str) -> int:
    """Faster than this, metres per second, no device of the kind moves."""
    return _SPEEDS.get(kind, 100)


def moves(kind: str) -> bool:
    """Whether positions of this kind of device must show the noise of a sensor."""
    return kind not in _STANDING
