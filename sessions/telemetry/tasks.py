"""Telemetry in the background: nonces by the clock; room for the days to come, and away with what was kept long enough."""

from datetime import UTC

from config.kernel import clock, loops
from config.kernel.tasks import periodic
from sessions.telemetry import partitions, services


@loops.loop("telemetry.challenges", every=1)
def issue_challenges() -> dict:
    """A fresh nonce each 30 s to whoever follows a LIVE session of trust tier 2 as its operator."""
    return {"issued": services.challenge_all()}


@periodic("telemetry.partitions", every=24 * 3600)
def telemetry_partitions() -> dict:
    """Idempotent. What is over goes by the day, but not while a session in it is disputed."""
    from sessions.settlement.models import Dispute
    from sessions.settlement.states import DisputeState

    today = clock.now().astimezone(UTC).date()
    made = partitions.ensure(today)
    disputed = list(Dispute.objects.filter(state=DisputeState.OPEN).values_list("session_id", flat=True))
    return {"made": len(made), "dropped": len(partitions.drop_old(today, disputed))}
