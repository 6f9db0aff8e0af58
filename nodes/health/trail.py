"""The audit as something that can be ill: a broken trail, a seal that lags, a month that could not be archived."""

from audit.selectors import seal_lag_seconds
from nodes.health import services
from nodes.health.models import HealthEvent
from nodes.health.states import Condition, EventStatus, Severity

BROKEN, SEAL_LAG, ARCHIVE_FAILED = "controller.audit.broken", "controller.audit.seal_lag", "controller.audit.archive_failed"
LAG_SECONDS = 600
_TRAIL = ("audit", "trail", "Audit")


def _month(month) -> tuple[str, str, str]:
    return ("audit", f"{month:%Y-%m}", f"Audit of {month:%Y-%m}")


def on_broken(sender, *, month, findings, **_kwargs) -> None:
    """`audit_broken`: somebody changed, removed or slipped in what was recorded."""
    kinds = sorted({found["finding"] for found in findings})
    message = f"The audit of {month:%Y-%m} does not verify: {', '.join(kinds)}. Run manage.py audit_verify --month {month:%Y-%m}."
    services.raise_event(
        type=BROKEN, severity=Severity.CRITICAL, message=message, subject=_month(month), details={"findings": findings[:20], "count": len(findings)}
    )


def on_sound(sender, *, month, **_kwargs) -> None:
    services.clear_event(type=BROKEN, subject=_month(month), at_once=True)


def on_archive_failed(sender, *, month, reason, **_kwargs) -> None:
    message = f"The audit of {month:%Y-%m} is due and could not be archived: {reason}"
    services.raise_event(type=ARCHIVE_FAILED, severity=Severity.WARNING, message=message, subject=_month(month))


def on_archived(sender, *, month, **_kwargs) -> None:
    services.clear_event(type=ARCHIVE_FAILED, subject=_month(month), at_once=True)


def watch_seal() -> int:
    """Raise a warning while the oldest event without a seal is older than ten minutes; 1 if something changed."""
    lag = seal_lag_seconds()
    firing = HealthEvent.objects.filter(type=SEAL_LAG, condition=Condition.FIRING).exclude(status=EventStatus.RESOLVED).exists()
    if lag > LAG_SECONDS and not firing:
        message = f"Events of the audit have waited {int(lag // 60)} minutes for their seal. Is the worker running?"
        services.raise_event(type=SEAL_LAG, severity=Severity.WARNING, message=message, subject=_TRAIL, details={"lagSeconds": int(lag)})
        return 1
    if lag <= LAG_SECONDS and firing:
        services.clear_event(type=SEAL_LAG, subject=_TRAIL, at_once=True)
        return 1
    return 0
