"""Health events that recordings and jobs raise and clear: what is wrong, about which node and recording."""

from nodes.health import services
from nodes.health.states import Severity

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def about_recording(kind: str, severity: Severity, message: str, recording, **details) -> None:
    """Raise `controller.<kind>` about a recording and its node; the same again counts up, never opens a second one."""
    services.raise_event(
        type=f"controller.{kind}",
        severity=severity,
        message=message,
        node=recording.node,
        recording=(recording.pk, recording.name),
        details=details,
    )


def over(kind: str, recording) -> None:
    """`controller.<kind>` of this recording is over, at once: what ended it is a fact, not a measurement that may flutter."""
    services.clear_event(type=f"controller.{kind}", node=recording.node, recording=(recording.pk, recording.name), at_once=True)


def about_stray_file(message: str, path: str) -> None:
    """Raise a warning about a file below the media root that no row knows."""
    services.raise_event(
        type="controller.storage.unknown_file", severity=WARNING, message=message, subject=("file", path[-64:], path), details={"path": path}
    )
