"""The node's lease on a job. A lapse is a worry, never a verdict: nothing here ends a job."""

from datetime import datetime, timedelta

from django.conf import settings

from recordings.jobs.states import LeaseState
from recordings.locks import db_now


def renewed(now: datetime | None = None) -> dict:
    """Columns of a job whose lease was just renewed."""
    now = now or db_now()
    return {
        "lease_state": LeaseState.HELD,
        "lease_until": now + timedelta(seconds=settings.JOB_LEASE_SECONDS),
        "lapsed_at": None,
        "heartbeat_at": now,
        "orphan_since": None,
    }
