"""The kernel's own periodic work: answers and events past their time go away."""

from datetime import timedelta

from config.kernel import clock, realtime
from config.kernel.idempotency import KEEP_SECONDS
from config.kernel.models import IdempotencyRecord, TopicEvent
from config.kernel.tasks import periodic


@periodic("kernel.purge", every=3600)
def purge() -> dict:
    """Delete stored idempotent answers after 24 h and topic events that can no longer be replayed."""
    stale = IdempotencyRecord.objects.filter(created_at__lt=clock.now() - timedelta(seconds=KEEP_SECONDS))
    replayed = TopicEvent.objects.filter(created_at__lt=clock.now() - timedelta(seconds=realtime.KEEP_SECONDS))
    return {"answers": stale.delete()[0], "events": replayed.delete()[0]}
